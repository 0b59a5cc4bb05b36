//! Keeps a flood of equal messages short.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

/// Messages are told apart by a hash of this many values, so what is remembered is bounded.
const SLOTS: usize = 4096;

const TICK: Duration = Duration::from_secs(1);

/// Of the equal messages of a second: the first `initial`, then every `thereafter`th (none if 0).
#[derive(Debug)]
pub(super) struct Sampler {
    initial: u64,
    thereafter: u64,
    tick: Instant,
    /// Empty while no message can be lost.
    counts: Vec<u64>,
}

impl Sampler {
    pub(super) fn new(initial: u64, thereafter: u64) -> Self {
        let slots = if thereafter == 1 { 0 } else { SLOTS };
        Self { initial, thereafter, tick: Instant::now(), counts: vec![0; slots] }
    }

    /// Whether to print this message now.
    pub(super) fn admits(&mut self, message: &str) -> bool {
        if self.counts.is_empty() {
            return true;
        }
        if self.tick.elapsed() >= TICK {
            self.tick = Instant::now();
            self.counts.fill(0);
        }
        let mut hasher = DefaultHasher::new();
        message.hash(&mut hasher);
        let slot = usize::try_from(hasher.finish() % SLOTS as u64).unwrap_or_default();
        let Some(count) = self.counts.get_mut(slot) else { return true };
        *count += 1;
        match count.checked_sub(self.initial) {
            None | Some(0) => true,
            Some(_) if self.thereafter == 0 => false,
            Some(beyond) => beyond % self.thereafter == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(sampler: &mut Sampler, message: &str, times: usize) -> Vec<usize> {
        (1..=times).filter(|_| sampler.admits(message)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn first_ones_pass_then_every_nth_and_each_second_starts_anew() {
        let mut sampler = Sampler::new(2, 3);
        assert_eq!(admitted(&mut sampler, "a", 10), [1, 2, 5, 8]);
        assert_eq!(admitted(&mut sampler, "b", 3), [1, 2]);
        tokio::time::advance(TICK).await;
        assert_eq!(admitted(&mut sampler, "a", 5), [1, 2, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn zero_thereafter_drops_and_one_drops_nothing() {
        assert_eq!(admitted(&mut Sampler::new(1, 0), "a", 5), [1]);
        assert_eq!(admitted(&mut Sampler::new(0, 1), "a", 3), [1, 2, 3]);
    }
}
