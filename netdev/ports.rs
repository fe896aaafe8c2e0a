// SPDX-License-Identifier: GPL-2.0

//! Whose packet is this? The other interfaces on the channels of an interface, and the marks that
//! they own.
//!
//! Who adds those interfaces fills this table; an interface only asks it. Packets ask without a
//! lock, under RCU.

mod owned;

use self::owned::{
    Owned,
    Place, //
};
use super::{
    counters::Counters,
    frame::large::Offloads, //
};
use crate::abstractions::{
    napi::{
        Poll,
        Protocol, //
    },
    netdevice::NetDevice,
    rcu::{
        RcuArc,
        RcuMap, //
    },
    skbuff::{
        CompleteSkBuff,
        NewSkBuff, //
    }, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        rcu,
        Arc,
        Mutex, //
    }, //
};

/// The number of a [`Port`] among those of its interface, 1 and up; no number is used twice.
pub(crate) type PortId = u64;

/// An interface on somebody else's channels.
pub(crate) struct Port {
    id: PortId,
    device: ARef<NetDevice>,
    counters: Arc<Counters>,
}

impl Port {
    /// The number of the port.
    pub(crate) fn id(&self) -> PortId {
        self.id
    }

    /// The device of the port.
    pub(crate) fn device(&self) -> &NetDevice {
        &self.device
    }

    /// The port's device, if that takes packets; else one is counted that it did not take.
    fn receiver(&self) -> Option<&NetDevice> {
        if !self.device.is_running() {
            self.counters.this_cpu().rx_down.add(1);
            return None;
        }
        Some(&self.device)
    }

    /// Counts a packet of `bytes` bytes that the device has taken.
    fn received(&self, bytes: usize) {
        let counters = self.counters.this_cpu();
        counters.rx_packets.add(1);
        counters.rx_bytes.add(bytes as u64);
    }
}

/// The ports of an interface and their marks.
///
/// # Invariants
///
/// Each mark in `marks` is that of a port in `members`, where it is among the port's own, and there
/// are no others.
#[pin_data]
pub(crate) struct Ports {
    /// Dropped before `marks`, which waits for the values that members have.
    #[pin]
    members: Mutex<Members>,
    /// Changed with `members` locked.
    #[pin]
    marks: RcuMap<Port>,
}

struct Members {
    last: PortId,
    /// In ascending order of their numbers.
    list: KVec<Member>,
}

struct Member {
    port: RcuArc<Port>,
    marks: Owned,
}

impl Members {
    fn find(&mut self, id: PortId) -> Option<&mut Member> {
        self.list.iter_mut().find(|member| member.port.id == id)
    }

    /// Takes a mark from its owner, if it has one.
    fn take(&mut self, owner: Option<PortId>, mark: u32) -> Option<Place> {
        self.find(owner?)?.marks.take(mark)
    }
}

