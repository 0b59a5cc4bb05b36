//! How many series there may be, and what they may take of the memory budget.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use sluice_component::{Budget, Permit};

use crate::prometheus::lost::Lost;

/// What is taken from the budget at once.
const STEP: usize = 256 << 10;

/// The room for all series of an exporter.
#[derive(Debug)]
pub(in crate::prometheus) struct Room {
    most: usize,
    series: AtomicUsize,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    used: usize,
    budget: Budget,
    permit: Option<Permit>,
}

impl Room {
    /// For at most `most` series; 0 is no limit.
    pub(super) fn new(most: usize, budget: Budget) -> Self {
        let most = if most == 0 { usize::MAX } else { most };
        Self {
            most,
            series: AtomicUsize::new(0),
            memory: Mutex::new(Memory { used: 0, budget, permit: None }),
        }
    }

    /// Takes the room of one more series of `bytes`.
    pub(super) fn enter(&self, bytes: usize) -> Result<(), Lost> {
        let fits = |series: usize| (series < self.most).then_some(series + 1);
        let entered = self.series.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        entered.map_err(|_| Lost::MaxSeries)?;
        let resized = self.resize(0, bytes);
        if resized.is_err() {
            self.series.fetch_sub(1, Ordering::Relaxed);
        }
        resized
    }

    /// Gives back the room of a series of `bytes`.
    pub(super) fn leave(&self, bytes: usize) {
        self.series.fetch_sub(1, Ordering::Relaxed);
        // Less is always granted.
        let _granted = self.resize(bytes, 0);
    }

    /// A series of `before` bytes has `after` from now on.
    pub(super) fn resize(&self, before: usize, after: usize) -> Result<(), Lost> {
        if before == after {
            return Ok(());
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let used = memory.used.saturating_sub(before).saturating_add(after);
        let held = memory.permit.as_ref().map_or(0, Permit::bytes);
        if used > held {
            let more = (used - held).next_multiple_of(STEP);
            let granted = match &mut memory.permit {
                Some(permit) => permit.grow(more),
                None => memory.budget.reserve(more).map(|permit| memory.permit = Some(permit)),
            };
            granted.map_err(|_| Lost::MemoryLimit)?;
        } else if held - used > 2 * STEP {
            let keep = used.next_multiple_of(STEP);
            if let Some(permit) = &mut memory.permit {
                permit.shrink_to(keep);
            }
        }
        memory.used = used;
        Ok(())
    }

    /// How many series there are.
    #[cfg(test)]
    pub(in crate::prometheus) fn series(&self) -> usize {
        self.series.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_taken_in_steps_and_given_back() {
        let budget = Budget::new(1 << 20);
        let room = Room::new(0, budget.clone());
        let mut entered = 0;
        while room.enter(100_000).is_ok() {
            entered += 1;
        }
        assert_eq!((entered, room.series(), budget.used()), (10, 10, 1 << 20));
        assert_eq!(room.resize(100_000, 200_000), Err(Lost::MemoryLimit));
        for _ in 0..entered {
            room.leave(100_000);
        }
        assert_eq!(room.series(), 0);
        assert!(budget.used() <= 2 * STEP, "{}", budget.used());
        drop(room);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let room = Room::new(2, Budget::new(1 << 20));
        assert_eq!([(); 3].map(|()| room.enter(1)), [Ok(()), Ok(()), Err(Lost::MaxSeries)]);
        room.leave(1);
        assert_eq!(room.enter(1), Ok(()));
    }
}
