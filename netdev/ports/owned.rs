// SPDX-License-Identifier: GPL-2.0

//! The marks that one port owns, in order: what is done with them costs what they are, however many
//! marks other ports own.

use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    }, //
};

/// The marks of a port.
///
/// # Invariants
///
/// `count` is the number of nodes of `tree`.
pub(super) struct Owned {
    tree: RBTree<u32, ()>,
    count: u32,
}

/// A mark with the memory that it takes among those of a port. It goes from one port to another
/// without anything that could fail.
pub(super) struct Place(RBTreeNode<u32, ()>);

impl Place {
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

impl Owned {
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
    pub(super) fn put(&mut self, place: Place) {
        if self.tree.insert(place.0).is_none() {
            // INVARIANT: There is one node more.
            self.count = self.count.saturating_add(1);
        }
    }

    /// Takes a mark away, if it is there.
    pub(super) fn take(&mut self, mark: u32) -> Option<Place> {
        let node = self.tree.remove_node(&mark)?;
        // INVARIANT: There is one node less.
        self.count = self.count.saturating_sub(1);
        Some(Place(node))
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
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_ports_owned))]
mod tests {
    use super::*;

    fn owned(marks: &[u32]) -> Result<Owned> {
        let mut owned = Owned::new();
        for &mark in marks {
            owned.put(Place::new(mark)?);
        }
        Ok(owned)
    }

    #[test]
    fn order() -> Result {
        let owned = owned(&[7, u32::MAX, 3, 24, 7, 1])?;
        assert_eq!(owned.count(), 5);
        assert!(owned.iter().eq([1, 3, 7, 24, u32::MAX]));
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
            assert_eq!((from, owned.next(from)), (from, next));
        }
        assert_eq!(Owned::new().next(0), None);
        assert_eq!(self::owned(&[5])?.next(6), None);
        Ok(())
    }

    #[test]
    fn moves() -> Result {
        let mut from = owned(&[1, 2, 3])?;
        let mut to = owned(&[10])?;
        // (mark, how many each has then)
        for (mark, left, got) in [(2, 2, 2), (2, 2, 2), (10, 2, 2), (1, 1, 3), (3, 0, 4)] {
            if let Some(place) = from.take(mark) {
                to.put(place);
            }
            assert_eq!((mark, from.count(), to.count()), (mark, left, got));
        }
        assert_eq!(from.iter().count(), 0);
        assert!(to.iter().eq([1, 2, 3, 10]));
        Ok(())
    }
}
