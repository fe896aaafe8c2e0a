// SPDX-License-Identifier: GPL-2.0

//! Checks, in each build, that Rust and C agree on the layout of the types that the abstractions
//! access.
//!
//! The layout in bindgen's output is from libclang, but the kernel may have been built with another
//! compiler and other flags. `layout.c` gets the layout from that compiler. The assertions here
//! compare the two when the crate is compiled.

use super::*;

/// Sizes and offsets from the C compiler, named `<type>__SIZE` and `<type>__<field>`.
mod by_c {
    #![expect(non_upper_case_globals, reason = "generated code")]

    include!(concat!(
        env!("MUENNET_OBJ"),
        "/abstractions/bindings/layout_generated.rs"
    ));
}

/// The offset of `mark` in `struct sk_buff`. The field is in nested anonymous unions.
pub(crate) const SK_BUFF_MARK: usize = by_c::sk_buff__mark;

/// The offset of `protocol` in `struct sk_buff`.
pub(crate) const SK_BUFF_PROTOCOL: usize = by_c::sk_buff__protocol;

/// The alignment of `call_single_data_t`, which bindgen does not know.
pub(crate) const CALL_SINGLE_DATA_ALIGN: usize = by_c::call_single_data_t__ALIGN;

macro_rules! agree {
    ($($type:ident { $($field:ident $(: $first:ident $(. $path:ident)*)?,)* })*) => {
        $(kernel::macros::paste! {
            const _: () = assert!(size_of::<$type>() == by_c::[<$type __SIZE>]);
            $(const _: () = assert!(
                agree!(@offset $type, $field $(, $first $(. $path)*)?) == by_c::[<$type __ $field>]
            );)*
        })*
    };
    (@offset $type:ident, $field:ident) => { core::mem::offset_of!($type, $field) };
    (@offset $type:ident, $field:ident, $first:ident $(. $path:ident)*) => {
        core::mem::offset_of!($type, $first $(. $path)*)
    };
}

agree! {
    net_device {
        netdev_ops,
        rtnl_link_ops,
        priv_destructor,
        ifindex,
        mtu,
        state,
        flags,
        hard_header_len,
        features,
        name,
        hw_features,
        vlan_features,
        hw_enc_features,
        min_mtu,
        max_mtu,
        type: type_,
        addr_len,
        tx_queue_len,
        needs_free_netdev,
        priv: priv_,
    }
    net_device_ops {
        ndo_init,
        ndo_uninit,
        ndo_get_iflink,
        ndo_open,
        ndo_stop,
        ndo_start_xmit,
        ndo_features_check,
        ndo_set_rx_mode,
        ndo_set_mac_address,
        ndo_validate_addr,
        ndo_change_mtu,
        ndo_get_stats64,
        ndo_change_carrier,
    }
    napi_struct {
        dev,
    }
    rtnl_link_ops {
        kind,
        priv_size,
        setup,
        validate,
        newlink,
        dellink,
        get_link_net,
    }
    rtnl_newlink_params {
        tb,
    }
    genl_family {
        name,
        n_split_ops,
        split_ops,
        mcgrps,
        module,
    }
    genl_split_ops {
        policy,
        maxattr,
        cmd,
        flags,
    }
    genl_info {
        snd_seq,
        snd_portid,
        genlhdr,
        attrs,
        extack,
    }
    netlink_ext_ack {
        _msg,
        bad_attr,
        miss_nest,
        miss_type,
        _msg_buf,
    }
    rtnl_link_stats64 {
        rx_packets,
        tx_packets,
        rx_bytes,
        tx_bytes,
        rx_errors,
        tx_errors,
        rx_dropped,
        tx_dropped,
        rx_over_errors,
        rx_frame_errors,
        rx_missed_errors,
    }
    sk_buff {
        len,
        data_len,
        data,
    }
    __call_single_data {
        node,
        func,
        info,
    }
    kernel_param {
        name,
        mod: mod_,
        ops,
        perm,
        level,
        flags,
        arg: __bindgen_anon_1.arg,
    }
    kparam_array {
        max,
        elemsize,
        num,
        ops,
        elem,
    }
    resource {
        end,
    }
    spinlock {}
}
