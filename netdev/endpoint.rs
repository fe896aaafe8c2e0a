// SPDX-License-Identifier: GPL-2.0

//! Whose packet is this? The other interfaces on the channels of an interface, and the marks that
//! they own.
//!
//! Who adds those interfaces fills this table; an interface only asks it. Packets ask without a
//! lock, under RCU.

use super::{
    stats::Counters,
    wire::offload::Offloads, //
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
    alloc::flags::GFP_KERNEL_ACCOUNT,
    new_mutex,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        aref::ARef,
        rcu,
        Arc,
        Mutex, //
    }, //
};

/// The number of a [`Endpoint`] among those of its interface, 1 and up; no number is used twice.
pub(crate) type EndpointId = u64;

/// An interface on somebody else's channels.
pub(crate) struct Endpoint {
    id: EndpointId,
    device: ARef<NetDevice>,
    counters: Arc<Counters>,
}

impl Endpoint {
    /// The number of the port.
    pub(crate) fn id(&self) -> EndpointId {
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
pub(crate) struct Endpoints {
    /// Dropped before `marks`, which waits for the values that members have.
    #[pin]
    members: Mutex<Members>,
    /// Changed with `members` locked.
    #[pin]
    marks: RcuMap<Endpoint>,
}

struct Members {
    last: EndpointId,
    /// In ascending order of their numbers.
    list: KVec<Member>,
}

struct Member {
    endpoint: RcuArc<Endpoint>,
    marks: MarkSet,
}

impl Members {
    fn find(&mut self, id: EndpointId) -> Option<&mut Member> {
        self.list.iter_mut().find(|member| member.endpoint.id == id)
    }

    /// Takes a mark from its owner, if it has one.
    fn take(&mut self, owner: Option<EndpointId>, mark: u32) -> Option<MarkNode> {
        self.find(owner?)?.marks.take(mark)
    }
}

impl Endpoints {
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
                "muennet_endpoints"
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
    pub(crate) fn add(&self, device: &NetDevice, counters: &Arc<Counters>) -> Result<EndpointId> {
        let mut members = self.members.lock();
        let id = members.last.wrapping_add(1);
        let endpoint = self.marks.share(Endpoint {
            id,
            device: device.into(),
            counters: counters.clone(),
        })?;
        let marks = MarkSet::new();
        members.list.push(Member { endpoint, marks }, GFP_KERNEL)?;
        members.last = id;
        Ok(id)
    }

    /// Removes a port and its marks. Packets on their way to it reach it until an RCU grace period
    /// has passed. Nothing happens where there is no such port. May sleep.
    pub(crate) fn remove(&self, id: EndpointId) {
        let mut members = self.members.lock();
        let Some(index) = members.list.iter().position(|member| member.endpoint.id == id) else {
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
    pub(crate) fn set_mark_owner<E: From<Error>>(
        &self,
        mark: u32,
        decide: impl FnOnce(Option<EndpointId>) -> Result<Option<EndpointId>, E>,
    ) -> Result<(), E> {
        let mut members = self.members.lock();
        let old = {
            let guard = rcu::read_lock();
            self.marks.get(mark, &guard).map(|endpoint| endpoint.id)
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
        let endpoint = member.endpoint.clone();
        if old.is_none() {
            let node = MarkNode::new(mark)?;
            self.marks.insert(mark, endpoint)?;
            member.marks.put(node);
            return Ok(());
        }
        drop(self.marks.replace(mark, endpoint)?);
        // Packets know by now: from here on nothing may fail.
        let node = members.take(old, mark);
        if let (Some(member), Some(node)) = (members.find(id), node) {
            member.marks.put(node);
        }
        Ok(())
    }

    /// The port with the lowest number that is at least `id`, and how many marks it owns. May
    /// sleep.
    pub(crate) fn next(&self, id: EndpointId) -> Option<(RcuArc<Endpoint>, u32)> {
        let members = self.members.lock();
        let member = members.list.iter().find(|it| it.endpoint.id >= id)?;
        Some((member.endpoint.clone(), member.marks.count()))
    }

    /// The port with this number, and how many marks it owns. May sleep.
    pub(crate) fn get(&self, id: EndpointId) -> Option<(RcuArc<Endpoint>, u32)> {
        self.next(id).filter(|(endpoint, _)| endpoint.id == id)
    }

    /// The lowest mark that is at least `mark`, and the port that owns it. May sleep.
    pub(crate) fn next_mark(&self, mark: u32) -> Option<(u32, RcuArc<Endpoint>)> {
        let mut members = self.members.lock();
        let (mark, id) = {
            let guard = rcu::read_lock();
            let (mark, endpoint) = self.marks.next(mark, &guard)?;
            (mark, endpoint.id)
        };
        Some((mark, members.find(id)?.endpoint.clone()))
    }

    /// The lowest mark that is at least `mark` of those that the port `id` owns. May sleep.
    pub(crate) fn next_mark_of(&self, id: EndpointId, mark: u32) -> Option<u32> {
        self.members.lock().find(id)?.marks.next(mark)
    }

    /// The port that owns a mark. May sleep.
    pub(crate) fn owner(&self, mark: u32) -> Option<RcuArc<Endpoint>> {
        self.next_mark(mark)
            .filter(|(found, _)| *found == mark)
            .map(|(_, endpoint)| endpoint)
    }
}

/// The way up for the packets of one poll.
pub(super) struct RxContext<'a> {
    poll: &'a Poll<'a>,
    endpoints: &'a Endpoints,
    guard: rcu::Guard,
}

impl<'a> RxContext<'a> {
    /// Opens it, in the poll of the interface that has the ports.
    pub(super) fn new(poll: &'a Poll<'a>, endpoints: &'a Endpoints) -> Self {
        Self {
            poll,
            endpoints,
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
        if let Some(endpoint) = self.endpoints.marks.get(mark, &self.guard) {
            if let Some(device) = endpoint.receiver() {
                self.poll.receive_for(device, skb, mark, protocol);
                endpoint.received(bytes);
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
        if let Some(endpoint) = self.endpoints.marks.get(mark, &self.guard) {
            if let Some(device) = endpoint.receiver() {
                self.poll
                    .receive_large(Some(device), skb, mark, protocol, offloads)?;
                endpoint.received(bytes);
            }
            return Ok(None);
        }
        self.poll
            .receive_large(None, skb, mark, protocol, offloads)?;
        Ok(Some(bytes))
    }
}

/// The marks of a port.
///
/// # Invariants
///
/// `count` is the number of nodes of `tree`.
struct MarkSet {
    tree: RBTree<u32, ()>,
    count: u32,
}

/// A mark with the memory that it takes among those of a port. It goes from one port to another
/// without anything that could fail.
struct MarkNode(RBTreeNode<u32, ()>);

impl MarkNode {
    /// Makes one for a mark. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    pub(super) fn new(mark: u32) -> Result<Self> {
        // Users cause it, and as many as they like: it counts as theirs, as the nodes of the map do.
        RBTreeNode::new(mark, (), GFP_KERNEL_ACCOUNT).map(Self)
    }
}

impl MarkSet {
    /// No marks.
    pub(super) fn new() -> Self {
        // INVARIANT: There are no nodes.
        Self {
            tree: RBTree::new(),
            count: 0,
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Adds a mark, if it is not there.
    pub(super) fn put(&mut self, node: MarkNode) {
        if self.tree.insert(node.0).is_none() {
            // INVARIANT: There is one node more.
            self.count = self.count.saturating_add(1);
        }
    }

    /// Takes a mark away, if it is there.
    pub(super) fn take(&mut self, mark: u32) -> Option<MarkNode> {
        let node = self.tree.remove_node(&mark)?;
        // INVARIANT: There is one node less.
        self.count = self.count.saturating_sub(1);
        Some(MarkNode(node))
    }

    /// The lowest mark that is at least `mark`.
    pub(super) fn next(&self, mark: u32) -> Option<u32> {
        let cursor = self.tree.cursor_lower_bound(&mark)?;
        Some(*cursor.current().0)
    }

    /// All marks, in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.tree.keys().copied()
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_mark_set))]
mod tests {
    use super::*;

    fn mark_set(marks: &[u32]) -> Result<MarkSet> {
        let mut mark_set = MarkSet::new();
        for &mark in marks {
            mark_set.put(MarkNode::new(mark)?);
        }
        Ok(mark_set)
    }

    #[test]
    fn order() -> Result {
        let mark_set = mark_set(&[7, u32::MAX, 3, 24, 7, 1])?;
        assert_eq!(mark_set.count(), 5);
        assert!(mark_set.iter().eq([1, 3, 7, 24, u32::MAX]));
        // (from, the next one)
        let table = [
            (0, Some(1)),
            (1, Some(1)),
            (2, Some(3)),
            (7, Some(7)),
            (8, Some(24)),
            (25, Some(u32::MAX)),
            (u32::MAX, Some(u32::MAX)),
        ];
        for (from, next) in table {
            assert_eq!((from, mark_set.next(from)), (from, next));
        }
        assert_eq!(MarkSet::new().next(0), None);
        assert_eq!(self::mark_set(&[5])?.next(6), None);
        Ok(())
    }

    #[test]
    fn moves() -> Result {
        let mut from = mark_set(&[1, 2, 3])?;
        let mut to = mark_set(&[10])?;
        // (mark, how many each has then)
        for (mark, left, got) in [(2, 2, 2), (2, 2, 2), (10, 2, 2), (1, 1, 3), (3, 0, 4)] {
            if let Some(node) = from.take(mark) {
                to.put(node);
            }
            assert_eq!((mark, from.count(), to.count()), (mark, left, got));
        }
        assert_eq!(from.iter().count(), 0);
        assert!(to.iter().eq([1, 2, 3, 10]));
        Ok(())
    }
}
