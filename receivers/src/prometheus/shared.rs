//! What all loops of a receiver share: where data goes, what it may occupy, what is counted.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sluice_component::{Budget, Consume, Host, Permit, Reason, quiet::Quiet, telemetry::UnconvertedMetrics};
use sluice_formats::prometheus::to_otlp::RejectedSamples;
use sluice_pdata::{Limits, Pdata, Signal};
use tokio::sync::Semaphore;

use super::{scrape::Misplaced, target::Target};

/// What all loops of a receiver share.
pub(super) struct Shared {
    pub(super) next: Arc<dyn Consume>,
    pub(super) host: Host,
    /// What one scrape may become.
    pub(super) limits: Limits,
    pub(super) trim_metric_suffixes: bool,
    /// Moves all targets within their intervals, so that two collectors do not scrape at the same moments.
    pub(super) seed: u64,
    /// Bytes of an answer where the configuration has no limit.
    pub(super) largest_body: usize,
    /// As many large answers are read at once as there are processors; the others wait without holding a thread.
    pub(super) turns: Semaphore,
    unconverted: UnconvertedMetrics,
    rejections: Mutex<Quiet>,
}

impl Shared {
    pub(super) fn new(next: Arc<dyn Consume>, host: Host, trim_metric_suffixes: bool, seed: u64) -> Self {
        let mut limits = Limits::default();
        limits.max_decoded_bytes = limits.max_decoded_bytes.min(host.budget().limit());
        // One target may not take the memory of all others.
        let largest_body = host.budget().limit() / 4;
        let turns = Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from));
        let (unconverted, rejections) = (host.unconverted(), Mutex::default());
        Self { next, host, limits, trim_metric_suffixes, seed, largest_body, turns, unconverted, rejections }
    }

    pub(super) fn budget(&self) -> &Budget {
        self.host.budget()
    }

    /// The data of a request, which holds its bytes in the budget. `permit` comes as that of the answer.
    pub(super) fn admit(&self, wire: Bytes, mut permit: Permit) -> Result<Pdata, String> {
        let more = wire.len().saturating_sub(permit.bytes());
        permit.grow(more).map_err(|error| format!("refused for lack of memory: {error}"))?;
        permit.shrink_to(wire.len());
        let admitted = Pdata::from_wire(Signal::Metrics, wire, &self.limits);
        let (mut data, _) = admitted.map_err(|error| error.to_string())?;
        data.hold(Arc::new(permit));
        Ok(data)
    }

    /// Counts what a refusal cost.
    pub(super) fn count_lost(&self, reason: Reason, points: usize) {
        self.host.rejected_at_the_door(Signal::Metrics, reason.as_str(), points);
    }

    /// Counts samples of a good scrape that were not handed on, and tells of them now and then.
    pub(super) fn count_rejected(&self, target: &Target, rejected: &RejectedSamples) {
        for (metric, reason, samples) in rejected.iter() {
            self.unconverted.add(metric, reason, samples);
            self.host.rejected_at_the_door(Signal::Metrics, Misplaced::word(reason), samples);
        }
        let Some((metric, reason, _)) = rejected.iter().next() else { return };
        let mut quiet = self.rejections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((scrapes, samples)) = quiet.note(rejected.samples()) {
            let (component, target) = (self.host.component(), target.shown());
            tracing::warn!(%component, target, scrapes, samples, metric, reason, "failed to add datapoint");
        }
    }
}
