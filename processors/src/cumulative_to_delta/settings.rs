//! The YAML of `cumulative_to_delta`.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration};

use crate::streams::MAX_STREAMS;

/// `processors: cumulative_to_delta:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What is converted; nothing written means everything.
    pub include: Metrics,
    /// What is not converted, though it is included.
    pub exclude: Metrics,
    /// How long a stream is remembered after its last point. Zero is for ever.
    pub max_staleness: GoDuration,
    /// What becomes of the first point of a stream.
    pub initial_value: InitialValue,
    /// Most streams that are remembered; points of further ones are dropped. 0 means no limit.
    pub max_streams: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            include: Metrics::default(),
            exclude: Metrics::default(),
            max_staleness: GoDuration::ZERO,
            initial_value: InitialValue::default(),
            max_streams: MAX_STREAMS,
        }
    }
}

/// `include` and `exclude`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// Names, or regular expressions that are found anywhere in a name.
    pub metrics: Vec<String>,
    /// Which of the two; must be written where there are names.
    pub match_type: Option<MatchType>,
    /// Kinds; nothing written means every kind.
    pub metric_types: Vec<MetricType>,
}

/// How names are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchType {
    /// As they are.
    Strict,
    /// As regular expressions.
    Regexp,
}

/// The kinds of metrics that can be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricType {
    /// Monotonic sums.
    Sum,
    /// Histograms with explicit bounds.
    Histogram,
    /// Exponential histograms.
    ExponentialHistogram,
}

/// What becomes of the first point of a stream, whose increase before nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitialValue {
    /// It passes if its stream started after the collector did.
    #[default]
    Auto,
    /// It passes.
    Keep,
    /// It is left out.
    Drop,
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        self.include.check(&mut at.section("include"));
        self.exclude.check(&mut at.section("exclude"));
    }
}

impl Check for Metrics {
    fn check(&self, at: &mut Checker<'_>) {
        match (self.match_type, self.metrics.is_empty()) {
            (None, false) => at.error("match_type must be set if metrics are supplied"),
            (Some(_), true) => at.error("metrics must be supplied if match_type is set"),
            (Some(MatchType::Regexp), false) => {
                let mut metrics = at.section("metrics");
                for (index, pattern) in self.metrics.iter().enumerate() {
                    if let Err(error) = regex::Regex::new(pattern) {
                        metrics.index(index).error(format!("is no regular expression: {error}"));
                    }
                }
            }
            (None, true) | (Some(MatchType::Strict), false) => {}
        }
    }
}
