//! A bounded queue that knows the weight of what it holds.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus::IntGauge;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError},
    time::{Instant, timeout_at},
};

/// First in, first out. An entry is put in after [`Room`] was found for its weight; the room stays taken until
/// the entry is dropped, which is after it was sent.
#[derive(Debug)]
pub(super) struct Queue<T> {
    capacity: usize,
    room: Arc<Semaphore>,
    /// One permit per entry, at least; consumers wait for them.
    filled: Semaphore,
    state: Mutex<State<T>>,
    fill: IntGauge,
}

#[derive(Debug)]
struct State<T> {
    next: u64,
    entries: BTreeMap<u64, T>,
    closed: bool,
}

/// Why there was no room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// Not now.
    Full,
    /// Never: it weighs more than the whole queue holds.
    TooLarge,
    /// The queue is closed.
    Closed,
}

/// Room that was taken in a queue; given back on drop.
#[derive(Debug)]
pub(super) struct Room {
    _permit: OwnedSemaphorePermit,
    weight: i64,
    fill: IntGauge,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.fill.sub(self.weight);
    }
}

/// Names an entry of a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket(u64);

impl<T> Queue<T> {
    /// A queue for entries that weigh `capacity` together. `fill` shows what it holds.
    pub(super) fn new(capacity: usize, fill: IntGauge) -> Self {
        let capacity = capacity.min(Semaphore::MAX_PERMITS);
        let state = State { next: 0, entries: BTreeMap::new(), closed: false };
        let (room, filled) = (Arc::new(Semaphore::new(capacity)), Semaphore::new(0));
        Self { capacity, room, filled, state: Mutex::new(state), fill }
    }

    /// Room for `weight`, if there is.
    pub(super) fn try_room(&self, weight: usize) -> Result<Room, NoRoom> {
        let permit = self.room.clone().try_acquire_many_owned(self.permits(weight)?);
        self.taken(
            weight,
            permit.map_err(|error| match error {
                TryAcquireError::NoPermits => NoRoom::Full,
                TryAcquireError::Closed => NoRoom::Closed,
            })?,
        )
    }

    /// Room for `weight`, as soon as there is, in the order of the calls. Dropping the future leaves the line.
    pub(super) async fn room(&self, weight: usize, deadline: Option<Instant>) -> Result<Room, NoRoom> {
        let acquired = self.room.clone().acquire_many_owned(self.permits(weight)?);
        let permit = match deadline {
            None => acquired.await,
            Some(at) => timeout_at(at, acquired).await.map_err(|_| NoRoom::Full)?,
        };
        self.taken(weight, permit.map_err(|_| NoRoom::Closed)?)
    }

    fn permits(&self, weight: usize) -> Result<u32, NoRoom> {
        u32::try_from(weight).ok().filter(|_| weight <= self.capacity).ok_or(NoRoom::TooLarge)
    }

    fn taken(&self, weight: usize, permit: OwnedSemaphorePermit) -> Result<Room, NoRoom> {
        let weight = i64::try_from(weight).map_err(|_| NoRoom::TooLarge)?;
        self.fill.add(weight);
        Ok(Room { _permit: permit, weight, fill: self.fill.clone() })
    }

    /// Puts an entry behind all others.
    ///
    /// # Errors
    /// Hands the entry back when the queue is closed.
    pub(super) fn push(&self, entry: T) -> Result<Ticket, T> {
        let mut state = self.state();
        if state.closed {
            return Err(entry);
        }
        let ticket = state.next;
        state.next += 1;
        state.entries.insert(ticket, entry);
        drop(state);
        self.filled.add_permits(1);
        Ok(Ticket(ticket))
    }

    /// The first entry, as soon as there is one; `None` once the queue is closed and empty. Dropping the future
    /// takes nothing.
    pub(super) async fn pop(&self) -> Option<T> {
        loop {
            let open = self.filled.acquire().await.map(|permit| permit.forget()).is_ok();
            let first = self.state().entries.pop_first();
            match first {
                Some((_, entry)) => return Some(entry),
                // Its entry was removed.
                None if open => {}
                None => return None,
            }
        }
    }

    /// Takes an entry out of the middle, unless a consumer has it.
    pub(super) fn remove(&self, Ticket(ticket): Ticket) -> Option<T> {
        self.state().entries.remove(&ticket)
    }

    /// Takes nothing more; whoever waits for room is told. What is in the queue can still be taken out.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.room.close();
        self.filled.close();
    }

    /// Takes everything out.
    pub(super) fn clear(&self) -> Vec<T> {
        std::mem::take(&mut self.state().entries).into_values().collect()
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn queue(capacity: usize) -> Queue<(u32, Option<Room>)> {
        Queue::new(capacity, IntGauge::new("fill", "fill").unwrap())
    }

    #[tokio::test]
    async fn room_is_taken_until_the_entry_is_dropped() {
        let queue = queue(10);
        let room = queue.try_room(8).unwrap();
        queue.push((1, Some(room))).unwrap();
        let entry = queue.pop().await.unwrap();
        assert_eq!(queue.try_room(3).unwrap_err(), NoRoom::Full);
        assert_eq!(queue.fill.get(), 8);
        drop(entry);
        assert_eq!(queue.fill.get(), 0);
        queue.try_room(10).unwrap();
    }

    #[tokio::test]
    async fn what_can_never_fit_is_told_apart() {
        let queue = queue(10);
        assert_eq!(queue.try_room(11).unwrap_err(), NoRoom::TooLarge);
        assert_eq!(queue.room(usize::MAX, None).await.unwrap_err(), NoRoom::TooLarge);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_room_ends_at_the_deadline() {
        let queue = queue(1);
        let _held = queue.try_room(1).unwrap();
        let deadline = Instant::now() + Duration::from_secs(3);
        assert_eq!(queue.room(1, Some(deadline)).await.unwrap_err(), NoRoom::Full);
        assert_eq!(Instant::now(), deadline);
    }

    #[tokio::test]
    async fn a_closed_queue_is_emptied_and_takes_nothing() {
        let queue = queue(2);
        queue.push((1, None)).unwrap();
        queue.push((2, None)).unwrap();
        queue.close();
        assert_eq!(queue.try_room(1).unwrap_err(), NoRoom::Closed);
        assert!(queue.push((3, None)).is_err());
        assert_eq!(queue.pop().await.unwrap().0, 1);
        assert_eq!(queue.pop().await.unwrap().0, 2);
        assert!(queue.pop().await.is_none());
    }

    #[tokio::test]
    async fn a_removed_entry_leaves_the_others_in_order() {
        let queue = queue(3);
        queue.push((1, None)).unwrap();
        let second = queue.push((2, None)).unwrap();
        queue.push((3, None)).unwrap();
        assert_eq!(queue.remove(second).unwrap().0, 2);
        assert!(queue.remove(second).is_none());
        assert_eq!(queue.pop().await.unwrap().0, 1);
        assert_eq!(queue.pop().await.unwrap().0, 3);
        queue.push((4, None)).unwrap();
        assert_eq!(queue.pop().await.unwrap().0, 4);
    }
}
