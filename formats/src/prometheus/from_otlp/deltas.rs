//! Delta points, added up to the cumulative ones that Prometheus needs.

use std::time::{Duration, Instant};

use sluice_pdata::{
    stream::{Accumulated, Gaps, MetricId, Streams, Unfit},
    view::{Attributes, DataPointView, Exemplars, MetricDataView, MetricView},
};

use super::{Metric, Reason, Translator};

/// The sums of streams of deltas, bounded in number and in time.
#[derive(Debug)]
pub struct Deltas {
    sums: Streams<Accumulated>,
    now: Instant,
}

impl Deltas {
    /// Adds up at most `max_streams`, each until nothing was added during `max_age`.
    #[must_use]
    pub fn new(max_streams: usize, max_age: Duration) -> Self {
        Self { sums: Streams::new(max_streams, max_age), now: Instant::now() }
    }

    /// Tells what time it is.
    pub fn at(&mut self, now: Instant) -> &mut Self {
        self.now = now;
        self
    }

    /// How many streams are added up.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether nothing is added up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Adds a point and gives the sum. The last point once more changes nothing.
    fn add(&mut self, metric: MetricId, point: &DataPointView<'_>) -> Result<&Accumulated, Reason> {
        let (attributes, _) = rest(point);
        let id = metric.stream(&attributes);
        let sum = self.sums.at(id, self.now).map_err(|_| Reason::DeltaLimit)?;
        Ok(Accumulated::add_to(sum, point, Gaps::Continue)?)
    }
}

impl From<Unfit> for Reason {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::OutOfOrder | Unfit::OlderStart => Self::DeltaOutOfOrder,
            Unfit::NoRecordedValue => Self::NoValue,
            Unfit::Malformed => Self::DeltaMalformed,
        }
    }
}

impl<'a> Translator<'a, '_> {
    pub(super) fn delta(&mut self, metric: Metric, view: &MetricView<'a>, id: MetricId, deltas: &mut Deltas) {
        match view.data {
            MetricDataView::Sum(sum) => {
                self.add_up(metric, id, deltas, sum.data_points.iter().map(DataPointView::Number));
            }
            MetricDataView::Histogram(view) => {
                self.add_up(metric, id, deltas, view.data_points.iter().map(DataPointView::Histogram));
            }
            MetricDataView::ExponentialHistogram(view) => {
                let points = view.data_points.iter().map(DataPointView::ExponentialHistogram);
                self.add_up(metric, id, deltas, points);
            }
            MetricDataView::Empty | MetricDataView::Gauge(_) | MetricDataView::Summary(_) => {}
        }
    }

    fn add_up(
        &mut self,
        metric: Metric,
        id: MetricId,
        deltas: &mut Deltas,
        points: impl Iterator<Item = DataPointView<'a>>,
    ) {
        for point in points {
            let (attributes, exemplars) = rest(&point);
            let converted = match no_value(&point) {
                // The series ended; its sum does not.
                true => self.point(metric, attributes, exemplars, &point),
                false => {
                    let sum = deltas.add(id, &point);
                    sum.and_then(|sum| self.point(metric, attributes, exemplars, &sum.view()))
                }
            };
            if let Err(reason) = converted {
                self.set.lost.add(metric.name, reason, 1);
            }
        }
    }
}

/// What the sum does not have.
fn rest<'a>(point: &DataPointView<'a>) -> (Attributes<'a>, Exemplars<'a>) {
    match point {
        DataPointView::Number(point) => (point.attributes, point.exemplars),
        DataPointView::Histogram(point) => (point.attributes, point.exemplars),
        DataPointView::ExponentialHistogram(point) => (point.attributes, point.exemplars),
        DataPointView::Summary(point) => (point.attributes, Exemplars::default()),
    }
}

fn no_value(point: &DataPointView<'_>) -> bool {
    let flags = match point {
        DataPointView::Number(point) => point.flags,
        DataPointView::Histogram(point) => point.flags,
        DataPointView::ExponentialHistogram(point) => point.flags,
        DataPointView::Summary(point) => point.flags,
    };
    flags & 1 == 1
}
