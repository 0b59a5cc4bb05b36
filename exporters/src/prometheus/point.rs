//! A point, whatever its kind, on its way into a family.

use sluice_formats::prometheus::{from_otlp::metric::Temporality, model::MetricType};
use sluice_pdata::{stream::StreamId, view::DataPointView};

/// A point and what its metric says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point<'p, 'a> {
    pub(super) stream: StreamId,
    pub(super) view: &'p DataPointView<'a>,
    pub(super) temporality: Temporality,
    /// Of the family.
    pub(super) kind: MetricType,
    /// Bytes of the family's name.
    pub(super) name: usize,
}

impl Point<'_, '_> {
    /// Whether its lines of text, each with the name and these bytes of labels, are more than a scrape should hold in
    /// memory at once: a small request can ask for terabytes.
    pub(super) fn is_too_large(&self, labels: usize) -> bool {
        const MOST: usize = 1 << 20;
        /// A suffix, a bound and a value.
        const REST: usize = 64;
        let lines = match self.view {
            DataPointView::Number(_) | DataPointView::ExponentialHistogram(_) => 1,
            DataPointView::Histogram(point) => point.bucket_counts.len() + 3,
            DataPointView::Summary(point) => point.quantile_values.len() + 2,
        };
        lines.saturating_mul(self.name + labels + REST) > MOST
    }
}
