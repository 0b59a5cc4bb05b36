//! The last points of all streams.

use std::time::Instant;

use sluice_component::telemetry::PointLoss;
use sluice_pdata::{
    Pdata,
    stream::{Cumulative, PointEdit, StreamEditor, StreamId, Streams},
    view::{DataPointView, MetricView},
};

use super::{InitialValue, Settings, selection::Selection};
use crate::streams::{self, Editor, Losses};

/// `aggregation_temporality` in OTLP.
const DELTA: i32 = 1;

pub(super) struct Deltas {
    selection: Selection,
    initial_value: InitialValue,
    streams: Streams<Known>,
    collector_started: u64,
    now: Instant,
    losses: Losses,
    /// The last delta.
    delta: Option<Cumulative>,
}

/// What is remembered of a stream: its last point, and the one before, for when the last is offered again.
struct Known {
    last: Cumulative,
    before: Option<Cumulative>,
}

impl Deltas {
    pub(super) fn new(settings: &Settings) -> Result<Self, regex::Error> {
        let places = streams::places(settings.max_streams);
        Ok(Self {
            selection: Selection::new(settings)?,
            initial_value: settings.initial_value,
            streams: Streams::new(places, settings.max_staleness.get()),
            collector_started: 0,
            now: Instant::now(),
            losses: Losses::default(),
            delta: None,
        })
    }
}

impl Editor for Deltas {
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

/// What becomes of a point.
enum Outcome {
    /// It passes with its own values: they began with it.
    Whole,
    /// It is less what was there before.
    Delta(Cumulative),
    Lost(PointLoss),
}

impl StreamEditor for Deltas {
    fn metric(&mut self, metric: &MetricView<'_>) -> Option<i32> {
        self.selection.has(metric).then_some(DELTA)
    }

    fn point(&mut self, stream: StreamId, point: &DataPointView<'_>) -> PointEdit<'_> {
        match self.outcome(stream, point) {
            Outcome::Whole => PointEdit::Keep,
            Outcome::Delta(delta) => PointEdit::Replace(self.delta.insert(delta).view()),
            Outcome::Lost(loss) => {
                self.losses.count(loss);
                PointEdit::Drop
            }
        }
    }
}

impl Deltas {
    fn outcome(&mut self, stream: StreamId, point: &DataPointView<'_>) -> Outcome {
        let point = match Cumulative::of(point) {
            Ok(point) => point,
            Err(unfit) => return Outcome::Lost(unfit.into()),
        };
        let Ok(known) = self.streams.at(stream, self.now) else { return Outcome::Lost(PointLoss::Limit) };
        let known = match known {
            None => known.insert(Known { last: point, before: None }),
            Some(known) if point.is(&known.last) => known,
            Some(known) if point.time_unix_nano() <= known.last.time_unix_nano() => {
                return Outcome::Lost(PointLoss::OutOfOrder);
            }
            Some(known) => {
                known.before = Some(std::mem::replace(&mut known.last, point));
                known
            }
        };
        match &known.before {
            Some(before) if !starts_after(&known.last, before) => since(&known.last, before),
            // The first of its stream, or the first since a start that is known.
            _ => first(&known.last, self.initial_value, self.collector_started),
        }
    }
}

/// Whether the source told that a point counts from another start, behind the other point. A start that is the point's
/// own time tells nothing.
fn starts_after(point: &Cumulative, before: &Cumulative) -> bool {
    let start = point.start_time_unix_nano();
    let is_another = start != before.start_time_unix_nano() && start != point.time_unix_nano();
    is_another && start >= before.time_unix_nano()
}

fn first(point: &Cumulative, initial_value: InitialValue, collector_started: u64) -> Outcome {
    let (start, time) = (point.start_time_unix_nano(), point.time_unix_nano());
    let passes = match initial_value {
        InitialValue::Auto => start != 0 && start >= collector_started && start != time,
        InitialValue::Keep => true,
        InitialValue::Drop => false,
    };
    if passes { Outcome::Whole } else { Outcome::Lost(PointLoss::Initial) }
}

fn since(point: &Cumulative, before: &Cumulative) -> Outcome {
    match point.since(before) {
        Some(delta) => Outcome::Delta(delta),
        None if !point.has_buckets_of(before) => Outcome::Lost(PointLoss::BucketMismatch),
        // As otelcol does: of histograms, what was counted since the reset passes.
        None if point.is_histogram() => Outcome::Delta(point.clone().starting_at(before.time_unix_nano())),
        None => Outcome::Lost(PointLoss::Reset),
    }
}
