// SPDX-License-Identifier: GPL-2.0

//! The rules of mark ownership.
//!
//! A mark has at most one owner. Each function takes the current owner, and returns the new one or
//! the error. `C` identifies a child.
//!
//! Received packets look up the owner of their mark in `netdev::endpoint`: `RxContext::receive()`.

/// Why the owner of a mark cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error<C> {
    /// Packets without a mark have mark 0, so no child can own it.
    Zero,
    /// The child owns the mark already.
    Exists,
    /// Another child owns the mark.
    OwnedBy(C),
    /// No child owns the mark.
    NotOwned,
    /// The mark was to be moved from a child to itself.
    SameChild,
}

/// Returns the owner of `mark` after it was added to `child`.
///
/// # Errors
///
/// - [`Error`]: the mark has an owner already, or cannot have one.
pub(crate) fn add<C: Copy + Eq>(mark: u32, owner: Option<C>, child: C) -> Result<C, Error<C>> {
    match owner {
        _ if mark == 0 => Err(Error::Zero),
        None => Ok(child),
        Some(owner) if owner == child => Err(Error::Exists),
        Some(owner) => Err(Error::OwnedBy(owner)),
    }
}

/// Checks whether `mark` can be deleted from `child`.
///
/// # Errors
///
/// - [`Error`]: `child` does not own the mark.
pub(crate) fn del<C: Copy + Eq>(mark: u32, owner: Option<C>, child: C) -> Result<(), Error<C>> {
    match owner {
        _ if mark == 0 => Err(Error::Zero),
        None => Err(Error::NotOwned),
        Some(owner) if owner == child => Ok(()),
        Some(owner) => Err(Error::OwnedBy(owner)),
    }
}

/// Returns the owner of `mark` after it was moved between two children of the same parent.
///
/// # Errors
///
/// - [`Error`]: `from` does not own the mark, or is the same child as `to`.
pub(crate) fn move_to<C: Copy + Eq>(
    mark: u32,
    owner: Option<C>,
    from: C,
    to: C,
) -> Result<C, Error<C>> {
    del(mark, owner, from)?;
    if from == to {
        return Err(Error::SameChild);
    }
    Ok(to)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_marks))]
mod tests {
    use super::{
        add,
        del,
        move_to,
        Error, //
    };

    const MAX: u32 = u32::MAX;

    #[test]
    fn additions() {
        // (mark, owner, child, new owner)
        let table = [
            (0, None, 1, Err(Error::Zero)),
            (0, Some(1), 1, Err(Error::Zero)),
            (1, None, 1, Ok(1)),
            (MAX, None, 2, Ok(2)),
            (1, Some(1), 1, Err(Error::Exists)),
            (1, Some(2), 1, Err(Error::OwnedBy(2))),
        ];
        for (mark, owner, child, next) in table {
            assert_eq!(
                (mark, owner, child, add(mark, owner, child)),
                (mark, owner, child, next)
            );
        }
    }

    #[test]
    fn deletions() {
        // (mark, owner, child, result)
        let table = [
            (0, None, 1, Err(Error::Zero)),
            (0, Some(1), 1, Err(Error::Zero)),
            (1, Some(1), 1, Ok(())),
            (MAX, Some(1), 1, Ok(())),
            (1, None, 1, Err(Error::NotOwned)),
            (1, Some(2), 1, Err(Error::OwnedBy(2))),
        ];
        for (mark, owner, child, result) in table {
            assert_eq!(
                (mark, owner, child, del(mark, owner, child)),
                (mark, owner, child, result)
            );
        }
    }

    #[test]
    fn moves() {
        // (mark, owner, from, to, new owner)
        let table = [
            (0, Some(1), 1, 2, Err(Error::Zero)),
            (1, Some(1), 1, 2, Ok(2)),
            (MAX, Some(2), 2, 1, Ok(1)),
            (1, Some(1), 1, 1, Err(Error::SameChild)),
            (1, None, 1, 2, Err(Error::NotOwned)),
            (1, Some(2), 1, 2, Err(Error::OwnedBy(2))),
            (1, Some(3), 1, 2, Err(Error::OwnedBy(3))),
        ];
        for (mark, owner, from, to, next) in table {
            assert_eq!(
                (mark, owner, from, to, move_to(mark, owner, from, to)),
                (mark, owner, from, to, next)
            );
        }
    }
}
