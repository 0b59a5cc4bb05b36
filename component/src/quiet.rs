//! Says once what happens often.

use std::time::Duration;

use tokio::time::Instant;

/// Shortest time between two lines about the same thing.
const INTERVAL: Duration = Duration::from_secs(10);

/// Adds up what happens between two log lines, which are at least 10 s apart.
#[derive(Debug, Default)]
pub struct Quiet {
    last: Option<Instant>,
    times: u64,
    items: u64,
}

impl Quiet {
    /// Counts one more time, with `items` items. Gives the sums `(times, items)` since the last line when it is
    /// time for another.
    pub fn note(&mut self, items: usize) -> Option<(u64, u64)> {
        self.times += 1;
        self.items += items as u64;
        let now = Instant::now();
        if self.last.is_some_and(|last| now < last + INTERVAL) {
            return None;
        }
        self.last = Some(now);
        Some((std::mem::take(&mut self.times), std::mem::take(&mut self.items)))
    }
}
