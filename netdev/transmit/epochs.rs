// SPDX-License-Identifier: GPL-2.0

//! The epochs of an out channel: when they begin, and when they end.

use super::*;
use crate::{
    abstractions::random,
    channel::{
        new_epoch,
        reply_epoch, //
    }, //
};

impl Sender {
    fn new_writer(&self, mtu: u32) -> Result<Writer> {
        Writer::new(
            self.protocol,
            self.mode.element_size(mtu),
            self.memory.size(),
        )
        .map_err(|_| EINVAL)
    }

    /// Begins an epoch with elements for packets of `mtu` bytes; returns their ring.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: not one element fits the region.
    pub(crate) fn start(&self, mtu: u32) -> Result<Geometry> {
        let mut new = self.new_writer(mtu)?;
        let geometry = *new.geometry();
        let mut writer = self.writer.lock();
        self.begin(&mut new);
        *writer = Some(new);
        Ok(geometry)
    }

    /// Begins an epoch and tells the peer. The caller holds the lock.
    fn begin(&self, writer: &mut Writer) {
        self.begin_as(writer, new_epoch(random::nonzero_u64()));
    }

    /// Begins the epoch of this number and tells the peer. The caller holds the lock.
    fn begin_as(&self, writer: &mut Writer, epoch: NonZeroU64) {
        writer.start(&self.memory, epoch);
        self.counters.this_cpu().tx_epochs.add(1);
        self.notify();
    }

    /// Ends the epoch, after publishing what is pending.
    pub(crate) fn stop(&self) {
        let mut guard = self.writer.lock();
        if let Some(mut writer) = guard.take() {
            writer.stop(&self.memory);
            self.notify();
        }
    }

    /// Answers an epoch of the peer with a new one of its own, if anything has been written in the
    /// old one: a reader that has just come up may know only how to read from the beginning.
    pub(crate) fn answer(&self) {
        let mut guard = self.writer.lock();
        if let Some(writer) = &mut *guard {
            if writer.has_written() {
                writer.stop(&self.memory);
                self.begin_as(writer, reply_epoch(random::nonzero_u64()));
            }
        }
    }

    /// Ends the epoch and begins another one with elements for packets of `mtu` bytes, if there is
    /// one. If not, the next one will have them.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: not one element fits the region. The epoch goes on.
    pub(crate) fn change_mtu(&self, mtu: u32) -> Result {
        let mut new = self.new_writer(mtu)?;
        let mut writer = self.writer.lock();
        if let Some(mut old) = writer.take() {
            old.stop(&self.memory);
            self.begin(&mut new);
            *writer = Some(new);
        }
        Ok(())
    }
}
