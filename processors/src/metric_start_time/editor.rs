//! The start times of all streams.

use std::time::Instant;

use sluice_component::telemetry::PointLoss;
use sluice_pdata::{
    Pdata,
    stream::{Cumulative, PointEdit, StreamEditor, StreamId, Streams},
    view::{DataPointView, MetricDataView, MetricView, ResourceMetricsView},
};

use super::{
    Settings, Strategy,
    known::{Known, Outcome},
    process_start::ProcessStart,
};
use crate::streams::{self, Editor, Losses};

/// `aggregation_temporality` in OTLP.
const CUMULATIVE: i32 = 2;

pub(super) struct StartTimes {
    strategy: Strategy,
    process_start: ProcessStart,
    streams: Streams<Known>,
    /// When the collector started, for resources that do not tell when they did.
    collector_started: u64,
    now: Instant,
    losses: Losses,
    /// What the resource at hand tells of its start.
    started: Option<u64>,
    /// Whether values of the metric at hand only grow.
    monotonic: bool,
    /// The last difference.
    difference: Option<Cumulative>,
}

impl StartTimes {
    pub(super) fn new(settings: &Settings) -> Result<Self, regex::Error> {
        let places = streams::places(settings.max_streams);
        Ok(Self {
            strategy: settings.strategy,
            process_start: ProcessStart::new(&settings.start_time_metric_regex)?,
            streams: Streams::new(places, settings.gc_interval.get()),
            collector_started: 0,
            now: Instant::now(),
            losses: Losses::default(),
            started: None,
            monotonic: true,
            difference: None,
        })
    }
}

impl Editor for StartTimes {
    fn start(&mut self, now_unix_nano: u64) {
        self.collector_started = now_unix_nano;
    }

    fn edit(&mut self, data: &mut Pdata, now: Instant) -> Losses {
        self.now = now;
        data.edit_streams(self);
        std::mem::take(&mut self.losses)
    }

    fn streams(&self) -> usize {
        self.streams.len()
    }
}

impl StreamEditor for StartTimes {
    fn resource(&mut self, resource: &ResourceMetricsView<'_>) {
        if self.strategy == Strategy::StartTimeMetric {
            self.started = self.process_start.find(resource);
        }
    }

    fn metric(&mut self, metric: &MetricView<'_>) -> Option<i32> {
        self.monotonic = true;
        let temporality = match &metric.data {
            MetricDataView::Empty | MetricDataView::Gauge(_) => return None,
            MetricDataView::Summary(_) => return Some(0),
            MetricDataView::Sum(sum) => {
                self.monotonic = sum.is_monotonic;
                sum.aggregation_temporality
            }
            MetricDataView::Histogram(histogram) => histogram.aggregation_temporality,
            MetricDataView::ExponentialHistogram(histogram) => histogram.aggregation_temporality,
        };
        (temporality == CUMULATIVE).then_some(CUMULATIVE)
    }

    fn point(&mut self, stream: StreamId, point: &DataPointView<'_>) -> PointEdit<'_> {
        if has_start(point) {
            return PointEdit::Keep;
        }
        match self.outcome(stream, point) {
            Outcome::AsItIs => PointEdit::Keep,
            Outcome::Start(start) => PointEdit::Start(start),
            Outcome::Less(difference) => PointEdit::Replace(self.difference.insert(difference).view()),
            Outcome::Lost(loss) => {
                self.losses.count(loss);
                PointEdit::Drop
            }
        }
    }
}

impl StartTimes {
    fn outcome(&mut self, stream: StreamId, point: &DataPointView<'_>) -> Outcome {
        let Ok(known) = self.streams.at(stream, self.now) else {
            self.losses.count(PointLoss::Limit);
            return Outcome::AsItIs;
        };
        let Ok(point) = Cumulative::of(point) else {
            // Without a value it shows no reset.
            return known.as_ref().map_or(Outcome::AsItIs, |known| Outcome::Start(known.start()));
        };
        if let Some(known) = known {
            return known.next(point, self.monotonic);
        }
        let time = point.time_unix_nano();
        let start = match self.strategy {
            Strategy::SubtractInitialPoint if self.monotonic => {
                *known = Some(Known::less(point));
                return Outcome::Lost(PointLoss::Initial);
            }
            Strategy::TrueResetPoint | Strategy::SubtractInitialPoint => time,
            Strategy::StartTimeMetric => self.started.unwrap_or(self.collector_started).min(time),
        };
        *known = Some(Known::since(start, point));
        Outcome::Start(start)
    }
}

/// Whether the source told when the values began. A start that is the point's own time tells nothing.
fn has_start(point: &DataPointView<'_>) -> bool {
    let (start, time) = match point {
        DataPointView::Number(p) => (p.start_time_unix_nano, p.time_unix_nano),
        DataPointView::Histogram(p) => (p.start_time_unix_nano, p.time_unix_nano),
        DataPointView::ExponentialHistogram(p) => (p.start_time_unix_nano, p.time_unix_nano),
        DataPointView::Summary(p) => (p.start_time_unix_nano, p.time_unix_nano),
    };
    start != 0 && start != time
}
