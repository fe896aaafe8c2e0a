// SPDX-License-Identifier: GPL-2.0

//! Endpoints: the child interfaces on the channels of an interface, and the marks that they own.
//!
//! The owner of a packet's mark receives the packet. The code for child interfaces adds and removes
//! endpoints and sets the owners of marks. The receive path only looks marks up, without a lock,
//! under RCU.
//!
//! - [`Endpoints`]: the endpoints of an interface, with the map from marks to endpoints.
//! - [`MarkSet`]: the marks of one endpoint, in ascending order.
//! - [`RxContext`]: the receive context of one poll, which passes packets to the stack.

use super::{
    stats::Counters,
    wire::offload::Offloads, //
};
use crate::abstractions::{
    napi::{
        Poll,
        Protocol,
        Receiver, //
    },
    netdevice::DriverDevice,
    rcu::{
        RcuArc,
        RcuMap, //
    },
    skbuff::{
        FilledFragSkBuff,
        RxSkBuff, //
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

/// The ID of an [`Endpoint`] within its interface, from 1 on. No ID is used twice.
pub(crate) type EndpointId = u64;

/// An interface that receives packets from the channels of another interface, by their marks.
pub(crate) struct Endpoint {
    id: EndpointId,
    device: ARef<DriverDevice>,
    counters: Arc<Counters>,
}

impl Endpoint {
    /// Returns the ID of the endpoint.
    pub(crate) fn id(&self) -> EndpointId {
        self.id
    }

    /// Returns the device of the endpoint.
    pub(crate) fn device(&self) -> &DriverDevice {
        &self.device
    }

    /// Returns the device as the receiver of a packet in a poll, if the device is up. Otherwise
    /// counts a dropped packet in `rx_down`.
    fn receiver<'a>(&'a self, poll: &'a Poll<'_>) -> Option<Receiver<'a>> {
        let receiver = poll.receiver(&self.device);
        if receiver.is_none() {
            self.counters.this_cpu().rx_down.add(1);
        }
        receiver
    }

    /// Counts a packet of `bytes` bytes that the device has received.
    fn received(&self, bytes: usize) {
        let counters = self.counters.this_cpu();
        counters.rx_packets.add(1);
        counters.rx_bytes.add(bytes as u64);
    }
}

/// The endpoints of an interface and their marks.
///
/// # Invariants
///
/// `marks` has an entry for each mark in the mark sets of `members`, which refers to the endpoint
/// of that member. It has no other entries.
#[pin_data]
pub(crate) struct Endpoints {
    /// Dropped before `marks`: dropping the map waits until nobody refers to its values, and
    /// members do.
    #[pin]
    members: Mutex<Members>,
    /// Changed only with `members` locked.
    #[pin]
    marks: RcuMap<Endpoint>,
}

struct Members {
    /// The highest ID that has been used.
    last: EndpointId,
    /// The members in ascending order of their IDs.
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

    /// Removes a mark from the set of its owner, if it has one.
    fn take(&mut self, owner: Option<EndpointId>, mark: u32) -> Option<MarkNode> {
        self.find(owner?)?.marks.take(mark)
    }
}

impl Endpoints {
    /// Returns a table without endpoints.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for the table.
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

    /// Returns the number of endpoints. May sleep.
    pub(crate) fn len(&self) -> usize {
        self.members.lock().list.len()
    }

    /// Adds an endpoint for `device` and returns its ID. `counters` count the packets that it
    /// receives. The endpoint holds a reference to the device until it is removed. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for the endpoint.
    pub(crate) fn add(
        &self,
        device: &DriverDevice,
        counters: &Arc<Counters>,
    ) -> Result<EndpointId> {
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

    /// Removes an endpoint and its marks. A poll that is running may still pass packets to its
    /// device, until an RCU grace period has elapsed. Does nothing if there is no such endpoint.
    /// May sleep.
    pub(crate) fn remove(&self, id: EndpointId) {
        let mut members = self.members.lock();
        let Some(index) = members
            .list
            .iter()
            .position(|member| member.endpoint.id == id)
        else {
            return;
        };
        let Ok(member) = members.list.remove(index) else {
            return;
        };
        for mark in member.marks.iter() {
            drop(self.marks.remove(mark));
        }
    }

    /// Sets the owner of a mark to the result of `decide`, which gets the current owner. [`None`]
    /// stands for no owner. If the mark moves from one owner to another, a concurrent look-up finds
    /// either of them, never no owner. May sleep.
    ///
    /// # Errors
    ///
    /// The owner does not change on an error.
    ///
    /// - `ENODEV`: the new owner is not an endpoint of the interface any more.
    /// - `ENOMEM`: there is no memory for the mark.
    /// - Those of `decide`.
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
        // Look-ups find the new owner by now: nothing may fail from here on.
        let node = members.take(old, mark);
        if let (Some(member), Some(node)) = (members.find(id), node) {
            member.marks.put(node);
        }
        Ok(())
    }

    /// Returns the endpoint with the lowest ID that is at least `id`, and the number of its marks.
    /// May sleep.
    pub(crate) fn next(&self, id: EndpointId) -> Option<(RcuArc<Endpoint>, u32)> {
        let members = self.members.lock();
        let member = members.list.iter().find(|it| it.endpoint.id >= id)?;
        Some((member.endpoint.clone(), member.marks.count()))
    }

    /// Returns the endpoint with this ID, and the number of its marks. May sleep.
    pub(crate) fn get(&self, id: EndpointId) -> Option<(RcuArc<Endpoint>, u32)> {
        self.next(id).filter(|(endpoint, _)| endpoint.id == id)
    }

