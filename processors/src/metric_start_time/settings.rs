//! The YAML of `metric_start_time`.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration};

use crate::streams::MAX_STREAMS;

/// `processors: metric_start_time:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where a start time comes from.
    pub strategy: Strategy,
    /// How long a stream is remembered after its last point.
    pub gc_interval: GoDuration,
    /// Name of the metric that tells when a process started; only with the strategy `start_time_metric`.
    pub start_time_metric_regex: String,
    /// Most streams that are remembered; points of further ones pass as they are. 0 means no limit.
    pub max_streams: u64,
}

/// Where the start time of a stream comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// It is the time of the first point, which passes.
    #[default]
    TrueResetPoint,
    /// It is the time of the first point, which is left out and subtracted from those that follow.
    SubtractInitialPoint,
    /// A metric of the same resource tells it.
    StartTimeMetric,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            gc_interval: GoDuration::from_secs(10 * 60),
            start_time_metric_regex: String::new(),
            max_streams: MAX_STREAMS,
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.gc_interval.is_zero() {
            at.key("gc_interval").error("gc_interval must be positive");
        }
        if self.start_time_metric_regex.is_empty() {
            return;
        }
        if self.strategy != Strategy::StartTimeMetric {
            at.key("start_time_metric_regex")
                .error("start_time_metric_regex can only be used with the start_time_metric strategy");
        }
        if let Err(error) = regex::Regex::new(&self.start_time_metric_regex) {
            at.key("start_time_metric_regex")
                .error(format!("start_time_metric_regex is no regular expression: {error}"));
        }
    }
}
