//! For how long one arm may hold up the others.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sluice_component::{ComponentRef, Refusal, quiet::Quiet};
use tokio::time::Instant;

/// How long the others are held up at most by an arm that never did so.
pub(super) const MOST: Duration = Duration::from_secs(30);
/// And after that: one second in so many.
const SHARE: u32 = 20;
/// Less is not worth to wait for: it is saved up, so that an arm that needs a while for its answer gets it.
const LEAST: Duration = Duration::from_secs(2);

/// The patience with one arm: 30 s, and then a twentieth of the time. An arm that is dead costs the others 30 s once,
/// one that is too slow does not set their pace, and one that is well again is given time again.
#[derive(Debug)]
pub(super) struct Patience(Mutex<Spent>);

#[derive(Debug)]
struct Spent {
    time: Duration,
    at: Instant,
    given_up: Quiet,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Spent { time: Duration::ZERO, at: Instant::now(), given_up: Quiet::default() }))
    }

    /// How long the arm may be waited for now.
    pub(super) fn left(&self) -> Duration {
        let left = MOST.saturating_sub(self.spent().now());
        if left < LEAST { Duration::ZERO } else { left }
    }

    /// The arm was waited for.
    pub(super) fn spend(&self, time: Duration) {
        let mut spent = self.spent();
        spent.time = spent.now().saturating_add(time).min(MOST);
        spent.at = Instant::now();
    }

    /// Says, at most once in 10 s, that `items` did not go to `exporter`.
    pub(super) fn say_given_up(&self, exporter: &ComponentRef, refusal: &Refusal, items: usize) {
        let Some((batches, dropped_items)) = self.spent().given_up.note(items) else { return };
        let (signal, reason, error) = (refusal.signal, refusal.reason.as_str(), refusal.chain());
        tracing::warn!(
            component = %exporter, %signal, reason, error, batches, dropped_items,
            "Exporter stays behind, going on without it. Dropping its data."
        );
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spent {
    fn now(&self) -> Duration {
        self.time.saturating_sub(self.at.elapsed() / SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_ends_and_comes_back_with_a_twentieth_of_the_time() {
        let patience = Patience::new();
        assert_eq!(patience.left(), MOST);
        patience.spend(Duration::from_secs(12));
        assert_eq!(patience.left(), Duration::from_secs(18));
        patience.spend(MOST);
        assert_eq!(patience.left(), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(39)).await;
        assert_eq!(patience.left(), Duration::ZERO, "it is saved up");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(patience.left(), LEAST);
        tokio::time::advance(Duration::from_secs(86400)).await;
        assert_eq!(patience.left(), MOST);
    }
}
