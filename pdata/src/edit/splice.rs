//! A chunk while it is written anew: what changes is put between runs of what stays.

use bytes::Bytes;

use super::{NoRoom, Room};

/// More than the lengths of the messages around a record can grow by.
const SLACK: usize = 64;

/// A new chunk, and the bytes by which it takes more memory than the old one.
pub(super) type Grown = (Bytes, usize);

/// Writes nothing, and allocates nothing, before the first change.
#[derive(Debug)]
pub(super) struct Splice<'c> {
    chunk: &'c [u8],
    room: Room<'c>,
    /// Up to here the chunk is in `out`, or left out of it.
    done: usize,
    pub(super) out: Vec<u8>,
}

impl<'c> Splice<'c> {
    pub(super) fn new(chunk: &'c [u8], room: Room<'c>) -> Self {
        Self { chunk, room, done: 0, out: Vec::new() }
    }

    /// Where `part`, a slice of the chunk, begins in it.
    pub(super) fn offset_of(&self, part: &[u8]) -> usize {
        part.as_ptr().addr().saturating_sub(self.chunk.as_ptr().addr()).min(self.chunk.len())
    }

    /// Sees to it that `more` bytes fit, beside all of the chunk that is still to come.
    #[inline]
    pub(super) fn reserve(&mut self, more: usize) -> Result<(), NoRoom> {
        let to_come = self.chunk.len() - self.done + SLACK;
        if self.out.capacity() - self.out.len() >= to_come + more {
            return Ok(());
        }
        if self.out.capacity() > 0 {
            return self.room.reserve(&mut self.out, to_come + more);
        }
        // Most edits add a few attributes, by which a message grows. The chunk itself is accounted for already.
        let growth = self.chunk.len() / 4 + SLACK + more;
        self.room.take(growth)?;
        self.out.reserve_exact(self.chunk.len() + growth);
        Ok(())
    }

    /// Copies what of the chunk stands before `end` and is not yet done.
    pub(super) fn copy_to(&mut self, end: usize) {
        self.out.extend_from_slice(self.chunk.get(self.done..end).unwrap_or_default());
        self.skip_to(end);
    }

    /// Leaves out what stands before `end`.
    pub(super) fn skip_to(&mut self, end: usize) {
        self.done = end;
    }

    /// The new chunk; none if nothing was changed.
    pub(super) fn finish(mut self) -> Option<Grown> {
        if self.out.capacity() == 0 {
            return None;
        }
        self.copy_to(self.chunk.len());
        let grown = self.out.capacity().saturating_sub(self.chunk.len());
        Some((self.out.into(), grown))
    }
}
