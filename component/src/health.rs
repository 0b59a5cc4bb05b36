//! What each component last said of itself, and whether the collector is ready.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use crate::ids::{ComponentRef, PipelineId};

/// The state of one component, from the best to the worst that `health` reports. otelcol's component status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Built, not yet ready.
    Starting,
    /// Works.
    Ok,
    /// Fails now and expects to recover: a backend that is down.
    RecoverableError,
    /// Will not recover without a change from outside; the rest goes on.
    PermanentError,
    /// The collector cannot go on.
    FatalError,
    /// Told to stop.
    Stopping,
    /// Done.
    Stopped,
}

impl State {
    /// otelcol's name of the state: `StatusOK`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "StatusStarting",
            Self::Ok => "StatusOK",
            Self::RecoverableError => "StatusRecoverableError",
            Self::PermanentError => "StatusPermanentError",
            Self::FatalError => "StatusFatalError",
            Self::Stopping => "StatusStopping",
            Self::Stopped => "StatusStopped",
        }
    }
}

/// What a component last said.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its state.
    pub state: State,
    /// Since when.
    pub since: SystemTime,
    /// The error that explains a state that is not well.
    pub error: Option<String>,
    /// The pipelines that the component works for; empty for extensions.
    pub pipelines: Vec<PipelineId>,
}

/// The board on which components post their state. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<Board>>);

#[derive(Debug)]
struct Board {
    started: SystemTime,
    ready_since: Option<SystemTime>,
    reports: BTreeMap<ComponentRef, Report>,
}

impl Default for Board {
    fn default() -> Self {
        Self { started: SystemTime::now(), ready_since: None, reports: BTreeMap::new() }
    }
}

impl Health {
    /// Puts a component on the board as [`State::Starting`].
    pub fn enlist(&self, component: ComponentRef, pipelines: Vec<PipelineId>) {
        let report = Report { state: State::Starting, since: SystemTime::now(), error: None, pipelines };
        self.with(|board| board.reports.insert(component, report));
    }

    /// Posts the state of a component. `since` moves only when the state changes. Returns whether it did.
    pub fn post(&self, component: &ComponentRef, state: State, error: Option<String>) -> bool {
        self.with(|board| {
            let Some(report) = board.reports.get_mut(component) else {
                return false;
            };
            let changed = report.state != state;
            if changed {
                report.since = SystemTime::now();
                report.state = state;
            }
            report.error = error;
            changed
        })
    }

    /// Says whether the collector takes data: true once every receiver listens, false from the moment that
    /// it is told to stop.
    pub fn set_ready(&self, ready: bool) {
        self.with(|board| match (ready, board.ready_since) {
            (true, None) => board.ready_since = Some(SystemTime::now()),
            (true, Some(_)) => {}
            (false, _) => board.ready_since = None,
        });
    }

    /// Since when the collector takes data; `None` while it does not.
    #[must_use]
    pub fn ready_since(&self) -> Option<SystemTime> {
        self.with(|board| board.ready_since)
    }

    /// When the process began.
    #[must_use]
    pub fn started(&self) -> SystemTime {
        self.with(|board| board.started)
    }

    /// Everything on the board now.
    #[must_use]
    pub fn reports(&self) -> BTreeMap<ComponentRef, Report> {
        self.with(|board| board.reports.clone())
    }

    fn with<T>(&self, f: impl FnOnce(&mut Board) -> T) -> T {
        // A panic elsewhere leaves the board whole: every update is a single assignment.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
