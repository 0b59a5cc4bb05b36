//! Delta points, added up to the cumulative ones that Prometheus needs.

use std::time::{Duration, Instant};

use sluice_pdata::{
    stream::{Accumulated, Gaps, MetricId, Streams, Unfit},
    view::{DataPointView, MetricView},
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
        let id = metric.stream(&point.attributes());
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
        for point in view.data.data_points() {
            let (attributes, exemplars) = (point.attributes(), point.exemplars());
            let converted = match point.has_no_recorded_value() {
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
