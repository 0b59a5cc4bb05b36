//! The bounded queue between the receiving threads and the workers.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

/// Packets of at most this many bytes are taken at once: what is decoded without a break.
const GROUP_BYTES: usize = 64 << 10;
/// At most this many packets are taken at once.
const GROUP: usize = 64;

/// A queue that threads fill and tasks empty. Room is reserved before a packet is copied, so a full queue costs
/// nothing per packet.
#[derive(Debug)]
pub(super) struct Ring<T> {
    state: Mutex<State<T>>,
    /// Somebody took packets.
    room: Condvar,
    /// Packets wait, or the ring was closed.
    filled: Notify,
}

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<T>,
    /// Places neither filled nor reserved.
    free: usize,
    closed: bool,
}

/// What waits in a ring.
pub(super) trait Size {
    /// Bytes.
    fn size(&self) -> usize;
}

impl<T: Size> Ring<T> {
    pub(super) fn new(places: usize) -> Self {
        let state = State { queue: VecDeque::new(), free: places, closed: false };
        Self { state: Mutex::new(state), room: Condvar::new(), filled: Notify::new() }
    }

    /// Reserves up to `wanted` places. A full ring is waited for, at most for `patience`.
    pub(super) fn reserve(&self, wanted: usize, patience: Duration) -> usize {
        let mut state = self.lock();
        if state.free == 0 {
            let full = |state: &mut State<T>| state.free == 0;
            let (later, _) =
                self.room.wait_timeout_while(state, patience, full).unwrap_or_else(PoisonError::into_inner);
            state = later;
        }
        let reserved = wanted.min(state.free);
        state.free -= reserved;
        reserved
    }

    /// Fills some of `reserved` places, and gives the others back.
    pub(super) fn fill(&self, reserved: usize, packets: &mut Vec<T>) {
        let mut state = self.lock();
        state.free += reserved.saturating_sub(packets.len());
        let filled = !packets.is_empty();
        state.queue.extend(packets.drain(..));
        drop(state);
        if filled {
            self.filled.notify_one();
        }
    }

    /// Takes what waits, as far as it makes one group. `None` when the ring is closed and empty.
    pub(super) async fn take(&self) -> Option<Vec<T>> {
        loop {
            let filled = self.filled.notified();
            {
                let mut state = self.lock();
                if !state.queue.is_empty() {
                    let group = state.take_group();
                    let more = !state.queue.is_empty();
                    drop(state);
                    self.room.notify_all();
                    if more {
                        self.filled.notify_one();
                    }
                    return Some(group);
                }
                if state.closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// Lets the workers end when they have taken what there is.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_waiters();
    }

    /// Throws away what waits and says how many packets that were.
    pub(super) fn clear(&self) -> usize {
        let mut state = self.lock();
        let packets = state.queue.len();
        state.queue.clear();
        state.free += packets;
        packets
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that holds the lock can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Size> State<T> {
    fn take_group(&mut self) -> Vec<T> {
        let mut bytes = 0;
        let fits = |packet: &&T| {
            let first = bytes == 0;
            bytes += packet.size().max(1);
            first || bytes <= GROUP_BYTES
        };
        let packets = self.queue.iter().take(GROUP).take_while(fits).count();
        self.free += packets;
        self.queue.drain(..packets).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Size for usize {
        fn size(&self) -> usize {
            *self
        }
    }

    fn put(ring: &Ring<usize>, packets: &[usize]) -> usize {
        let reserved = ring.reserve(packets.len(), Duration::ZERO);
        ring.fill(reserved, &mut packets[..reserved].to_vec());
        reserved
    }

    #[tokio::test]
    async fn a_full_ring_takes_no_more_until_somebody_takes() {
        let ring = Ring::new(3);
        assert_eq!(put(&ring, &[1, 2]), 2);
        assert_eq!(put(&ring, &[3, 4]), 1);
        assert_eq!(put(&ring, &[5]), 0);
        assert_eq!(ring.take().await, Some(vec![1, 2, 3]));
        assert_eq!(put(&ring, &[6, 7, 8, 9]), 3);
    }

    #[tokio::test]
    async fn places_that_are_not_filled_are_given_back() {
        let ring = Ring::new(2);
        assert_eq!(ring.reserve(5, Duration::ZERO), 2);
        ring.fill(2, &mut vec![1]);
        assert_eq!(ring.reserve(5, Duration::ZERO), 1);
    }

    #[tokio::test]
    async fn a_group_is_bounded_in_packets_and_in_bytes() {
        let ring = Ring::new(1000);
        put(&ring, &[1; 100]);
        assert_eq!(ring.take().await.map(|group| group.len()), Some(64));
        assert_eq!(ring.take().await.map(|group| group.len()), Some(36));
        put(&ring, &[GROUP_BYTES + 1, GROUP_BYTES, 1]);
        assert_eq!(ring.take().await, Some(vec![GROUP_BYTES + 1]));
        assert_eq!(ring.take().await, Some(vec![GROUP_BYTES]));
        assert_eq!(ring.take().await, Some(vec![1]));
    }

    #[tokio::test]
    async fn a_closed_ring_is_emptied_first() {
        let ring = Ring::new(10);
        put(&ring, &[1, 2]);
        ring.close();
        assert_eq!(ring.take().await, Some(vec![1, 2]));
        assert_eq!(ring.take().await, None);
    }

    #[tokio::test]
    async fn every_waiting_worker_hears_of_the_end() {
        let ring = std::sync::Arc::new(Ring::<usize>::new(1));
        let waiting = [ring.take(), ring.take()].map(Box::pin);
        let all = futures_util::future::join_all(waiting);
        let close = async { ring.close() };
        let (taken, ()) = tokio::join!(all, close);
        assert_eq!(taken, [None, None]);
    }

    #[test]
    fn a_thread_waits_a_moment_for_room() {
        let ring = Ring::new(1);
        put(&ring, &[1]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| ring.reserve(1, Duration::from_secs(20)));
            let taken = futures_util::FutureExt::now_or_never(ring.take());
            assert_eq!(taken, Some(Some(vec![1])));
            assert_eq!(waiting.join().unwrap(), 1);
        });
    }
}
