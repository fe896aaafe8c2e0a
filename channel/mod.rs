// SPDX-License-Identifier: GPL-2.0

//! SHMStream version 2: a stream of elements through memory that two subjects share.

mod element;
mod layout;
mod memory;
mod progress;
mod reader;
mod recovery;
mod seen;
mod writer;

pub(crate) use self::{
    element::{
        Element,
        Slot, //
    },
    layout::{
        Geometry,
        HEADER_SIZE, //
    },
    memory::{
        Memory,
        MemoryMut,
        Word, //
    },
    progress::{
        Change,
        Progress, //
    },
    reader::{
        Expect,
        Reader,
        State, //
    },
    seen::Seen,
    writer::{
        NoRoom,
        Writer, //
    }, //
};
