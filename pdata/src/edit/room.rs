//! The memory that an edit may take.

use std::fmt;

/// A list begins with so many elements.
const FEWEST: usize = 32;

/// Asks for memory before it is taken, for edits can make much of little: each of a million empty records gets what is
/// added. It is told a number of bytes, and says whether they are there. What was asked for before counts, too: only
/// the whole edit gives back.
#[derive(Clone, Copy)]
pub struct Room<'a>(&'a dyn Fn(usize) -> bool);

/// An edit was given no more memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the edit would add too much: there is no room for {wanted} bytes more")]
pub struct NoRoom {
    /// Bytes that were asked for.
    pub wanted: usize,
}

impl<'a> Room<'a> {
    /// Room as `ask` grants it.
    #[must_use]
    pub const fn new(ask: &'a dyn Fn(usize) -> bool) -> Self {
        Self(ask)
    }

    /// Room without end, for data that is known to be small.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(&|_| true)
    }

    pub(super) fn take(self, bytes: usize) -> Result<(), NoRoom> {
        if (self.0)(bytes) { Ok(()) } else { Err(NoRoom { wanted: bytes }) }
    }

    /// Sees to it that `list` can take so many elements `more` without asking the allocator.
    #[inline]
    pub(super) fn reserve<T>(self, list: &mut Vec<T>, more: usize) -> Result<(), NoRoom> {
        if list.capacity() - list.len() >= more { Ok(()) } else { self.grow(list, more) }
    }

    /// While a list moves the old one is still there: so room is taken for all of the new one.
    #[cold]
    fn grow<T>(self, list: &mut Vec<T>, more: usize) -> Result<(), NoRoom> {
        let needed = list.len().saturating_add(more);
        let capacity = needed.max(list.capacity() / 2 * 3).max(FEWEST);
        self.take(capacity.saturating_mul(size_of::<T>()))?;
        list.reserve_exact(capacity - list.len());
        Ok(())
    }
}

impl Default for Room<'_> {
    fn default() -> Self {
        Self::unlimited()
    }
}

impl fmt::Debug for Room<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Room")
    }
}
