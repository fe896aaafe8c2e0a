// SPDX-License-Identifier: GPL-2.0

//! Generic netlink families: requests, dumps, and notifications.
//!
//! ```text
//!   Family --- Command --- Handler::run(Request) --- reply
//!         \          \
//!          \          +--- Dumper::run(Request, Dump) --- a message for each entry
//!           +-- Group: notify, in one namespace
//! ```
//!
//! Each [`Command`] has a policy by which C has checked the attributes of a request before a
//! handler sees it. What a handler refuses it explains by an [`ExtAck`].
//!
//! C headers: [`include/net/genetlink.h`](srctree/include/net/genetlink.h),
//! [`include/net/netlink.h`](srctree/include/net/netlink.h)

use super::{
    bindings,
    netns::Net, //
};

mod command;
mod extack;
mod family;
mod message;
mod policy;
mod request;

pub(crate) use self::{
    command::{
        Command,
        Dumper,
        Handler,
        Permission, //
    },
    extack::ExtAck,
    family::{
        Family,
        FamilyRegistration,
        Group, //
    },
    message::{
        Dump,
        Message, //
    },
    policy::{
        policies,
        Policy, //
    },
    request::{
        Attribute,
        Request, //
    }, //
};
