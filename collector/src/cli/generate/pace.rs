//! When the next request is due.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Behind by more than this, load is given up: what comes after a pause is no flood.
const MOST_BEHIND: Duration = Duration::from_secs(1);

/// Spreads items evenly over time.
#[derive(Debug)]
pub(super) struct Pace {
    /// Items per second; 0 is no limit.
    rate: f64,
    /// Where in their part of the time items are sent, 0 to 1.
    phase: f64,
    /// Where the part of the next items begins.
    due: Instant,
}

impl Pace {
    /// A phase inside of the part, such as 0.5, makes two seconds at 1000 per second 2000 items and not one request
    /// more.
    pub(super) fn new(rate: f64, phase: f64) -> Self {
        Self { rate, phase, due: Instant::now() }
    }

    /// Waits until `items` more may be sent.
    pub(super) async fn wait_for(&mut self, items: usize) {
        if self.rate == 0.0 {
            return;
        }
        let part = Duration::from_secs_f64((items as f64 / self.rate).min(1e9));
        sleep_until(self.due + part.mul_f64(self.phase)).await;
        let earliest = Instant::now().checked_sub(MOST_BEHIND).unwrap_or(self.due);
        self.due = self.due.max(earliest) + part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn items_within(pace: &mut Pace, seconds: u64, batch: usize) -> usize {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut items = 0;
        while tokio::time::timeout_at(end, pace.wait_for(batch)).await.is_ok() && Instant::now() < end {
            items += batch;
        }
        items
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept() {
        assert_eq!(items_within(&mut Pace::new(1000.0, 0.5), 2, 100).await, 2000);
        assert_eq!(items_within(&mut Pace::new(0.5, 0.5), 10, 1).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_made_up_for_but_not_more_than_a_second_of_it() {
        let mut pace = Pace::new(100.0, 0.5);
        pace.wait_for(10).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(items_within(&mut pace, 1, 10).await, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn no_rate_is_no_wait() {
        let start = Instant::now();
        let mut pace = Pace::new(0.0, 0.5);
        for _ in 0..1000 {
            pace.wait_for(1000).await;
        }
        assert_eq!(start, Instant::now());
    }
}
