//! Bytes of which nobody knows how many will come, within the budget.
//!
//! They are kept in pieces, so that growing copies nothing: a sender who is refused at a limit has cost that limit, and
//! not the old half of a buffer beside its new whole. Only what came to its end is joined.

use bytes::Bytes;
use sluice_component::{Budget, OverBudget, Permit};

/// The largest piece that is made ahead of what comes.
const LARGEST: usize = 1 << 20;

/// A row of pieces, all full but the last.
#[derive(Debug)]
pub(crate) struct Pieces {
    full: Vec<Vec<u8>>,
    /// Bytes in those.
    before: usize,
    pub(crate) last: Vec<u8>,
    permit: Permit,
}

impl Pieces {
    pub(crate) fn new(budget: &Budget) -> Result<Self, OverBudget> {
        Ok(Self { full: Vec::new(), before: 0, last: Vec::new(), permit: budget.reserve(0)? })
    }

    /// Bytes in all of them.
    pub(crate) fn len(&self) -> usize {
        self.before + self.last.len()
    }

    /// The capacity of the next piece where `most` bytes may come in all: as much as came so far, `first` at the least.
    pub(crate) fn next(&self, first: usize, most: usize) -> usize {
        let have = self.len();
        have.max(first).min(LARGEST).min(most.saturating_sub(have))
    }

    /// Begins an empty piece of so many bytes. The one before it takes no more.
    pub(crate) fn begin(&mut self, capacity: usize) -> Result<(), OverBudget> {
        self.permit.grow(capacity)?;
        let full = std::mem::replace(&mut self.last, Vec::with_capacity(capacity));
        if !full.is_empty() {
            self.before += full.len();
            self.full.push(full);
        }
        Ok(())
    }

    /// Copies `bytes` to the end; where they do not fit, pieces of [`Pieces::next`] are begun.
    pub(crate) fn extend(&mut self, mut bytes: &[u8], first: usize, most: usize) -> Result<(), OverBudget> {
        loop {
            let room = self.last.capacity() - self.last.len();
            let (fits, rest) = bytes.split_at(room.min(bytes.len()));
            self.last.extend_from_slice(fits);
            if rest.is_empty() {
                return Ok(());
            }
            self.begin(self.next(first, most).max(rest.len().min(LARGEST)))?;
            bytes = rest;
        }
    }

    /// All of it in one buffer that has little room to spare. Each piece goes as soon as it is copied.
    pub(crate) fn join(mut self) -> Result<(Bytes, Permit), OverBudget> {
        let mut all = self.last;
        if !self.full.is_empty() {
            let length = self.before + all.len();
            self.permit.grow(length)?;
            let mut joined = Vec::with_capacity(length);
            for piece in self.full {
                joined.extend_from_slice(&piece);
            }
            joined.extend_from_slice(&all);
            all = joined;
        } else if all.capacity() - all.len() > all.len() / 4 {
            all.shrink_to_fit();
        }
        self.permit.shrink_to(all.capacity());
        Ok((Bytes::from(all), self.permit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_costs_no_more_than_a_piece_ahead_of_what_came() {
        let budget = Budget::new(64 << 20);
        let mut pieces = Pieces::new(&budget).unwrap();
        let mut expected = Vec::new();
        for n in 0..300_000_u32 {
            pieces.extend(&n.to_le_bytes().repeat(10), 64 << 10, usize::MAX).unwrap();
            expected.extend(n.to_le_bytes().repeat(10));
            let ahead = pieces.len().clamp(64 << 10, LARGEST);
            assert!(budget.used() <= pieces.len() + ahead, "{} for {}", budget.used(), pieces.len());
        }
        assert_eq!(pieces.len(), 12_000_000);
        let (bytes, permit) = pieces.join().unwrap();
        assert!(bytes == expected);
        assert_eq!((permit.bytes(), budget.used()), (12_000_000, 12_000_000));
        drop(permit);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_is_declared_is_one_piece_and_no_more() {
        let budget = Budget::new(1 << 20);
        let mut pieces = Pieces::new(&budget).unwrap();
        for _ in 0..5 {
            pieces.extend(&[7; 10_000], 64 << 10, 50_000).unwrap();
        }
        assert_eq!(budget.used(), 50_000);
        let place = pieces.last.as_ptr();
        let (bytes, permit) = pieces.join().unwrap();
        assert_eq!((bytes.as_ptr(), bytes.len(), permit.bytes()), (place, 50_000, 50_000));
    }

    #[test]
    fn what_the_budget_has_no_room_for_is_refused_and_given_back() {
        let budget = Budget::new(100_000);
        let mut pieces = Pieces::new(&budget).unwrap();
        pieces.extend(&[1; 60_000], 0, usize::MAX).unwrap();
        assert!(pieces.extend(&[1; 60_000], 0, usize::MAX).is_err());
        assert!(pieces.len() <= 100_000);
        drop(pieces);
        assert_eq!(budget.used(), 0);
    }
}
