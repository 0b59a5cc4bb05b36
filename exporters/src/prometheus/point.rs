//! The points of a metric, whatever their kind, on their way into a family.

use sluice_formats::prometheus::{from_otlp::metric::Temporality, model::MetricType};
use sluice_pdata::{
    stream::StreamId,
    view::{Attributes, DataPointView, Exemplars, MetricDataView},
};

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

/// What every kind of point has.
#[derive(Debug, Clone, Copy)]
struct Common<'a> {
    attributes: Attributes<'a>,
    exemplars: Exemplars<'a>,
    start: u64,
    time: u64,
    flags: u32,
}

fn common<'a>(point: &DataPointView<'a>) -> Common<'a> {
    macro_rules! common {
        ($point:ident, $exemplars:expr) => {
            Common {
                attributes: $point.attributes,
                exemplars: $exemplars,
                start: $point.start_time_unix_nano,
                time: $point.time_unix_nano,
                flags: $point.flags,
            }
        };
    }
    match point {
        DataPointView::Number(point) => common!(point, point.exemplars),
        DataPointView::Histogram(point) => common!(point, point.exemplars),
        DataPointView::ExponentialHistogram(point) => common!(point, point.exemplars),
        DataPointView::Summary(point) => common!(point, Exemplars::default()),
    }
}

impl<'a> Point<'_, 'a> {
    pub(super) fn attributes(&self) -> Attributes<'a> {
        common(self.view).attributes
    }

    pub(super) fn exemplars(&self) -> Exemplars<'a> {
        common(self.view).exemplars
    }

    /// Nanoseconds since the Unix epoch, 0 if unknown.
    pub(super) fn start(&self) -> u64 {
        common(self.view).start
    }

    /// Nanoseconds since the Unix epoch, 0 if unknown.
    pub(super) fn time(&self) -> u64 {
        common(self.view).time
    }

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

    /// Whether it says that the stream has ended: no value was recorded.
    pub(super) fn is_end(&self) -> bool {
        common(self.view).flags & 1 == 1
    }
}

/// The attributes of a point.
pub(super) fn attributes<'a>(point: &DataPointView<'a>) -> Attributes<'a> {
    common(point).attributes
}

/// The points of a metric in the order they were sent.
pub(super) fn points<'a>(data: MetricDataView<'a>) -> Box<dyn Iterator<Item = DataPointView<'a>> + 'a> {
    match data {
        MetricDataView::Empty => Box::new(std::iter::empty()),
        MetricDataView::Gauge(points) => Box::new(points.iter().map(DataPointView::Number)),
        MetricDataView::Sum(sum) => Box::new(sum.data_points.iter().map(DataPointView::Number)),
        MetricDataView::Histogram(view) => Box::new(view.data_points.iter().map(DataPointView::Histogram)),
        MetricDataView::ExponentialHistogram(view) => {
            Box::new(view.data_points.iter().map(DataPointView::ExponentialHistogram))
        }
        MetricDataView::Summary(points) => Box::new(points.iter().map(DataPointView::Summary)),
    }
}
