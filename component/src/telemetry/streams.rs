//! What becomes of data points in processors that remember metric streams.

use prometheus::{IntCounter, IntGauge};
use sluice_pdata::stream::Unfit;

use super::families::Families;
use crate::ids::ComponentRef;

/// Why a processor of streams could not convert a point. The text of [`PointLoss::as_str`] is the `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PointLoss {
    /// Its stream is new and the limit of streams is reached.
    Limit,
    /// A later point of its stream was there before.
    OutOfOrder,
    /// It begins before its stream's sum.
    OlderStart,
    /// Its fields contradict one another, or it is not a number.
    Malformed,
    /// It says that no value was recorded.
    NoRecordedValue,
    /// The first of its stream, which later ones are compared with.
    Initial,
    /// Its stream was reset, nobody knows when.
    Reset,
    /// The buckets of its stream changed.
    BucketMismatch,
}

impl PointLoss {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Limit,
        Self::OutOfOrder,
        Self::OlderStart,
        Self::Malformed,
        Self::NoRecordedValue,
        Self::Initial,
        Self::Reset,
        Self::BucketMismatch,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::OutOfOrder => "out_of_order",
            Self::OlderStart => "older_start",
            Self::Malformed => "malformed",
            Self::NoRecordedValue => "no_recorded_value",
            Self::Initial => "initial",
            Self::Reset => "reset",
            Self::BucketMismatch => "bucket_mismatch",
        }
    }
}

impl From<Unfit> for PointLoss {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::NoRecordedValue => Self::NoRecordedValue,
            Unfit::OutOfOrder => Self::OutOfOrder,
            Unfit::OlderStart => Self::OlderStart,
            Unfit::Malformed => Self::Malformed,
        }
    }
}

/// Handles of one processor of streams.
#[derive(Debug, Clone)]
pub struct StreamMetrics {
    unconverted: [IntCounter; PointLoss::ALL.len()],
    streams: IntGauge,
}

impl StreamMetrics {
    pub(super) fn new(families: &Families, processor: &ComponentRef) -> Self {
        let id = processor.id().as_str();
        Self {
            unconverted: PointLoss::ALL
                .map(|loss| families.unconverted_points.with_label_values(&[id, loss.as_str()])),
            streams: families.streams.with_label_values(&[id]),
        }
    }

    /// Counts points that were not converted.
    pub fn unconverted(&self, loss: PointLoss, points: usize) {
        let counter = PointLoss::ALL.iter().zip(&self.unconverted).find(|(known, _)| **known == loss);
        if let Some((_, counter)) = counter {
            counter.inc_by(points as u64);
        }
    }

    /// Notes how many streams are remembered that were not before; of all instances of the processor together.
    pub fn streams(&self, before: usize, now: usize) {
        let signed = |streams: usize| i64::try_from(streams).unwrap_or(i64::MAX);
        self.streams.add(signed(now) - signed(before));
    }
}
