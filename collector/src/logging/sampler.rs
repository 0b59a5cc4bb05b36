//! Thins out lines that repeat, as zap's sampler does.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use tracing::Level;

use crate::telemetry_settings::Sampling;

/// Counters. Two lines that share one are thinned out together; the number bounds the memory whatever is logged.
const SLOTS: usize = 4096;

/// Of equal (level, message) lines in a tick it lets pass the first `initial`, then every `thereafter`th.
#[derive(Debug)]
pub(super) struct Sampler {
    tick: Duration,
    initial: u64,
    thereafter: u64,
    /// Empty when sampling is off.
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    since: Option<Instant>,
    count: u64,
}

impl Sampler {
    pub(super) fn new(settings: &Sampling) -> Self {
        Self {
            tick: *settings.tick,
            initial: settings.initial,
            thereafter: settings.thereafter,
            slots: if settings.enabled { vec![Slot::default(); SLOTS] } else { Vec::new() },
        }
    }

    pub(super) fn lets_pass(&mut self, level: Level, message: &str) -> bool {
        self.lets_pass_at(Instant::now(), level, message)
    }

    fn lets_pass_at(&mut self, now: Instant, level: Level, message: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        (level, message).hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % SLOTS as u64).unwrap_or_default();
        let Some(slot) = self.slots.get_mut(index) else {
            return true;
        };
        if slot.since.is_none_or(|since| now.duration_since(since) >= self.tick) {
            *slot = Slot { since: Some(now), count: 0 };
        }
        slot.count += 1;
        match slot.count.checked_sub(self.initial) {
            None | Some(0) => true,
            Some(above) => self.thereafter != 0 && above.is_multiple_of(self.thereafter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(sampling: &Sampling, ticks: &[u64]) -> usize {
        let mut sampler = Sampler::new(sampling);
        let start = Instant::now();
        let mut passed = |tick: &&u64| {
            sampler.lets_pass_at(start + Duration::from_secs(**tick), Level::WARN, "again and again")
        };
        ticks.iter().filter(|tick| passed(tick)).count()
    }

    #[test]
    fn the_first_ten_pass_then_every_hundredth() {
        assert_eq!(passes(&Sampling::default(), &[0; 10]), 10);
        assert_eq!(passes(&Sampling::default(), &[0; 109]), 10);
        assert_eq!(passes(&Sampling::default(), &[0; 310]), 13);
    }

    #[test]
    fn thereafter_zero_writes_no_more() {
        assert_eq!(passes(&Sampling { thereafter: 0, ..Sampling::default() }, &[0; 1000]), 10);
    }

    #[test]
    fn a_new_tick_begins_anew() {
        let mut ticks = vec![0; 20];
        ticks.extend([10; 20]);
        assert_eq!(passes(&Sampling::default(), &ticks), 20);
    }

    #[test]
    fn sampling_switched_off_writes_all() {
        assert_eq!(passes(&Sampling { enabled: false, ..Sampling::default() }, &[0; 500]), 500);
    }
}
