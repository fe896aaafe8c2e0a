// SPDX-License-Identifier: GPL-2.0

//! Who may own which mark.
//!
//! A mark has one owner at most. Each function gets the current one and says who is to be the next,
//! or why not.

/// Why a change is refused. `C` is what children are known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal<C> {
    /// Mark 0 is that of packets without one, so that nobody can own it.
    Zero,
    /// The child owns the mark already.
    Already,
    /// Another child owns the mark.
    OwnedBy(C),
    /// No child owns the mark.
    Unowned,
    /// The mark was to be moved from a child to itself.
    Same,
}

/// The owner of `mark` when it is added to `child`.
///
/// # Errors
///
/// - [`Refusal`]: somebody owns it already, or nobody can.
pub(crate) fn add<C: Copy + Eq>(mark: u32, owner: Option<C>, child: C) -> Result<C, Refusal<C>> {
    match owner {
        _ if mark == 0 => Err(Refusal::Zero),
        None => Ok(child),
        Some(owner) if owner == child => Err(Refusal::Already),
        Some(owner) => Err(Refusal::OwnedBy(owner)),
    }
}

/// Whether `mark` can be deleted from `child`.
///
/// # Errors
///
/// - [`Refusal`]: it is not the child's.
pub(crate) fn del<C: Copy + Eq>(mark: u32, owner: Option<C>, child: C) -> Result<(), Refusal<C>> {
    match owner {
        _ if mark == 0 => Err(Refusal::Zero),
        None => Err(Refusal::Unowned),
        Some(owner) if owner == child => Ok(()),
        Some(owner) => Err(Refusal::OwnedBy(owner)),
    }
}

/// The owner of `mark` when it is moved between two children of the same parent.
///
/// # Errors
///
/// - [`Refusal`]: it is not that of the child `from`, or there is nothing to move.
pub(crate) fn shift<C: Copy + Eq>(
    mark: u32,
    owner: Option<C>,
    from: C,
    to: C,
) -> Result<C, Refusal<C>> {
    del(mark, owner, from)?;
    if from == to {
        return Err(Refusal::Same);
    }
    Ok(to)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_mark_rules))]
mod tests {
    use super::{
        add,
        del,
        shift,
        Refusal, //
    };

    const MAX: u32 = u32::MAX;

    #[test]
    fn additions() {
        // (mark, owner, child, the owner then)
        let table = [
            (0, None, 1, Err(Refusal::Zero)),
            (0, Some(1), 1, Err(Refusal::Zero)),
            (1, None, 1, Ok(1)),
            (MAX, None, 2, Ok(2)),
            (1, Some(1), 1, Err(Refusal::Already)),
            (1, Some(2), 1, Err(Refusal::OwnedBy(2))),
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
        // (mark, owner, child, what comes of it)
        let table = [
            (0, None, 1, Err(Refusal::Zero)),
            (0, Some(1), 1, Err(Refusal::Zero)),
            (1, Some(1), 1, Ok(())),
            (MAX, Some(1), 1, Ok(())),
            (1, None, 1, Err(Refusal::Unowned)),
            (1, Some(2), 1, Err(Refusal::OwnedBy(2))),
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
        // (mark, owner, from, to, the owner then)
        let table = [
            (0, Some(1), 1, 2, Err(Refusal::Zero)),
            (1, Some(1), 1, 2, Ok(2)),
            (MAX, Some(2), 2, 1, Ok(1)),
            (1, Some(1), 1, 1, Err(Refusal::Same)),
            (1, None, 1, 2, Err(Refusal::Unowned)),
            (1, Some(2), 1, 2, Err(Refusal::OwnedBy(2))),
            (1, Some(3), 1, 2, Err(Refusal::OwnedBy(3))),
        ];
        for (mark, owner, from, to, next) in table {
            assert_eq!(
                (mark, owner, from, to, shift(mark, owner, from, to)),
                (mark, owner, from, to, next)
            );
        }
    }
}
