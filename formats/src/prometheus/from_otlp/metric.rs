//! What a metric is in Prometheus.

use sluice_pdata::view::{MetricDataView, MetricView};

use super::Reason;
use crate::prometheus::{model::MetricType, names::Kind};

/// What a metric's name ends in, and what its family is.
#[must_use]
pub fn kind(metric: &MetricView<'_>) -> (Kind, MetricType) {
    match &metric.data {
        MetricDataView::Sum(sum) if sum.is_monotonic => (Kind::MonotonicSum, MetricType::Counter),
        MetricDataView::Gauge(_) => (Kind::Gauge, said(metric).unwrap_or(MetricType::Gauge)),
        MetricDataView::Sum(_) => (Kind::Other, said(metric).unwrap_or(MetricType::Gauge)),
        MetricDataView::Summary(_) => (Kind::Other, MetricType::Summary),
        MetricDataView::Empty | MetricDataView::Histogram(_) | MetricDataView::ExponentialHistogram(_) => {
            (Kind::Other, MetricType::Histogram)
        }
    }
}

/// The type that a metric had in Prometheus, where OTLP has no such type.
fn said(metric: &MetricView<'_>) -> Option<MetricType> {
    let word = metric.metadata.get("prometheus.type")?.as_text()?;
    let kind = MetricType::from_word(word.as_str())?;
    matches!(kind, MetricType::Unknown | MetricType::Info | MetricType::StateSet).then_some(kind)
}

/// Whether a metric's points say everything since a start, or since the last point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temporality {
    /// Since a start. Gauges and summaries count as such.
    Cumulative,
    /// Since the last point.
    Delta,
}

impl Temporality {
    /// That of a metric.
    ///
    /// # Errors
    /// When it has none that is known, or it is the delta of a sum that may fall.
    pub fn of(metric: &MetricView<'_>) -> Result<Self, Reason> {
        match (metric.data.aggregation_temporality(), &metric.data) {
            (_, MetricDataView::Empty) => Err(Reason::UnknownKind),
            (None | Some(2), _) => Ok(Self::Cumulative),
            (Some(1), MetricDataView::Sum(sum)) if !sum.is_monotonic => Err(Reason::NonMonotonicDelta),
            (Some(1), _) => Ok(Self::Delta),
            _ => Err(Reason::UnspecifiedTemporality),
        }
    }
}
