// SPDX-License-Identifier: GPL-2.0

//! The constants of the netlink family, made by bindgen from `muennet.h`.
//!
//! They stand in for those of the `uapi` crate, which has them once the header is
//! `include/uapi/linux/muennet.h` in the kernel's tree. The header is generated from
//! `muennet.yaml`: run `make uapi` after changes of that file.

#![expect(
    dead_code,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    reason = "generated code"
)]

use kernel::ffi;

include!(concat!(
    env!("MUENNET_OBJ"),
    "/child/uapi/uapi_generated.rs"
));
