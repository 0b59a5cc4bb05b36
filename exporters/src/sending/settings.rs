//! `retry_on_failure` and `sending_queue`: the same keys and defaults in every exporter.

mod batch;

pub use batch::{Batch, Partition};
use serde::{Deserialize, Serialize};
use sluice_component::Delivery;
use sluice_config::{Check, Checker, GoDuration, Node, Section};
use sluice_pdata::Pdata;

/// otelcol's default `timeout` of one attempt.
pub const TIMEOUT: GoDuration = GoDuration::from_secs(5);

/// `retry_on_failure:`. `enabled: false` switches it off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// Wait after the first failure.
    pub initial_interval: GoDuration,
    /// Each wait is varied by this part of it, up or down: 0 to 1.
    pub randomization_factor: f64,
    /// Each wait is this many times the one before.
    pub multiplier: f64,
    /// Longest wait, before it is varied.
    pub max_interval: GoDuration,
    /// Time after which a batch is given up; zero means never.
    pub max_elapsed_time: GoDuration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            initial_interval: GoDuration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: GoDuration::from_secs(30),
            max_elapsed_time: GoDuration::from_secs(300),
        }
    }
}

impl Check for Retry {
    fn check(&self, at: &mut Checker<'_>) {
        if !(0.0..=1.0).contains(&self.randomization_factor) {
            at.key("randomization_factor").error("'randomization_factor' must be within [0, 1]");
        }
        if !(self.multiplier >= 0.0 && self.multiplier.is_finite()) {
            at.key("multiplier").error("'multiplier' must be non-negative");
        }
        let Some(limit) = self.max_elapsed_time.non_zero() else { return };
        if limit < *self.initial_interval {
            at.key("max_elapsed_time").error("'max_elapsed_time' must not be less than 'initial_interval'");
        }
        if limit < *self.max_interval {
            at.key("max_elapsed_time").error("'max_elapsed_time' must not be less than 'max_interval'");
        }
    }
}

/// `sending_queue:`. `enabled: false` switches it off: then the caller waits for the backend's verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// Requests sent at the same time.
    pub num_consumers: i64,
    /// Most that is held, in units of `sizer`; what is being sent counts too.
    pub queue_size: i64,
    /// What `queue_size` counts.
    pub sizer: Sizer,
    /// What a full queue does: false refuses, true makes the caller wait.
    pub block_on_overflow: bool,
    /// Whether the caller waits for the backend's verdict.
    pub wait_for_result: bool,
    /// A queue on disk; refused for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Node>,
    /// Requests become batches when they leave the queue.
    pub batch: Section<Batch>,
}

/// `sending_queue: sizer:`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sizer {
    /// Batches.
    #[default]
    Requests,
    /// Spans, data points, log records.
    Items,
    /// Bytes of the batches as OTLP protobuf.
    Bytes,
}

impl Sizer {
    pub(super) fn weigh(self, data: &Pdata) -> usize {
        match self {
            Self::Requests => 1,
            Self::Items => data.items(),
            Self::Bytes => data.size(),
        }
    }

    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Items => "items",
            Self::Bytes => "bytes",
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            block_on_overflow: false,
            wait_for_result: false,
            storage: None,
            batch: Section::off(),
        }
    }
}

impl Queue {
    /// What an `Ok` of an exporter with this queue means.
    #[must_use]
    pub fn delivery(section: &Section<Self>) -> Delivery {
        match section.as_option() {
            None => Delivery::Direct,
            Some(queue) if queue.wait_for_result => Delivery::WaitsForResult,
            Some(_) => Delivery::MemoryQueue,
        }
    }
}

impl Check for Queue {
    fn check(&self, at: &mut Checker<'_>) {
        if self.num_consumers <= 0 {
            at.key("num_consumers").error("`num_consumers` must be positive");
        }
        // Each is a task from the start on.
        if self.num_consumers > 10_000 {
            at.key("num_consumers").error("`num_consumers` must be at most 10000");
        }
        if self.queue_size <= 0 {
            at.key("queue_size").error("`queue_size` must be positive");
        }
        if self.storage.is_some() {
            at.key("storage").error("queues on disk are not built yet: remove this key to queue in memory");
        }
        at.inside("batch", &self.batch);
        if let Some(batch) = self.batch.as_option()
            && batch.sizer(self.sizer) == self.sizer
            && batch.min_size > self.queue_size
        {
            at.section("batch").key("min_size").error("`min_size` must not be greater than `queue_size`");
        }
    }
}

#[cfg(test)]
mod tests;
