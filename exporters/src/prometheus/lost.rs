//! Points that have no place in the exposition.

use std::sync::{Mutex, PoisonError};

use sluice_component::{ComponentRef, Context, Reason, quiet::Quiet, telemetry::UnconvertedMetrics};

/// Why a point is not exposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lost {
    /// Nothing of the metric's name is left when it is escaped.
    InvalidName,
    /// Nothing of an attribute's key is left when it is escaped.
    InvalidLabel,
    /// Another metric has the family's name and another type.
    TypeConflict,
    /// The names of the family's samples are those of another family.
    NameConflict,
    /// Another stream has the same name and labels.
    SameSeries,
    /// A metric without points of a kind that is known.
    UnknownKind,
    /// Neither delta nor cumulative.
    UnspecifiedTemporality,
    /// A delta of a sum that may fall: its absolute value is unknown.
    NonMonotonicDelta,
    /// A delta that is older than what was added up.
    DeltaOutOfOrder,
    /// A delta that cannot be added.
    DeltaMalformed,
    /// A number without a value.
    NoValue,
    /// Buckets and bounds do not match, or bounds do not ascend.
    BucketMismatch,
    /// The count is not the sum of the buckets.
    CountMismatch,
    /// A scale below -4.
    ScaleTooCoarse,
    /// A count or bucket index that Prometheus cannot hold.
    OutOfRange,
    /// Lines of more than 1 MiB of text.
    TooLarge,
    /// A new series above `max_series`.
    MaxSeries,
    /// A new series above the memory budget.
    MemoryLimit,
}

impl Lost {
    /// The label of the counter.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::InvalidName => "invalid_name",
            Self::InvalidLabel => "invalid_label",
            Self::TypeConflict => "type_conflict",
            Self::NameConflict => "name_conflict",
            Self::SameSeries => "same_series",
            Self::UnknownKind => "unknown_kind",
            Self::UnspecifiedTemporality => "unspecified_temporality",
            Self::NonMonotonicDelta => "non_monotonic_delta",
            Self::DeltaOutOfOrder => "delta_out_of_order",
            Self::DeltaMalformed => "delta_malformed",
            Self::NoValue => "no_value",
            Self::BucketMismatch => "bucket_mismatch",
            Self::CountMismatch => "count_mismatch",
            Self::ScaleTooCoarse => "scale_too_coarse",
            Self::OutOfRange => "out_of_range",
            Self::TooLarge => "too_large",
            Self::MaxSeries => "max_series",
            Self::MemoryLimit => "memory_limit",
        }
    }

    /// What the ledger books.
    fn reason(self) -> Reason {
        match self {
            Self::TooLarge => Reason::TooLarge,
            Self::MaxSeries => Reason::Invalid,
            Self::MemoryLimit => Reason::MemoryLimit,
            _ => Reason::Unconvertible,
        }
    }
}

/// What of one batch is not exposed.
#[derive(Debug, Default)]
pub(super) struct Losses<'a> {
    /// Metric, reason, how many points.
    points: Vec<(&'a str, Lost, usize)>,
    /// Metrics whose help text is not that of their family.
    help: Vec<&'a str>,
}

impl<'a> Losses<'a> {
    pub(super) fn add(&mut self, metric: &'a str, lost: Lost, points: usize) {
        match self.points.last_mut() {
            Some((last, why, sum)) if *last == metric && *why == lost => *sum += points,
            _ if points > 0 => self.points.push((metric, lost, points)),
            _ => {}
        }
    }

    pub(super) fn other_help(&mut self, metric: &'a str) {
        self.help.push(metric);
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, Lost, usize)> {
        self.points.iter().copied()
    }

    pub(super) fn points(&self) -> usize {
        self.points.iter().map(|(_, _, points)| points).sum()
    }
}

/// Books what was lost: on the ledger, in the collector's own metrics, and now and then in the log.
#[derive(Debug)]
pub(super) struct Books {
    component: ComponentRef,
    metrics: UnconvertedMetrics,
    lost: Mutex<Quiet>,
    help: Mutex<Quiet>,
}

impl Books {
    pub(super) fn new(component: ComponentRef, metrics: UnconvertedMetrics) -> Self {
        Self { component, metrics, lost: Mutex::default(), help: Mutex::default() }
    }

    pub(super) fn book(&self, cx: &Context, losses: &Losses<'_>) {
        for &(metric, lost, points) in &losses.points {
            self.metrics.add(metric, lost.word(), points);
            if let Some(branch) = cx.branch() {
                branch.dropped(lost.reason(), points);
            }
        }
        if let Some(metric) = losses.help.first() {
            let noted = self.help.lock().unwrap_or_else(PoisonError::into_inner).note(losses.help.len());
            if noted.is_some() {
                tracing::info!(
                    component = %self.component,
                    metric,
                    "metrics of one name have several descriptions, such as this one: the first one is exposed"
                );
            }
        }
        let Some(&(metric, lost, _)) = losses.points.first() else { return };
        let noted = self.lost.lock().unwrap_or_else(PoisonError::into_inner).note(losses.points());
        if let Some((_, points)) = noted {
            tracing::warn!(
                component = %self.component,
                metric,
                reason = lost.word(),
                points,
                "data points are not exposed, such as those of this metric for this reason"
            );
        }
    }
}
