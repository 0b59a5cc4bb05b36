//! The start times of all streams.

use sluice_component::telemetry::PointLoss;
use sluice_pdata::{
    stream::{Cumulative, PointEdit, Unfit},
    view::{DataPointView, MetricDataView, MetricView, ResourceMetricsView},
};

use super::{
    Settings, Strategy,
    known::{Known, Outcome},
    process_start::ProcessStart,
};
use crate::streams::Editor;

/// `aggregation_temporality` in OTLP.
const CUMULATIVE: i32 = 2;

pub(super) struct StartTimes {
    strategy: Strategy,
    process_start: ProcessStart,
    /// When the collector started, for resources that do not tell when they did.
    collector_started: u64,
    /// What the resource at hand tells of its start.
    started: Option<u64>,
    /// Whether values of the metric at hand only grow.
    monotonic: bool,
    /// The last difference.
    difference: Option<Cumulative>,
}

impl StartTimes {
    pub(super) fn new(settings: &Settings) -> Result<Self, regex::Error> {
        Ok(Self {
            strategy: settings.strategy,
            process_start: ProcessStart::new(&settings.start_time_metric_regex)?,
            collector_started: 0,
            started: None,
            monotonic: true,
            difference: None,
        })
    }
}

impl Editor for StartTimes {
    type Known = Known;

    const KEEPS_WITHOUT_ROOM: bool = true;

    fn start(&mut self, now_unix_nano: u64) {
        self.collector_started = now_unix_nano;
    }

    fn resource(&mut self, resource: &ResourceMetricsView<'_>) {
        if self.strategy == Strategy::StartTimeMetric {
            self.started = self.process_start.find(resource);
        }
    }

    fn metric(&mut self, metric: &MetricView<'_>) -> Option<i32> {
        self.monotonic = !matches!(metric.data, MetricDataView::Sum(sum) if !sum.is_monotonic);
        match metric.data {
            MetricDataView::Summary(_) => Some(0),
            data => data.aggregation_temporality().filter(|temporality| *temporality == CUMULATIVE),
        }
    }

    /// The source told when the values began. A start that is the point's own time tells nothing.
    fn passes(&self, point: &DataPointView<'_>) -> bool {
        let (start, time) = (point.start_time_unix_nano(), point.time_unix_nano());
        start != 0 && start != time
    }

    /// It shows no reset.
    fn without_value(&self, known: Option<&Known>, _: Unfit) -> Result<PointEdit<'_>, PointLoss> {
        Ok(known.map_or(PointEdit::Keep, |known| PointEdit::Start(known.start())))
    }

    fn point<'e>(
        &'e mut self,
        known: &'e mut Option<Known>,
        point: &DataPointView<'_>,
    ) -> Result<PointEdit<'e>, PointLoss> {
        match self.outcome(known, point) {
            Outcome::AsItIs => Ok(PointEdit::Keep),
            Outcome::Start(start) => Ok(PointEdit::Start(start)),
            Outcome::Less(difference) => Ok(PointEdit::Replace(self.difference.insert(difference).view())),
            Outcome::Lost(loss) => Err(loss),
        }
    }
}

impl StartTimes {
    fn outcome(&self, known: &mut Option<Known>, point: &DataPointView<'_>) -> Outcome {
        let Ok(point) = Cumulative::of(point) else {
            // What contradicts itself shows no reset.
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
