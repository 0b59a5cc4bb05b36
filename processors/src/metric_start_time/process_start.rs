//! What the metrics of a resource say of the start of its process.

use regex::Regex;
use sluice_pdata::view::{MetricDataView, NumberView, ResourceMetricsView, Text};

/// How Prometheus's client libraries call it.
const NAME: &str = "process_start_time_seconds";

/// Finds the metric that tells when a process started.
pub(super) struct ProcessStart {
    /// Its name, if not the usual one.
    name: Option<Regex>,
}

impl ProcessStart {
    /// `name` is a regular expression, found anywhere in a name; empty for the usual name.
    pub(super) fn new(name: &str) -> Result<Self, regex::Error> {
        let name = if name.is_empty() { None } else { Some(Regex::new(name)?) };
        Ok(Self { name })
    }

    /// The start in nanoseconds since the Unix epoch: the first point of the first gauge or sum of that name.
    pub(super) fn find(&self, resource: &ResourceMetricsView<'_>) -> Option<u64> {
        let metrics = resource.scope_metrics.iter().flat_map(|scope| scope.metrics);
        let mut named = metrics.filter(|metric| self.is_name(metric.name));
        let points = match named.next()?.data {
            MetricDataView::Gauge(points) => points,
            MetricDataView::Sum(sum) => sum.data_points,
            _ => return None,
        };
        match points.iter().next()?.value? {
            NumberView::Int(seconds) => u64::try_from(seconds).ok()?.checked_mul(1_000_000_000),
            NumberView::Double(seconds) => nanoseconds(seconds),
        }
    }

    fn is_name(&self, name: Text<'_>) -> bool {
        match &self.name {
            None => name == NAME,
            Some(regex) => regex.is_match(name.as_str()),
        }
    }
}

/// None for what is no time of this age of the world.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
fn nanoseconds(seconds: f64) -> Option<u64> {
    (seconds > 0.0 && seconds < 1e10).then_some((seconds * 1e9) as u64)
}