    /// Returns the lowest mark that is at least `mark`, and the endpoint that owns it. May sleep.
    pub(crate) fn next_mark(&self, mark: u32) -> Option<(u32, RcuArc<Endpoint>)> {
        let mut members = self.members.lock();
        let (mark, id) = {
            let guard = rcu::read_lock();
            let (mark, endpoint) = self.marks.next(mark, &guard)?;
            (mark, endpoint.id)
        };
        Some((mark, members.find(id)?.endpoint.clone()))
    }

    /// Returns the lowest mark of the endpoint `id` that is at least `mark`. May sleep.
    pub(crate) fn next_mark_of(&self, id: EndpointId, mark: u32) -> Option<u32> {
        self.members.lock().find(id)?.marks.next(mark)
    }

    /// Returns the endpoint that owns a mark. May sleep.
    pub(crate) fn owner(&self, mark: u32) -> Option<RcuArc<Endpoint>> {
        self.next_mark(mark)
            .filter(|(found, _)| *found == mark)
            .map(|(_, endpoint)| endpoint)
    }
}

/// The receive context of one poll: passes packets to the stack, by the device of the endpoint that
/// owns their mark or by the interface itself.
pub(super) struct RxContext<'a> {
    poll: &'a Poll<'a>,
    endpoints: &'a Endpoints,
    guard: rcu::Guard,
}

impl<'a> RxContext<'a> {
    /// Returns the context of `poll`, a poll of the interface that `endpoints` belongs to. Holds
    /// the RCU read lock until it is dropped.
    pub(super) fn new(poll: &'a Poll<'a>, endpoints: &'a Endpoints) -> Self {
        Self {
            poll,
            endpoints,
            guard: rcu::read_lock(),
        }
    }

    /// Returns the poll, for packets that always belong to the interface itself.
    #[inline]
    pub(super) fn poll(&self) -> &'a Poll<'a> {
        self.poll
    }

    /// Passes a packet that begins with its layer 3 header to the stack: by the endpoint that owns
    /// its mark, or by the interface if there is no owner. Returns its length in bytes if it was a
    /// packet of the interface, and [`None`] if it was one of an endpoint, which counts it.
    #[inline]
    pub(super) fn receive(&self, skb: RxSkBuff, mark: u32, protocol: Protocol) -> Option<usize> {
        let bytes = skb.len();
        if let Some(endpoint) = self.endpoints.marks.get(mark, &self.guard) {
            if let Some(device) = endpoint.receiver(self.poll) {
                self.poll.gro_receive_on(device, skb, mark, protocol);
                endpoint.received(bytes);
            }
            return None;
        }
        self.poll.gro_receive(skb, mark, protocol);
        Some(bytes)
    }

    /// Passes a packet in page fragments to the stack, with its offloads. Otherwise like
    /// [`Self::receive`].
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the offloads do not fit the packet, which is dropped.
    pub(super) fn receive_offload(
        &self,
        skb: FilledFragSkBuff,
        mark: u32,
        protocol: Protocol,
        offloads: &Offloads,
    ) -> Result<Option<usize>> {
        let bytes = skb.len();
        if let Some(endpoint) = self.endpoints.marks.get(mark, &self.guard) {
            if let Some(device) = endpoint.receiver(self.poll) {
                self.poll
                    .gro_receive_offload(Some(device), skb, mark, protocol, offloads)?;
                endpoint.received(bytes);
            }
            return Ok(None);
        }
        self.poll
            .gro_receive_offload(None, skb, mark, protocol, offloads)?;
        Ok(Some(bytes))
    }
}

/// The marks of an endpoint.
///
/// # Invariants
///
/// `count` is the number of nodes of `tree`.
struct MarkSet {
    tree: RBTree<u32, ()>,
    count: u32,
}

/// A mark with its allocated tree node. Moving it from one [`MarkSet`] to another cannot fail.
struct MarkNode(RBTreeNode<u32, ()>);

impl MarkNode {
    /// Allocates the node of a mark. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for the node.
    pub(super) fn new(mark: u32) -> Result<Self> {
        // Users can add as many marks as they like, so the memory is charged to them, as are the
        // nodes of the map.
        RBTreeNode::new(mark, (), GFP_KERNEL_ACCOUNT).map(Self)
    }
}

impl MarkSet {
    /// Returns a set without marks.
    pub(super) fn new() -> Self {
        // INVARIANT: There are no nodes.
        Self {
            tree: RBTree::new(),
            count: 0,
        }
    }

    /// Returns the number of marks.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Adds a mark, unless the set has it already.
    pub(super) fn put(&mut self, node: MarkNode) {
        if self.tree.insert(node.0).is_none() {
            // INVARIANT: The tree has one more node.
            self.count = self.count.saturating_add(1);
        }
    }

    /// Removes a mark and returns it, if the set has it.
    pub(super) fn take(&mut self, mark: u32) -> Option<MarkNode> {
        let node = self.tree.remove_node(&mark)?;
        // INVARIANT: The tree has one node less.
        self.count = self.count.saturating_sub(1);
        Some(MarkNode(node))
    }

    /// Returns the lowest mark that is at least `mark`.
    pub(super) fn next(&self, mark: u32) -> Option<u32> {
        let cursor = self.tree.cursor_lower_bound(&mark)?;
        Some(*cursor.current().0)
    }

    /// Returns all marks, in ascending order.
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
        // (from, lowest mark that is at least that)
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
        // (mark, marks left in `from`, marks in `to` after the move)
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
