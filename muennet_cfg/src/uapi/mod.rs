// SPDX-License-Identifier: GPL-2.0

//! The numbers of the generic netlink family, by the names of the specification
//! `child/muennet.yaml`.
//!
//! `make uapi` generates the numbers in `uapi/bindings.rs` from the specification. A test compares
//! the names here with the specification.

#[allow(dead_code, non_camel_case_types, reason = "generated code")]
mod bindings;

/// Name of the family.
pub const FAMILY: &str = text(bindings::MUENNET_FAMILY_NAME);

/// Version of the family.
pub const VERSION: u8 = bindings::MUENNET_FAMILY_VERSION as u8;

/// Longest name of a memory region in bytes.
pub const REGION_NAME_MAX: usize = bindings::MUENNET_REGION_NAME_MAX_LEN as usize;

/// Shortest poll period in microseconds.
pub const POLL_MIN: u32 = bindings::MUENNET_POLL_MIN;

/// Longest poll period in microseconds.
pub const POLL_MAX: u32 = bindings::MUENNET_POLL_MAX;

/// The multicast group for notifications of all changes.
pub const GROUP_CHANGES: &str = text(bindings::MUENNET_MCGRP_CHANGES);

/// Takes a C string without its NUL; an empty one if it is not a string.
const fn text(bytes: &'static [u8]) -> &'static str {
    let [text @ .., 0] = bytes else { return "" };
    match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// Declares a module of constants, and a list of them with their names in the specification.
macro_rules! numbers {
    (
        $(#[$doc:meta])*
        $module:ident: $type:ty { $($name:ident = $constant:ident $spec:literal,)* }
    ) => {
        $(#[$doc])*
        #[allow(dead_code, reason = "the lists are complete, unused constants included")]
        pub mod $module {
            use super::bindings;

            $(
                #[doc = concat!("`", $spec, "`")]
                pub const $name: $type = bindings::$constant as $type;
            )*

            /// All of them, by their names in the specification.
            pub const ALL: &[(&str, $type)] = &[$(($spec, $name),)*];
        }
    };
}

numbers! {
    /// Operations.
    command: u8 {
        DEV_GET = MUENNET_CMD_DEV_GET "dev-get",
        MARK_GET = MUENNET_CMD_MARK_GET "mark-get",
        CHILD_ADD = MUENNET_CMD_CHILD_ADD "child-add",
        CHILD_DEL = MUENNET_CMD_CHILD_DEL "child-del",
        MARK_ADD = MUENNET_CMD_MARK_ADD "mark-add",
        MARK_DEL = MUENNET_CMD_MARK_DEL "mark-del",
        MARK_MOVE = MUENNET_CMD_MARK_MOVE "mark-move",
        CHILD_ADD_NTF = MUENNET_CMD_CHILD_ADD_NTF "child-add-ntf",
        CHILD_DEL_NTF = MUENNET_CMD_CHILD_DEL_NTF "child-del-ntf",
        MARK_ADD_NTF = MUENNET_CMD_MARK_ADD_NTF "mark-add-ntf",
        MARK_DEL_NTF = MUENNET_CMD_MARK_DEL_NTF "mark-del-ntf",
        MARK_MOVE_NTF = MUENNET_CMD_MARK_MOVE_NTF "mark-move-ntf",
        DEV_ADD = MUENNET_CMD_DEV_ADD "dev-add",
        DEV_DEL = MUENNET_CMD_DEV_DEL "dev-del",
        DEV_SET = MUENNET_CMD_DEV_SET "dev-set",
        CHANNEL_GET = MUENNET_CMD_CHANNEL_GET "channel-get",
        DEV_ADD_NTF = MUENNET_CMD_DEV_ADD_NTF "dev-add-ntf",
        DEV_DEL_NTF = MUENNET_CMD_DEV_DEL_NTF "dev-del-ntf",
        DEV_SET_NTF = MUENNET_CMD_DEV_SET_NTF "dev-set-ntf",
    }
}

numbers! {
    /// Attributes of messages.
    attribute: u16 {
        IFINDEX = MUENNET_A_IFINDEX "ifindex",
        IFNAME = MUENNET_A_IFNAME "ifname",
        NETNSID = MUENNET_A_NETNSID "netnsid",
        PARENT_IFINDEX = MUENNET_A_PARENT_IFINDEX "parent-ifindex",
        PARENT_IFNAME = MUENNET_A_PARENT_IFNAME "parent-ifname",
        PARENT_NETNSID = MUENNET_A_PARENT_NETNSID "parent-netnsid",
        FROM_IFINDEX = MUENNET_A_FROM_IFINDEX "from-ifindex",
        FROM_IFNAME = MUENNET_A_FROM_IFNAME "from-ifname",
        FROM_NETNSID = MUENNET_A_FROM_NETNSID "from-netnsid",
        MARK = MUENNET_A_MARK "mark",
        MARK_COUNT = MUENNET_A_MARK_COUNT "mark-count",
        MODE = MUENNET_A_MODE "mode",
        MTU = MUENNET_A_MTU "mtu",
        UP = MUENNET_A_UP "up",
        IN_CHANNEL = MUENNET_A_IN_CHANNEL "in-channel",
        OUT_CHANNEL = MUENNET_A_OUT_CHANNEL "out-channel",
        PEER_STATE = MUENNET_A_PEER_STATE "peer-state",
        STATS = MUENNET_A_STATS "stats",
        RX_PAUSE = MUENNET_A_RX_PAUSE "rx-pause",
        TX_PAUSE = MUENNET_A_TX_PAUSE "tx-pause",
        VLAN = MUENNET_A_VLAN "vlan",
        PMTU = MUENNET_A_PMTU "pmtu",
        MAC = MUENNET_A_MAC "mac",
        POLL = MUENNET_A_POLL "poll",
        SETTINGS = MUENNET_A_SETTINGS "settings",
        SETTINGS_MASK = MUENNET_A_SETTINGS_MASK "settings-mask",
        CHANNEL = MUENNET_A_CHANNEL "channel",
    }
}

numbers! {
    /// Attributes within `in-channel`, `out-channel` and `channel`.
    channel: u16 {
        NAME = MUENNET_A_CHANNEL_NAME "name",
        PROTOCOL = MUENNET_A_CHANNEL_PROTOCOL "protocol",
        REGION_SIZE = MUENNET_A_CHANNEL_REGION_SIZE "region-size",
        ELEMENT_SIZE = MUENNET_A_CHANNEL_ELEMENT_SIZE "element-size",
        ELEMENTS = MUENNET_A_CHANNEL_ELEMENTS "elements",
        CONFIGURED_PROTOCOL = MUENNET_A_CHANNEL_CONFIGURED_PROTOCOL "configured-protocol",
        WRITABLE = MUENNET_A_CHANNEL_WRITABLE "writable",
        EVENT = MUENNET_A_CHANNEL_EVENT "event",
        VECTOR = MUENNET_A_CHANNEL_VECTOR "vector",
        USER = MUENNET_A_CHANNEL_USER "user",
    }
}

numbers! {
    /// Attributes within `user`.
    user: u16 {
        IFINDEX = MUENNET_A_USER_IFINDEX "ifindex",
        IFNAME = MUENNET_A_USER_IFNAME "ifname",
        NETNSID = MUENNET_A_USER_NETNSID "netnsid",
        PEER_STATE = MUENNET_A_USER_PEER_STATE "peer-state",
    }
}

numbers! {
    /// Attributes within `stats`.
    stats: u16 {
        RX_PACKETS = MUENNET_A_STATS_RX_PACKETS "rx-packets",
        RX_BYTES = MUENNET_A_STATS_RX_BYTES "rx-bytes",
        RX_ERRORS = MUENNET_A_STATS_RX_ERRORS "rx-errors",
        RX_DROPPED = MUENNET_A_STATS_RX_DROPPED "rx-dropped",
        RX_OVER_ERRORS = MUENNET_A_STATS_RX_OVER_ERRORS "rx-over-errors",
        RX_FRAME_ERRORS = MUENNET_A_STATS_RX_FRAME_ERRORS "rx-frame-errors",
        RX_MISSED_ERRORS = MUENNET_A_STATS_RX_MISSED_ERRORS "rx-missed-errors",
        TX_PACKETS = MUENNET_A_STATS_TX_PACKETS "tx-packets",
        TX_BYTES = MUENNET_A_STATS_TX_BYTES "tx-bytes",
        TX_DROPPED = MUENNET_A_STATS_TX_DROPPED "tx-dropped",
    }
}

numbers! {
    /// Values of `mode`.
    mode: u32 {
        RAW = MUENNET_MODE_RAW "raw",
        IP = MUENNET_MODE_IP "ip",
        ETHERNET = MUENNET_MODE_ETHERNET "ethernet",
        IP_OFFLOAD = MUENNET_MODE_IP_OFFLOAD "ip-offload",
    }
}

numbers! {
    /// Values of `peer-state`.
    peer_state: u32 {
        UNKNOWN = MUENNET_PEER_STATE_UNKNOWN "unknown",
        INACTIVE = MUENNET_PEER_STATE_INACTIVE "inactive",
        ACTIVE = MUENNET_PEER_STATE_ACTIVE "active",
        INCOMPATIBLE = MUENNET_PEER_STATE_INCOMPATIBLE "incompatible",
        BROKEN = MUENNET_PEER_STATE_BROKEN "broken",
    }
}

numbers! {
    /// Bits of `settings`.
    settings: u32 {
        CARRIER_FOLLOWS_PEER = MUENNET_SETTINGS_CARRIER_FOLLOWS_PEER "carrier-follows-peer",
        RESTART_WITH_PEER = MUENNET_SETTINGS_RESTART_WITH_PEER "restart-with-peer",
        RX_PAUSE = MUENNET_SETTINGS_RX_PAUSE "rx-pause",
        TX_PAUSE = MUENNET_SETTINGS_TX_PAUSE "tx-pause",
    }
}

/// Looks a number's name up in the list of a module above.
pub fn name_of<N: PartialEq>(all: &[(&'static str, N)], number: N) -> Option<&'static str> {
    all.iter()
        .find(|(_, value)| *value == number)
        .map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use saphyr::LoadableYamlNode;
    use saphyr::Yaml;

    use super::*;

    fn specification() -> Yaml<'static> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../child/muennet.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        Yaml::load_from_str(&text).unwrap().remove(0)
    }

    /// Numbers the entries of a list as the specification's format says: each is one more than the
    /// one before it unless it has a value of its own.
    fn numbered(list: &Yaml<'_>, first: u32) -> Vec<(String, u32)> {
        let mut next = first;
        let mut all = Vec::new();
        for entry in list.as_sequence().unwrap() {
            let name = entry.as_str().or_else(|| entry["name"].as_str()).unwrap();
            if let Some(value) = entry.as_mapping_get("value").and_then(Yaml::as_integer) {
                next = u32::try_from(value).unwrap();
            }
            all.push((name.to_owned(), next));
            next += 1;
        }
        all
    }

    fn by_name<'a>(list: &'a Yaml<'_>, name: &str) -> &'a Yaml<'a> {
        list.as_sequence()
            .unwrap()
            .iter()
            .find(|entry| entry["name"].as_str() == Some(name))
            .unwrap()
    }

    fn ours<N: Copy + Into<u32>>(all: &[(&str, N)]) -> Vec<(String, u32)> {
        all.iter()
            .map(|(name, number)| ((*name).to_owned(), (*number).into()))
            .collect()
    }

    #[test]
    fn numbers_are_those_of_the_specification() {
        let spec = specification();
        assert_eq!(spec["name"].as_str(), Some(FAMILY));
        assert_eq!(spec["protocol"].as_str(), Some("genetlink"));
        assert!(spec.as_mapping_get("version").is_none(), "the default is 1");
        assert_eq!(VERSION, 1);
        assert_eq!(
            ours(command::ALL),
            numbered(&spec["operations"]["list"], 1),
            "operations"
        );
        for (set, all) in [
            ("muennet", attribute::ALL),
            ("channel", channel::ALL),
            ("user", user::ALL),
            ("stats", stats::ALL),
        ] {
            let attributes = &by_name(&spec["attribute-sets"], set)["attributes"];
            assert_eq!(ours(all), numbered(attributes, 1), "{set}");
        }
        for (name, all) in [("mode", mode::ALL), ("peer-state", peer_state::ALL)] {
            let entries = &by_name(&spec["definitions"], name)["entries"];
            assert_eq!(ours(all), numbered(entries, 0), "{name}");
        }
        let entries = &by_name(&spec["definitions"], "settings")["entries"];
        let bits = numbered(entries, 0);
        let bits = bits.into_iter().map(|(name, number)| (name, 1 << number));
        assert_eq!(ours(settings::ALL), bits.collect::<Vec<_>>(), "settings");
        let groups = numbered(&spec["mcast-groups"]["list"], 0);
        assert_eq!(groups, [(GROUP_CHANGES.to_owned(), 0)]);
    }

    #[test]
    fn names() {
        assert_eq!(name_of(mode::ALL, mode::IP), Some("ip"));
        assert_eq!(name_of(mode::ALL, 4), None);
    }
}
