//! The time between attempts.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::settings::Retry;

/// The longest wait that a backend can ask for.
const LONGEST_HINT: Duration = Duration::from_secs(300);

/// Exponential backoff of one request, varied so that requests which failed together do not return together.
#[derive(Debug)]
pub(super) struct Backoff<'a> {
    settings: &'a Retry,
    interval: Duration,
}

impl<'a> Backoff<'a> {
    pub(super) fn new(settings: &'a Retry) -> Self {
        Self { settings, interval: *settings.initial_interval }
    }

    /// The next wait.
    pub(super) fn next(&mut self) -> Duration {
        let interval = self.interval;
        self.interval = times(interval, self.settings.multiplier).min(*self.settings.max_interval);
        let spread = self.settings.randomization_factor;
        times(interval, rand::random_range(1.0 - spread..=1.0 + spread))
    }
}

/// Like `mul_f64`, but what does not fit is the longest duration instead of a panic.
fn times(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

/// Keeps all requests of one exporter back until the time that the backend asked for.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<Option<Instant>>);

impl Gate {
    /// Lets nothing pass before `delay` is over; at most five minutes. A shorter delay than the one that holds
    /// changes nothing.
    pub(super) fn close_for(&self, delay: Duration) {
        let until = Instant::now() + delay.min(LONGEST_HINT);
        let mut gate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *gate = (*gate).max(Some(until));
    }

    /// Until when nothing may pass; `None` when the gate is open.
    pub(super) fn closed_until(&self) -> Option<Instant> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|&until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady() -> Retry {
        Retry { randomization_factor: 0.0, ..Retry::default() }
    }

    #[test]
    fn e6_backoff_grows_from_5_to_30_seconds() {
        let settings = steady();
        let mut backoff = Backoff::new(&settings);
        let waits: Vec<f64> = (0..7).map(|_| backoff.next().as_secs_f64()).collect();
        assert_eq!(waits, [5.0, 7.5, 11.25, 16.875, 25.3125, 30.0, 30.0]);
    }

    #[test]
    fn each_wait_varies_within_the_factor() {
        let settings = Retry::default();
        let waits: Vec<f64> = (0..200).map(|_| Backoff::new(&settings).next().as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (2.5..=7.5).contains(wait)), "{waits:?}");
        let (short, long) = waits.iter().partition::<Vec<f64>, _>(|wait| **wait < 5.0);
        assert!(short.len() > 20 && long.len() > 20, "they stand on one side: {waits:?}");
    }

    #[test]
    fn absurd_settings_do_not_panic() {
        let settings = Retry { multiplier: f64::MAX, max_interval: Duration::MAX.into(), ..Retry::default() };
        let mut backoff = Backoff::new(&settings);
        assert!((0..9).map(|_| backoff.next()).max() > Some(Duration::from_secs(1 << 40)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_hint_holds_and_is_capped_at_five_minutes() {
        let gate = Gate::default();
        assert_eq!(gate.closed_until(), None);
        gate.close_for(Duration::from_secs(7));
        gate.close_for(Duration::from_secs(1));
        assert_eq!(gate.closed_until(), Some(Instant::now() + Duration::from_secs(7)));
        gate.close_for(Duration::from_secs(86400));
        assert_eq!(gate.closed_until(), Some(Instant::now() + Duration::from_secs(300)));
        tokio::time::advance(Duration::from_secs(300)).await;
        assert_eq!(gate.closed_until(), None);
    }
}
