//! Measures the process, at most once per interval, on the path of whoever comes by.

use std::{
    sync::{
        Mutex, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sluice_component::{Budget, memory};
use tokio::time::Instant;

/// Says whether memory is short. Shared by all pipelines that name the same processor.
///
/// Usage is the larger of what the budget has handed out and of what is resident. Between two samples the answer
/// stays, so that it changes, and is logged, at most once per interval.
#[derive(Debug)]
pub(super) struct Gauge {
    budget: Budget,
    soft: u64,
    interval: Duration,
    resident: fn() -> Option<u64>,
    is_short: AtomicBool,
    next_sample: Mutex<Option<Instant>>,
}

impl Gauge {
    pub(super) fn new(budget: Budget, soft: u64, interval: Duration, resident: fn() -> Option<u64>) -> Self {
        let (is_short, next_sample) = (AtomicBool::new(false), Mutex::new(None));
        Self { budget, soft, interval, resident, is_short, next_sample }
    }

    /// Whether usage was at the soft limit when it was last measured.
    pub(super) fn is_short(&self) -> bool {
        match self.next_sample.try_lock() {
            Ok(mut next) => self.sample_if_due(&mut next),
            Err(TryLockError::Poisoned(next)) => self.sample_if_due(&mut next.into_inner()),
            // Another request is at it: the last answer is good enough.
            Err(TryLockError::WouldBlock) => {}
        }
        self.is_short.load(Ordering::Relaxed)
    }

    fn sample_if_due(&self, next: &mut Option<Instant>) {
        let now = Instant::now();
        if next.is_some_and(|next| now < next) {
            return;
        }
        *next = Some(now + self.interval);
        let usage = (self.budget.used() as u64).max((self.resident)().unwrap_or(0));
        let is_short = usage >= self.soft;
        if self.is_short.swap(is_short, Ordering::Relaxed) != is_short {
            let (usage_mib, soft_limit_mib) = (usage >> 20, self.soft >> 20);
            if is_short {
                tracing::warn!(usage_mib, soft_limit_mib, "Memory usage is above soft limit. Refusing data.");
            } else {
                tracing::info!(
                    usage_mib,
                    soft_limit_mib,
                    "Memory usage back within limits. Resuming normal operation."
                );
            }
        }
    }
}

/// The resident set of this process.
pub(super) fn resident() -> Option<u64> {
    memory::resident()
}
