//! The end of an exporter: first it drains, then it ends.

use std::sync::OnceLock;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Shared by all that must know that the exporter stops.
#[derive(Debug, Default)]
pub(super) struct Stop {
    deadline: OnceLock<Instant>,
    begun: CancellationToken,
    ended: CancellationToken,
}

impl Stop {
    /// From now on nothing is taken; what is held may be sent until `deadline`. The first call decides.
    pub(super) fn begin(&self, deadline: Instant) {
        self.deadline.get_or_init(|| deadline);
        self.begun.cancel();
    }

    /// From now on nothing is sent.
    pub(super) fn end(&self) {
        self.ended.cancel();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Waits for [`begin`](Self::begin) and tells its deadline.
    pub(super) async fn begun(&self) -> Instant {
        self.begun.cancelled().await;
        // Set before the token is cancelled.
        self.deadline.get().copied().unwrap_or_else(Instant::now)
    }

    /// Waits for [`end`](Self::end).
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}
