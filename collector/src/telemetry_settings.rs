//! `service.telemetry`: what the collector tells of itself, and where.
//!
//! The keys, values and defaults are otelcol's. What is not built yet is said when the configuration is read:
//! periodic readers are refused, because metrics that somebody waits for would never arrive; log processors,
//! trace export and metric views are accepted with a warning.

mod logs;
mod metrics;
mod resource;

pub use logs::{Encoding, LogLevel, Logs, Sampling};
pub use metrics::{Metrics, Prometheus, Pull, PullExporter, Reader};
pub use resource::{Resource, ResourceSettings};
use serde::{Deserialize, Serialize};
use sluice_component::Level;
use sluice_config::{Check, Checker, Node};

/// The section `service.telemetry`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TelemetrySettings {
    /// The collector's own log.
    pub logs: Logs,
    /// The collector's own metrics.
    pub metrics: Metrics,
    /// The collector's own traces: accepted, not exported yet.
    pub traces: Traces,
    /// What identifies this process, in logs and metrics.
    pub resource: ResourceSettings,
}

impl Check for TelemetrySettings {
    fn check(&self, at: &mut Checker<'_>) {
        at.inside("logs", &self.logs);
        at.inside("metrics", &self.metrics);
        at.inside("traces", &self.traces);
        at.inside("resource", &self.resource);
    }
}

/// `traces`: the collector makes no spans of its own yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Traces {
    /// How much to trace.
    #[serde(with = "metrics::level")]
    pub level: Level,
    /// Where spans would go.
    pub processors: Vec<Node>,
    /// How trace context would travel: `tracecontext`, `b3`.
    pub propagators: Vec<String>,
}

impl Default for Traces {
    fn default() -> Self {
        Self { level: Level::None, processors: Vec::new(), propagators: Vec::new() }
    }
}

impl Check for Traces {
    fn check(&self, at: &mut Checker<'_>) {
        for (index, propagator) in self.propagators.iter().enumerate() {
            if !matches!(propagator.as_str(), "tracecontext" | "b3") {
                let text = "unsupported trace propagator (known: tracecontext, b3)";
                at.section("propagators").index(index).error(text);
            }
        }
        if !self.processors.is_empty() {
            at.key("processors").warn("traces of the collector itself are not built yet: none will be sent");
        }
    }
}

#[cfg(test)]
mod tests;