impl Ports {
    /// Makes a table without ports.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            members <- new_mutex!(
                Members {
                    last: 0,
                    list: KVec::new(),
                },
                "muennet_ports"
            ),
            marks <- RcuMap::new(),
        })
    }

    /// Adds a port, which counts what it receives in `counters`. Until it is removed it holds a
    /// reference to the device. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn add(&self, device: &NetDevice, counters: &Arc<Counters>) -> Result<PortId> {
        let mut members = self.members.lock();
        let id = members.last.wrapping_add(1);
        let port = self.marks.share(Port {
            id,
            device: device.into(),
            counters: counters.clone(),
        })?;
        let marks = Owned::new();
        members.list.push(Member { port, marks }, GFP_KERNEL)?;
        members.last = id;
        Ok(id)
    }

    /// Removes a port and its marks. Packets on their way to it reach it until an RCU grace period
    /// has passed. Nothing happens where there is no such port. May sleep.
    pub(crate) fn remove(&self, id: PortId) {
        let mut members = self.members.lock();
        let Some(index) = members.list.iter().position(|member| member.port.id == id) else {
            return;
        };
        let Ok(member) = members.list.remove(index) else {
            return;
        };
        for mark in member.marks.iter() {
            drop(self.marks.remove(mark));
        }
    }

    /// Changes the owner of a mark to what `decide` makes of the current one; none: nobody. Packets
    /// find the one or the other owner, and never nobody in between. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENODEV`: the new owner is not among the ports any more.
    /// - `ENOMEM`: there is no memory for it.
    /// - what `decide` returns; nothing is changed then.
    pub(crate) fn steer<E: From<Error>>(
        &self,
        mark: u32,
        decide: impl FnOnce(Option<PortId>) -> Result<Option<PortId>, E>,
    ) -> Result<(), E> {
        let mut members = self.members.lock();
        let old = {
            let guard = rcu::read_lock();
            self.marks.get(mark, &guard).map(|port| port.id)
        };
        let new = decide(old)?;
        if new == old {
            return Ok(());
        }
        let Some(id) = new else {
            drop(self.marks.remove(mark));
            drop(members.take(old, mark));
            return Ok(());
        };
        let member = members.find(id).ok_or(ENODEV)?;
        let port = member.port.clone();
        if old.is_none() {
            let place = Place::new(mark)?;
            self.marks.insert(mark, port)?;
            member.marks.put(place);
            return Ok(());
        }
        drop(self.marks.replace(mark, port)?);
        // Packets know by now: from here on nothing may fail.
        let place = members.take(old, mark);
        if let (Some(member), Some(place)) = (members.find(id), place) {
            member.marks.put(place);
        }
        Ok(())
    }

    /// The port with the lowest number that is at least `id`, and how many marks it owns. May
    /// sleep.
    pub(crate) fn next(&self, id: PortId) -> Option<(RcuArc<Port>, u32)> {
        let members = self.members.lock();
        let member = members.list.iter().find(|it| it.port.id >= id)?;
        Some((member.port.clone(), member.marks.count()))
    }

    /// The port with this number, and how many marks it owns. May sleep.
    pub(crate) fn get(&self, id: PortId) -> Option<(RcuArc<Port>, u32)> {
        self.next(id).filter(|(port, _)| port.id == id)
    }

    /// The lowest mark that is at least `mark`, and the port that owns it. May sleep.
    pub(crate) fn next_mark(&self, mark: u32) -> Option<(u32, RcuArc<Port>)> {
        let mut members = self.members.lock();
        let (mark, id) = {
            let guard = rcu::read_lock();
            let (mark, port) = self.marks.next(mark, &guard)?;
            (mark, port.id)
        };
        Some((mark, members.find(id)?.port.clone()))
    }

    /// The lowest mark that is at least `mark` of those that the port `id` owns. May sleep.
    pub(crate) fn next_mark_of(&self, id: PortId, mark: u32) -> Option<u32> {
        self.members.lock().find(id)?.marks.next(mark)
    }

    /// The port that owns a mark. May sleep.
    pub(crate) fn owner(&self, mark: u32) -> Option<RcuArc<Port>> {
        self.next_mark(mark)
            .filter(|(found, _)| *found == mark)
            .map(|(_, port)| port)
    }
}

/// The way up for the packets of one poll.
pub(super) struct Exit<'a> {
    poll: &'a Poll<'a>,
    ports: &'a Ports,
    guard: rcu::Guard,
}

impl<'a> Exit<'a> {
    /// Opens it, in the poll of the interface that has the ports.
    pub(super) fn new(poll: &'a Poll<'a>, ports: &'a Ports) -> Self {
        Self {
            poll,
            ports,
            guard: rcu::read_lock(),
        }
    }

    /// The poll, for packets that can only be the interface's own.
    #[inline]
    pub(super) fn poll(&self) -> &'a Poll<'a> {
        self.poll
    }

    /// Hands up a packet that begins with its layer 3 header, to the port that owns its mark or
    /// else to the interface. Returns its bytes if it was the interface's.
    #[inline]
    pub(super) fn receive(&self, skb: NewSkBuff, mark: u32, protocol: Protocol) -> Option<usize> {
        let bytes = skb.len();
        if let Some(port) = self.ports.marks.get(mark, &self.guard) {
            if let Some(device) = port.receiver() {
                self.poll.receive_for(device, skb, mark, protocol);
                port.received(bytes);
            }
            return None;
        }
        self.poll.receive(skb, mark, protocol);
        Some(bytes)
    }

    /// The same for a large packet, with what is left to do for it.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: that does not fit the packet, which is dropped.
    pub(super) fn receive_large(
        &self,
        skb: CompleteSkBuff,
        mark: u32,
        protocol: Protocol,
        offloads: &Offloads,
    ) -> Result<Option<usize>> {
        let bytes = skb.len();
        if let Some(port) = self.ports.marks.get(mark, &self.guard) {
            if let Some(device) = port.receiver() {
                self.poll
                    .receive_large(Some(device), skb, mark, protocol, offloads)?;
                port.received(bytes);
            }
            return Ok(None);
        }
        self.poll
            .receive_large(None, skb, mark, protocol, offloads)?;
        Ok(Some(bytes))
    }
}
