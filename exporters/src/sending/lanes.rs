//! Lanes: requests that must arrive in the order of their batches, one at a time.
//!
//! Batches line up in the order in which they leave the queue: each takes its place in every lane that it has requests
//! for, behind the batches before it. A place is given up with what it stands for, sent or not.

use std::collections::BTreeMap;

use tokio::sync::{
    Mutex, MutexGuard,
    oneshot::{self, error::TryRecvError},
};

/// The lanes of one exporter. How many there are is the format's business.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Held from before a batch leaves the queue until it has lined up.
    turn: Mutex<()>,
    /// The end of each lane.
    ends: Mutex<Ends>,
}

/// Held by who takes from the queue, until it has lined up.
pub(super) type Turn<'l> = MutexGuard<'l, ()>;

/// Where batches line up.
#[derive(Debug, Default)]
pub(super) struct Ends(BTreeMap<usize, oneshot::Receiver<Gone>>);

/// A place in a lane. Dropping it lets those behind go on, as soon as those before it have gone too.
#[derive(Debug)]
pub(super) struct Place {
    before: Option<oneshot::Receiver<Gone>>,
    behind: Option<oneshot::Sender<Gone>>,
}

/// What is left to wait for when the one before has gone.
#[derive(Debug)]
struct Gone(Option<oneshot::Receiver<Gone>>);

impl Lanes {
    /// Waits until whoever took from the queue before has lined up.
    pub(super) async fn turn(&self) -> Turn<'_> {
        self.turn.lock().await
    }

    /// Where a batch lines up; nobody else does meanwhile.
    pub(super) async fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().await
    }
}

impl Ends {
    /// Takes the last place of a lane.
    pub(super) fn line_up(&mut self, lane: usize) -> Place {
        let (behind, end) = oneshot::channel();
        Place { before: self.0.insert(lane, end), behind: Some(behind) }
    }
}

impl Place {
    /// Waits until all before it have gone. Dropping the future changes nothing.
    pub(super) async fn comes_first(&mut self) {
        while let Some(before) = &mut self.before {
            let gone = before.await;
            self.before = gone.ok().and_then(|mut gone| gone.0.take());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(behind) = self.behind.take() {
            // Nobody is behind at the end of a lane that ends with the exporter.
            drop(behind.send(Gone(nearest(self.before.take()))));
        }
    }
}

impl Drop for Gone {
    /// One after the other: each of many that left has the next in it, and one inside the other would overflow the stack.
    fn drop(&mut self) {
        nearest(self.0.take());
    }
}

/// The nearest one that has not gone, so that who leaves behind a lane that is stuck leaves nothing there.
fn nearest(mut before: Option<oneshot::Receiver<Gone>>) -> Option<oneshot::Receiver<Gone>> {
    while let Some(one) = &mut before {
        match one.try_recv() {
            Ok(mut gone) => before = gone.0.take(),
            Err(TryRecvError::Closed) => return None,
            Err(TryRecvError::Empty) => break,
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_one_behind_waits_for_all_before_it() {
        let lanes = Lanes::default();
        let mut ends = lanes.ends().await;
        let mut first = ends.line_up(1);
        let second = ends.line_up(1);
        let mut third = ends.line_up(1);
        let mut other = ends.line_up(2);
        first.comes_first().await;
        other.comes_first().await;
        assert!(third.comes_first().now_or_never().is_none());
        // The second one leaves early: that is no reason to overtake the first.
        drop(second);
        assert!(third.comes_first().now_or_never().is_none());
        drop(first);
        third.comes_first().await;
        drop(third);
        ends.line_up(1).comes_first().await;
    }

    #[tokio::test]
    async fn many_may_leave_behind_one_that_is_stuck() {
        for from_behind in [false, true] {
            let mut ends = Ends::default();
            let stuck = ends.line_up(1);
            let mut many: Vec<Place> = (0..200_000).map(|_| ends.line_up(1)).collect();
            if from_behind {
                many.reverse();
            }
            many.into_iter().for_each(drop);
            let mut last = ends.line_up(1);
            assert!(last.comes_first().now_or_never().is_none());
            drop(stuck);
            last.comes_first().await;
        }
    }

    #[tokio::test]
    async fn many_that_left_do_not_outlive_their_lane() {
        let mut ends = Ends::default();
        let stuck = ends.line_up(1);
        let many: Vec<Place> = (0..200_000).map(|_| ends.line_up(1)).collect();
        many.into_iter().rev().for_each(drop);
        drop(ends);
        drop(stuck);
    }
}
