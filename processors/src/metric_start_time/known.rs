//! What is remembered of one stream, and what it makes of the next point.

use sluice_component::telemetry::PointLoss;
use sluice_pdata::stream::Cumulative;

/// How long before the first point after it a reset is taken to have been, in nanoseconds.
const SINCE_RESET: u64 = 1_000_000;

/// A stream that began: its start, its last point, and what is subtracted from all points.
pub(super) struct Known {
    start: u64,
    last: Cumulative,
    initial: Option<Cumulative>,
}

/// What becomes of a point.
pub(super) enum Outcome {
    /// It passes without a start time.
    AsItIs,
    /// It gets this start time.
    Start(u64),
    /// It passes with these values.
    Less(Cumulative),
    /// It is left out.
    Lost(PointLoss),
}

impl Known {
    /// A stream whose first point passes.
    pub(super) fn since(start: u64, first: Cumulative) -> Self {
        Self { start, last: first, initial: None }
    }

    /// A stream whose first point is subtracted from all others.
    pub(super) fn less(first: Cumulative) -> Self {
        Self { start: first.time_unix_nano(), last: first.clone(), initial: Some(first) }
    }

    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    /// What becomes of the next point. One that is older than the last shows no reset, and is not remembered.
    pub(super) fn next(&mut self, point: Cumulative, monotonic: bool) -> Outcome {
        let (time, last) = (point.time_unix_nano(), self.last.time_unix_nano());
        if time >= last && monotonic && point.is_reset_since(&self.last) {
            *self = Self::since(time.saturating_sub(SINCE_RESET).max(last), point);
            return Outcome::Start(self.start);
        }
        let outcome = match &self.initial {
            None if time < self.start => Outcome::AsItIs,
            None => Outcome::Start(self.start),
            Some(initial) if point.is(initial) => Outcome::Lost(PointLoss::Initial),
            Some(initial) => match point.since(initial).filter(|_| time > self.start) {
                Some(difference) => Outcome::Less(difference),
                None => Outcome::Lost(PointLoss::OutOfOrder),
            },
        };
        if time >= last {
            self.last = point;
        }
        outcome
    }
}
