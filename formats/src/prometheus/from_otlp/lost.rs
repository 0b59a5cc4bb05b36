//! What could not be converted, by metric and reason.

use std::collections::BTreeMap;

use super::symbols::{Symbol, Symbols};

/// Why a data point has no form in Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nothing of the metric's name is left when it is escaped.
    InvalidName,
    /// Nothing of an attribute's key is left when it is escaped.
    InvalidLabel,
    /// Another metric of the resource has the name and another type.
    TypeConflict,
    /// A metric without points of a kind that is known.
    UnknownKind,
    /// Neither delta nor cumulative.
    UnspecifiedTemporality,
    /// A delta, and deltas are not added up.
    DeltaTemporality,
    /// A delta of a sum that may fall: its absolute value is unknown.
    NonMonotonicDelta,
    /// A delta that is older than what was added up.
    DeltaOutOfOrder,
    /// A delta that cannot be added: not a number, or buckets that do not match their bounds.
    DeltaMalformed,
    /// A delta of a new series, and there is no room for more.
    DeltaLimit,
    /// A number without a value.
    NoValue,
    /// Buckets and bounds do not match.
    BucketMismatch,
    /// The count is not the sum of the buckets.
    CountMismatch,
    /// A scale below -4.
    ScaleTooCoarse,
    /// A count or bucket index that Prometheus cannot hold.
    OutOfRange,
    /// It would become too much: many buckets, or points, with many labels.
    TooLarge,
    /// The series has numbers and native histograms.
    MixedSeries,
    /// A later point of the batch has the same series and millisecond, and another value.
    DuplicateTimestamp,
    /// A native histogram with custom buckets, which remote write 1.0 does not know.
    CustomBuckets,
}

impl Reason {
    /// The word for a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidName => "invalid_name",
            Self::InvalidLabel => "invalid_label",
            Self::TypeConflict => "type_conflict",
            Self::UnknownKind => "unknown_kind",
            Self::UnspecifiedTemporality => "unspecified_temporality",
            Self::DeltaTemporality => "delta_temporality",
            Self::NonMonotonicDelta => "non_monotonic_delta",
            Self::DeltaOutOfOrder => "delta_out_of_order",
            Self::DeltaMalformed => "delta_malformed",
            Self::DeltaLimit => "delta_limit",
            Self::NoValue => "no_value",
            Self::BucketMismatch => "bucket_mismatch",
            Self::CountMismatch => "count_mismatch",
            Self::ScaleTooCoarse => "scale_too_coarse",
            Self::OutOfRange => "out_of_range",
            Self::TooLarge => "too_large",
            Self::MixedSeries => "mixed_series",
            Self::DuplicateTimestamp => "duplicate_timestamp",
            Self::CustomBuckets => "custom_buckets",
        }
    }
}

/// Data points of one batch that have no form in Prometheus.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost {
    points: BTreeMap<(u32, Reason), Points>,
}

#[derive(Debug, Clone, Copy)]
struct Points {
    metric: Symbol,
    points: usize,
}

impl Lost {
    pub(super) fn add(&mut self, metric: Symbol, reason: Reason, points: usize) {
        if points > 0 {
            // Fewer than 2^32 symbols.
            let key = (u32::try_from(metric.index()).unwrap_or(u32::MAX), reason);
            self.points.entry(key).or_insert(Points { metric, points: 0 }).points += points;
        }
    }

    pub(super) fn clear(&mut self) {
        self.points.clear();
    }

    /// Whether everything was converted.
    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The metric's name in OTLP, the reason, how many points.
    pub(super) fn iter<'l>(
        &'l self,
        symbols: &'l Symbols,
    ) -> impl Iterator<Item = (&'l str, Reason, usize)> + 'l {
        self.points.iter().map(|((_, reason), lost)| (symbols.text(lost.metric), *reason, lost.points))
    }
}
