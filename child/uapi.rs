// SPDX-License-Identifier: GPL-2.0

//! The numbers of the netlink family, which follow from the order in `muennet.yaml`.

/// Defines numbers for names, from 1 on.
macro_rules! numbers {
    ($(#[$doc:meta])* $module:ident: $type:ty { $($name:ident,)* }) => {
        $(#[$doc])*
        #[allow(dead_code, reason = "some numbers only others use")]
        pub(crate) mod $module {
            #[allow(
                non_camel_case_types,
                clippy::upper_case_acronyms,
                reason = "names of constants"
            )]
            #[repr(u8)]
            enum Numbers { _NONE, $($name,)* }

            $(pub(crate) const $name: $type = Numbers::$name as $type;)*
        }
    };
}

numbers! {
    /// Commands and notifications.
    command: u8 {
        DEV_GET,
        MARK_GET,
        CHILD_ADD,
        CHILD_DEL,
        MARK_ADD,
        MARK_DEL,
        MARK_MOVE,
        CHILD_ADD_NTF,
        CHILD_DEL_NTF,
        MARK_ADD_NTF,
        MARK_DEL_NTF,
        MARK_MOVE_NTF,
    }
}

numbers! {
    /// Attributes of the set `muennet`.
    muennet: u16 {
        IFINDEX,
        IFNAME,
        NETNSID,
        PARENT_IFINDEX,
        PARENT_IFNAME,
        PARENT_NETNSID,
        FROM_IFINDEX,
        FROM_IFNAME,
        FROM_NETNSID,
        MARK,
        MARK_COUNT,
        MODE,
        MTU,
        UP,
        IN_CHANNEL,
        OUT_CHANNEL,
        PEER_STATE,
        STATS,
    }
}

numbers! {
    /// Attributes of the set `channel`.
    channel: u16 {
        NAME,
        PROTOCOL,
        REGION_SIZE,
        ELEMENT_SIZE,
        ELEMENTS,
    }
}

numbers! {
    /// Attributes of the set `stats`.
    stats: u16 {
        RX_PACKETS,
        RX_BYTES,
        RX_ERRORS,
        RX_DROPPED,
        RX_OVER_ERRORS,
        RX_FRAME_ERRORS,
        RX_MISSED_ERRORS,
        TX_PACKETS,
        TX_BYTES,
        TX_DROPPED,
    }
}

/// The longest name of an interface in a request, in bytes: that of alternative names.
pub(crate) const NAME_MAX: u16 = 127;
