// SPDX-License-Identifier: GPL-2.0

//! The numbers of the generic netlink family: those of the specification `child/muennet.yaml`.
//!
//! A test reads the specification and compares.

/// Name of the family.
pub const FAMILY: &str = "muennet";

/// Version of the family.
pub const VERSION: u8 = 1;

/// The multicast group that is told of every change.
pub const GROUP_CHANGES: &str = "changes";

/// Declares a module of constants, and the list of them with their names in the specification.
macro_rules! numbers {
    ($(#[$doc:meta])* $module:ident: $type:ty { $($name:ident = $value:literal $spec:literal,)* }) => {
        $(#[$doc])*
        #[allow(dead_code, reason = "the lists are complete, also where nobody asks for one")]
        pub mod $module {
            $(
                #[doc = concat!("`", $spec, "`")]
                pub const $name: $type = $value;
            )*

            /// All of them, by their names in the specification.
            pub const ALL: &[(&str, $type)] = &[$(($spec, $value),)*];
        }
    };
}

numbers! {
    /// Operations.
    command: u8 {
        DEV_GET = 1 "dev-get",
        MARK_GET = 2 "mark-get",
        CHILD_ADD = 3 "child-add",
        CHILD_DEL = 4 "child-del",
        MARK_ADD = 5 "mark-add",
        MARK_DEL = 6 "mark-del",
        MARK_MOVE = 7 "mark-move",
        CHILD_ADD_NTF = 8 "child-add-ntf",
        CHILD_DEL_NTF = 9 "child-del-ntf",
        MARK_ADD_NTF = 10 "mark-add-ntf",
        MARK_DEL_NTF = 11 "mark-del-ntf",
        MARK_MOVE_NTF = 12 "mark-move-ntf",
    }
}

numbers! {
    /// Attributes of messages.
    attribute: u16 {
        IFINDEX = 1 "ifindex",
        IFNAME = 2 "ifname",
        NETNSID = 3 "netnsid",
        PARENT_IFINDEX = 4 "parent-ifindex",
        PARENT_IFNAME = 5 "parent-ifname",
        PARENT_NETNSID = 6 "parent-netnsid",
        FROM_IFINDEX = 7 "from-ifindex",
        FROM_IFNAME = 8 "from-ifname",
        FROM_NETNSID = 9 "from-netnsid",
        MARK = 10 "mark",
        MARK_COUNT = 11 "mark-count",
        MODE = 12 "mode",
        MTU = 13 "mtu",
        UP = 14 "up",
        IN_CHANNEL = 15 "in-channel",
        OUT_CHANNEL = 16 "out-channel",
        PEER_STATE = 17 "peer-state",
        STATS = 18 "stats",
    }
}

numbers! {
    /// Attributes within `in-channel` and `out-channel`.
    channel: u16 {
        NAME = 1 "name",
        PROTOCOL = 2 "protocol",
        REGION_SIZE = 3 "region-size",
        ELEMENT_SIZE = 4 "element-size",
        ELEMENTS = 5 "elements",
    }
}

numbers! {
    /// Attributes within `stats`.
    stats: u16 {
        RX_PACKETS = 1 "rx-packets",
        RX_BYTES = 2 "rx-bytes",
        RX_ERRORS = 3 "rx-errors",
        RX_DROPPED = 4 "rx-dropped",
        RX_OVER_ERRORS = 5 "rx-over-errors",
        RX_FRAME_ERRORS = 6 "rx-frame-errors",
        RX_MISSED_ERRORS = 7 "rx-missed-errors",
        TX_PACKETS = 8 "tx-packets",
        TX_BYTES = 9 "tx-bytes",
        TX_DROPPED = 10 "tx-dropped",
    }
}

numbers! {
    /// Values of `mode`.
    mode: u32 {
        RAW = 0 "raw",
        IP = 1 "ip",
        ETHERNET = 2 "ethernet",
        IP_OFFLOAD = 3 "ip-offload",
    }
}

numbers! {
    /// Values of `peer-state`.
    peer_state: u32 {
        UNKNOWN = 0 "unknown",
        INACTIVE = 1 "inactive",
        ACTIVE = 2 "active",
        INCOMPATIBLE = 3 "incompatible",
        BROKEN = 4 "broken",
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
            ("stats", stats::ALL),
        ] {
            let attributes = &by_name(&spec["attribute-sets"], set)["attributes"];
            assert_eq!(ours(all), numbered(attributes, 1), "{set}");
        }
        for (name, all) in [("mode", mode::ALL), ("peer-state", peer_state::ALL)] {
            let entries = &by_name(&spec["definitions"], name)["entries"];
            assert_eq!(ours(all), numbered(entries, 0), "{name}");
        }
        let groups = numbered(&spec["mcast-groups"]["list"], 0);
        assert_eq!(groups, [(GROUP_CHANGES.to_owned(), 0)]);
    }

    #[test]
    fn names() {
        assert_eq!(name_of(mode::ALL, mode::IP), Some("ip"));
        assert_eq!(name_of(mode::ALL, 4), None);
    }
}
