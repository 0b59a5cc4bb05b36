//! What a format brings.

use std::{error::Error, ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use sluice_component::{Context, Host, Reason, StartError};
use sluice_config::ByteSize;
use sluice_pdata::Pdata;

/// A format and the way to its backend.
#[async_trait]
pub trait Wire: Send + Sync + 'static {
    /// One request, encoded. It is kept until there is a verdict, so that a retry does not encode again.
    type Request: Send + Sync + 'static;

    /// Whether requests that share one of their [`lanes`](Self::lanes) have to arrive in the order of their batches. Then batches are
    /// encoded one after the other, in the order in which they leave the queue.
    const ORDERED: bool = false;

    /// Builds the client. Called once, before the first [`send`](Self::send). A backend that is down is no error.
    ///
    /// # Errors
    /// When the settings cannot work on this machine: a certificate that cannot be read, say.
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let _ = host;
        Ok(())
    }

    /// Turns a batch into requests, once, when it leaves the queue. Called again for its parts if a request is
    /// larger than it may be, and when the caller offers a batch again, so it keeps no state that this would spoil. A
    /// format that is through with the data before the requests are there lets go of it.
    fn encode(&self, data: Pdata) -> Encoded<Self::Request>;

    /// How many items the request carries.
    fn items(request: &Self::Request) -> usize;

    /// The size that the backend's limit counts: encoded, before compression.
    fn size(request: &Self::Request) -> ByteSize;

    /// The lanes of the request, if the format is [`ORDERED`](Self::ORDERED): of each lane, one request is on its way at
    /// a time, retries and all, while those of other lanes overtake it. There may be few lanes only.
    fn lanes(request: &Self::Request) -> Range<usize> {
        let _ = request;
        0..0
    }

    /// Sends the request once. `cx` has the deadline of this attempt; dropping the future cancels it.
    async fn send(&self, request: &Self::Request, cx: &Context) -> Outcome;
}

/// What a batch became.
#[derive(Debug)]
pub struct Encoded<R> {
    /// Requests, to be sent one after the other in each lane.
    pub requests: Vec<R>,
    /// What has no form in the format.
    pub unconvertible: Vec<Unconvertible>,
}

/// Items that have no form in the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconvertible {
    /// How many.
    pub items: usize,
    /// Which, and why, for people.
    pub why: String,
}

impl<R> From<R> for Encoded<R> {
    fn from(request: R) -> Self {
        Self { requests: vec![request], unconvertible: Vec::new() }
    }
}

/// What happened underneath; its `Display` goes into logs and refusals.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// The verdict on one attempt.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The backend has the request.
    Accepted {
        /// Items that it rejected one by one. They are never sent again.
        rejected: usize,
        /// What it had to say.
        message: Option<String>,
    },
    /// It may work later.
    Retry {
        /// The least time that the backend asks to wait.
        after: Option<Duration>,
        /// `Unavailable`, `Throttled` or `Timeout`.
        reason: Reason,
        /// What happened.
        cause: Cause,
    },
    /// It would never work.
    Fatal {
        /// `Permanent`, `TooLarge`, `Unauthenticated` or `PermissionDenied`.
        reason: Reason,
        /// What happened.
        cause: Cause,
    },
}

impl Outcome {
    /// The backend has all of it.
    #[must_use]
    pub fn accepted() -> Self {
        Self::Accepted { rejected: 0, message: None }
    }

    /// It may work later.
    #[must_use]
    pub fn retry(reason: Reason, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Retry { after: None, reason, cause: Arc::from(cause.into()) }
    }

    /// It would never work.
    #[must_use]
    pub fn fatal(reason: Reason, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Fatal { reason, cause: Arc::from(cause.into()) }
    }
}
