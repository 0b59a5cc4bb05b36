//! Whether the backend can be reached, as the status page shows it.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use sluice_component::{Host, Reason, State};

/// Failures in a row after which an exporter is called degraded.
const FAILURES: u32 = 2;

/// How many of the instances of one exporter, one per signal, are degraded now: they share one state.
#[derive(Debug, Default)]
pub(super) struct Degraded(AtomicUsize);

/// The condition of one instance.
#[derive(Debug)]
pub(super) struct Condition {
    host: OnceLock<Host>,
    all: Arc<Degraded>,
    streak: Mutex<Streak>,
}

#[derive(Debug, Default)]
struct Streak {
    failures: u32,
    degraded: bool,
}

impl Condition {
    pub(super) fn new(all: Arc<Degraded>) -> Self {
        Self { host: OnceLock::new(), all, streak: Mutex::default() }
    }

    /// Says where to report. Nothing is reported before.
    pub(super) fn report_to(&self, host: &Host) {
        self.host.get_or_init(|| host.clone());
    }

    pub(super) fn is_degraded(&self) -> bool {
        self.streak().degraded
    }

    /// An attempt failed. Bad credentials do not mend by themselves; everything else may.
    pub(super) fn failed(&self, reason: Reason, error: impl FnOnce() -> String) {
        let mut streak = self.streak();
        streak.failures = streak.failures.saturating_add(1);
        if streak.failures < FAILURES {
            return;
        }
        if !std::mem::replace(&mut streak.degraded, true) {
            self.all.0.fetch_add(1, Ordering::Relaxed);
        }
        let state = match reason {
            Reason::Unauthenticated | Reason::PermissionDenied => State::PermanentError,
            _ => State::RecoverableError,
        };
        self.report(state, Some(error()));
    }

    /// The backend took a request.
    pub(super) fn succeeded(&self) {
        let mut streak = self.streak();
        streak.failures = 0;
        if std::mem::take(&mut streak.degraded) && self.all.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.report(State::Ok, None);
        }
    }

    fn report(&self, state: State, error: Option<String>) {
        // While the collector stops, the graph alone says in which state a component is.
        if let Some(host) = self.host.get().filter(|host| !host.stopping().is_cancelled()) {
            host.report(state, error);
        }
    }

    fn streak(&self) -> MutexGuard<'_, Streak> {
        self.streak.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
