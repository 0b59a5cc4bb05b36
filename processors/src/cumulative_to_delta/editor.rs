//! The last points of all streams.

use sluice_component::telemetry::PointLoss;
use sluice_pdata::{
    stream::{Cumulative, PointEdit, Unfit},
    view::{DataPointView, MetricView},
};

use super::{InitialValue, Settings, selection::Selection};
use crate::streams::Editor;

/// `aggregation_temporality` in OTLP.
const DELTA: i32 = 1;

pub(super) struct Deltas {
    selection: Selection,
    initial_value: InitialValue,
    collector_started: u64,
    /// The last delta.
    delta: Option<Cumulative>,
}

/// What is remembered of a stream: its last point, and the one before, for when the last is offered again.
pub(super) struct Known {
    last: Cumulative,
    before: Option<Cumulative>,
}

impl Deltas {
    pub(super) fn new(settings: &Settings) -> Result<Self, regex::Error> {
        Ok(Self {
            selection: Selection::new(settings)?,
            initial_value: settings.initial_value,
            collector_started: 0,
            delta: None,
        })
    }
}

/// What becomes of a point.
enum Outcome {
    /// It passes with its own values: they began with it.
    Whole,
    /// It is less what was there before.
    Delta(Cumulative),
}

impl Editor for Deltas {
    type Known = Known;

    fn start(&mut self, now_unix_nano: u64) {
        self.collector_started = now_unix_nano;
    }

    fn metric(&mut self, metric: &MetricView<'_>) -> Option<i32> {
        self.selection.has(metric).then_some(DELTA)
    }

    fn without_value(&self, _: Option<&Known>, unfit: Unfit) -> Result<PointEdit<'_>, PointLoss> {
        Err(unfit.into())
    }

    fn point<'e>(
        &'e mut self,
        known: &'e mut Option<Known>,
        point: &DataPointView<'_>,
    ) -> Result<PointEdit<'e>, PointLoss> {
        let point = Cumulative::of(point)?;
        let known = match known {
            None => known.insert(Known { last: point, before: None }),
            Some(known) => {
                known.next(point)?;
                known
            }
        };
        let outcome = match &known.before {
            Some(before) if !starts_after(&known.last, before) => since(&known.last, before),
            // The first of its stream, or the first since a start that is known.
            _ => first(&known.last, self.initial_value, self.collector_started),
        };
        Ok(match outcome? {
            Outcome::Whole => PointEdit::Keep,
            Outcome::Delta(delta) => PointEdit::Replace(self.delta.insert(delta).view()),
        })
    }
}

impl Known {
    /// Makes `point` the last one. The last one again changes nothing.
    fn next(&mut self, point: Cumulative) -> Result<(), PointLoss> {
        if point.is(&self.last) {
            return Ok(());
        }
        if point.time_unix_nano() <= self.last.time_unix_nano() {
            return Err(PointLoss::OutOfOrder);
        }
        self.before = Some(std::mem::replace(&mut self.last, point));
        Ok(())
    }
}

/// Whether the source told that a point counts from another start, behind the other point. A start that is the point's
/// own time tells nothing.
fn starts_after(point: &Cumulative, before: &Cumulative) -> bool {
    let start = point.start_time_unix_nano();
    let is_another = start != before.start_time_unix_nano() && start != point.time_unix_nano();
    is_another && start >= before.time_unix_nano()
}

fn first(
    point: &Cumulative,
    initial_value: InitialValue,
    collector_started: u64,
) -> Result<Outcome, PointLoss> {
    let (start, time) = (point.start_time_unix_nano(), point.time_unix_nano());
    let passes = match initial_value {
        InitialValue::Auto => start != 0 && start >= collector_started && start != time,
        InitialValue::Keep => true,
        InitialValue::Drop => false,
    };
    if passes { Ok(Outcome::Whole) } else { Err(PointLoss::Initial) }
}

fn since(point: &Cumulative, before: &Cumulative) -> Result<Outcome, PointLoss> {
    match point.since(before) {
        Some(delta) => Ok(Outcome::Delta(delta)),
        None if !point.has_buckets_of(before) => Err(PointLoss::BucketMismatch),
        // As otelcol does: of histograms, what was counted since the reset passes.
        None if point.is_histogram() => {
            Ok(Outcome::Delta(point.clone().starting_at(before.time_unix_nano())))
        }
        None => Err(PointLoss::Reset),
    }
}
