//! The traits that components implement.

use std::error::Error;

use async_trait::async_trait;
use sluice_pdata::Pdata;
use tokio::time::Instant;

use crate::{context::Context, host::Host, ids::ComponentRef, refusal::Refusal};

/// Takes batches of telemetry: what every component shows to the one before it.
#[async_trait]
pub trait Consume: Send + Sync {
    /// Hands one batch to this component and waits for its verdict.
    ///
    /// `Ok` means that every exporter behind this point acknowledged the batch, or that a bounded queue took
    /// ownership of it. Dropping the future cancels what no queue has taken; the caller may then offer the
    /// same batch again.
    ///
    /// # Errors
    /// A [`Refusal`] says that nothing is held any more, and whether the caller may offer the batch again.
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal>;
}

/// The life of a component: built, started, running, stopped.
#[async_trait]
pub trait Component: Send + Sync {
    /// Makes the component ready: sockets are bound and clients are built when it returns. A backend that is
    /// down does not fail the start.
    ///
    /// # Errors
    /// A [`StartError`] stops the collector before it is ready.
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let _ = host;
        Ok(())
    }

    /// Stops taking data and returns when nothing is in flight, or at `deadline`. Idempotent, and harmless on
    /// a component that was never started.
    ///
    /// # Errors
    /// A [`DrainError`] tells what was still held at the deadline; it is already counted as dropped.
    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let _ = deadline;
        Ok(())
    }
}

/// Takes data in from outside and offers it to its [`Outputs`](crate::Outputs).
pub trait Receiver: Component {}

/// Sends data out.
pub trait Exporter: Component + Consume {
    /// Whether the exporter books sent, rejected, dropped and held items on the context's branch itself, as
    /// everything on `exporters/sending` does. Otherwise the graph books each `Ok` as sent.
    fn keeps_accounts(&self) -> bool {
        false
    }
}

/// A processor or connector that waits, merges, splits or re-routes: it owns its `next`.
pub trait Stage: Component + Consume {}

/// A processor that only looks at or edits the batch at hand. Runs of them are fused into one node.
pub trait Transform: Send + Sync {
    /// Edits `data` in place, or tells that nothing of it goes on. Items that are missing afterwards are
    /// booked as filtered.
    ///
    /// # Errors
    /// A [`Refusal`] is handed to the caller and the batch goes no further.
    fn apply(&self, cx: &Context, data: &mut Pdata) -> Result<Verdict, Refusal>;
}

/// Whether a batch goes on to the next component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does, if anything is left of it.
    Forward,
    /// All of it is filtered; the caller is answered `Ok`.
    Drop,
}

/// Serves the collector or other components, outside the data path.
pub trait Extension: Component {}

/// Why a component could not start. Printed as `receivers.otlp.endpoint: cannot listen on ..: ..`.
#[derive(Debug, thiserror::Error)]
#[error("{component}{}{key}: {message}", if key.is_empty() { "" } else { "." })]
pub struct StartError {
    /// Who failed.
    pub component: ComponentRef,
    /// The YAML key, below the component, that decides; empty where none does.
    pub key: String,
    /// What failed and what to do.
    pub message: String,
    /// What happened underneath.
    #[source]
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl StartError {
    /// A start error of `component` that the YAML key `key` decides.
    #[must_use]
    pub fn new(component: ComponentRef, key: &str, message: impl Into<String>) -> Self {
        Self { component, key: key.to_owned(), message: message.into(), cause: None }
    }

    /// The same error with what happened underneath.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

/// What a component still held when its time to drain ended.
#[derive(Debug, thiserror::Error)]
#[error("{component}: {lost} items were still held at the shutdown deadline")]
pub struct DrainError {
    /// Who was not done.
    pub component: ComponentRef,
    /// Items that were dropped, and counted as such.
    pub lost: usize,
}
