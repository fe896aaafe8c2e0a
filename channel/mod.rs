// SPDX-License-Identifier: GPL-2.0

//! SHMStream version 2: a stream of elements through memory that two subjects share.

mod element;
#[cfg(CONFIG_RUST)]
mod kernel_glue;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod hostile_tests;
mod layout;
mod memory;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod overrun_tests;
mod progress;
mod reader;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod reader_tests;
mod recovery;
mod run;
mod seen;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod testing;
mod writer;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod writer_tests;

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
