// SPDX-License-Identifier: GPL-2.0

//! The netlink family: its commands and its group.

use super::{
    dumps::{
        Interfaces,
        Marks, //
    },
    netlink::{
        AddChild,
        DelChild,
        Get,
        GetMark, //
    },
    steering::{
        AddMark,
        DelMark,
        MoveMark, //
    },
    uapi::command, //
};
use crate::abstractions::netlink::{
    Command,
    Family,
    Group,
    Permission, //
};

/// The index of the group that is told about changes.
pub(super) const CHANGES: u32 = 0;

static GROUPS: [Group; 1] = [Group::new(c"changes")];

static COMMANDS: [Command; 9] = [
    Command::handled_by::<Get>(command::GET, Permission::Everybody),
    Command::dumped_by::<Interfaces>(command::GET),
    Command::handled_by::<GetMark>(command::GET_MARK, Permission::Everybody),
    Command::dumped_by::<Marks>(command::GET_MARK),
    Command::handled_by::<AddChild>(command::ADD_CHILD, Permission::NetAdmin),
    Command::handled_by::<DelChild>(command::DEL_CHILD, Permission::NetAdmin),
    Command::handled_by::<AddMark>(command::ADD_MARK, Permission::NetAdmin),
    Command::handled_by::<DelMark>(command::DEL_MARK, Permission::NetAdmin),
    Command::handled_by::<MoveMark>(command::MOVE_MARK, Permission::NetAdmin),
];

/// The family `muennet`.
pub(super) static FAMILY: Family = Family::new(
    kernel::module::this_module::<crate::LocalModule>(),
    c"muennet",
    1,
    &COMMANDS,
    &GROUPS,
);
