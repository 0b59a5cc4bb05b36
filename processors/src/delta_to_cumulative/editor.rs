//! The sums of all streams.

use std::time::Instant;

use sluice_component::telemetry::PointLoss;
use sluice_pdata::{
    Pdata,
    stream::{Accumulated, Gaps, PointEdit, StreamEditor, StreamId, Streams, Unfit},
    view::{DataPointView, MetricDataView, MetricView},
};

use super::Settings;
use crate::streams::{self, Editor, Losses};

/// `aggregation_temporality` in OTLP.
const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;

pub(super) struct Sums {
    streams: Streams<Accumulated>,
    now: Instant,
    losses: Losses,
}

impl Sums {
    pub(super) fn new(settings: &Settings) -> Self {
        let streams = Streams::new(streams::places(settings.max_streams), settings.max_stale.get());
        Self { streams, now: Instant::now(), losses: Losses::default() }
    }
}

impl Editor for Sums {
    fn edit(&mut self, data: &mut Pdata, now: Instant) -> Losses {
        self.now = now;
        data.edit_streams(self);
        std::mem::take(&mut self.losses)
    }

    fn streams(&self) -> usize {
        self.streams.len()
    }
}

impl StreamEditor for Sums {
    fn metric(&mut self, metric: &MetricView<'_>) -> Option<i32> {
        let temporality = match &metric.data {
            MetricDataView::Sum(sum) => sum.aggregation_temporality,
            MetricDataView::Histogram(histogram) => histogram.aggregation_temporality,
            MetricDataView::ExponentialHistogram(histogram) => histogram.aggregation_temporality,
            MetricDataView::Empty | MetricDataView::Gauge(_) | MetricDataView::Summary(_) => return None,
        };
        (temporality == DELTA).then_some(CUMULATIVE)
    }

    fn point(&mut self, stream: StreamId, delta: &DataPointView<'_>) -> PointEdit<'_> {
        let Ok(sum) = self.streams.at(stream, self.now) else {
            self.losses.count(PointLoss::Limit);
            return PointEdit::Drop;
        };
        match Accumulated::add_to(sum, delta, Gaps::Continue) {
            Ok(total) => PointEdit::Replace(total.view()),
            // It says that the stream ends or pauses, whatever its temporality.
            Err(Unfit::NoRecordedValue) => PointEdit::Keep,
            Err(unfit) => {
                self.losses.count(unfit.into());
                PointEdit::Drop
            }
        }
    }
}
