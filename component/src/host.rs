//! What a running component may ask of the process.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use sluice_pdata::Signal;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{
    budget::Budget,
    health::{Health, State},
    ids::ComponentRef,
    ledger::Ledger,
    telemetry::{Telemetry, UnconvertedMetrics},
};

/// The process as one component sees it. Cloning shares the process, not the identity.
#[derive(Debug, Clone)]
pub struct Host {
    component: ComponentRef,
    process: Arc<Process>,
}

/// What all components share.
#[derive(Debug)]
pub struct Process {
    /// The bound on memory.
    pub budget: Budget,
    /// The board of states.
    pub health: Health,
    /// The accounts.
    pub ledger: Ledger,
    /// The collector's own metrics.
    pub telemetry: Telemetry,
    /// Cancelled when the collector begins to stop, before any component is shut down.
    pub stopping: CancellationToken,
    /// Every task that a component spawned.
    pub tasks: TaskTracker,
    /// `<description>/<version> (<os>/<arch>)`, for exporters.
    pub user_agent: String,
}

impl Process {
    /// A process with a memory budget of `limit` bytes.
    #[must_use]
    pub fn new(budget: Budget, telemetry: Telemetry) -> Arc<Self> {
        let version = env!("CARGO_PKG_VERSION");
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        Arc::new(Self {
            budget,
            health: Health::default(),
            ledger: Ledger::default(),
            telemetry,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            user_agent: format!("sluice/{version} ({os}/{arch})"),
        })
    }
}

impl Host {
    /// The process as `component` sees it.
    #[must_use]
    pub fn new(component: ComponentRef, process: Arc<Process>) -> Self {
        Self { component, process }
    }

    /// The component that asks.
    #[must_use]
    pub fn component(&self) -> &ComponentRef {
        &self.component
    }

    /// The bound on memory.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.process.budget
    }

    /// The board of all components' states.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.process.health
    }

    /// The accounts of all pipelines.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.process.ledger
    }

    /// The collector's own metrics.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.process.telemetry
    }

    /// Cancelled when the collector begins to stop, before any component is shut down.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.process.stopping
    }

    /// The `User-Agent` of exporters.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        &self.process.user_agent
    }

    /// Posts this component's state; a change is logged.
    pub fn report(&self, state: State, error: Option<String>) {
        if self.process.health.post(&self.component, state, error.clone()) {
            match (state, error) {
                (State::PermanentError | State::FatalError, error) => {
                    tracing::error!(component = %self.component, state = state.as_str(), error, "component failed");
                }
                (State::RecoverableError, error) => {
                    tracing::warn!(component = %self.component, state = state.as_str(), error, "component degraded");
                }
                _ => {
                    tracing::debug!(component = %self.component, state = state.as_str(), "component state")
                }
            }
        }
    }

    /// Runs `future` as a task of this component, inside a span that carries its ID. A panic does not end the
    /// process: the component is marked as failed. What the task held is released by its drop, so replies
    /// that it owed are seen as refused by whoever waits.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> tokio::task::JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let host = self.clone();
        let span = tracing::info_span!("task", component = %self.component, task = name);
        let guarded = async move {
            if let Err(panic) = AssertUnwindSafe(future).catch_unwind().await {
                let text = panic_text(panic.as_ref());
                host.report(State::PermanentError, Some(format!("task `{name}` panicked: {text}")));
            }
        };
        self.process.tasks.spawn(guarded.instrument(span))
    }

    /// Counts samples that this receiver could not convert, by the metric's name and reason. They are rejected, too:
    /// see [`rejected_at_the_door`](Self::rejected_at_the_door).
    #[must_use]
    pub fn unconverted(&self) -> UnconvertedMetrics {
        self.process.telemetry.unconverted(&self.component)
    }

    /// Counts `items` that a receiver rejected one by one although their neighbours pass (partial success).
    pub fn rejected_at_the_door(&self, signal: Signal, reason: &'static str, items: usize) {
        self.process.telemetry.receiver_rejected(&self.component, signal, reason, items);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
