//! Points that have no place in the exposition.

use std::sync::{Mutex, PoisonError};

use sluice_component::{ComponentRef, Context, Reason, quiet::Quiet, telemetry::UnconvertedMetrics};
use sluice_formats::prometheus::from_otlp::Reason as Unconvertible;

/// Why a point is not exposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lost {
    /// It has no form in Prometheus.
    Unconvertible(Unconvertible),
    /// The names of the family's samples are those of another family.
    NameConflict,
    /// Another stream has the same name and labels.
    SameSeries,
    /// A new series above `max_series`.
    MaxSeries,
    /// A new series above the memory budget.
    MemoryLimit,
}

impl From<Unconvertible> for Lost {
    fn from(reason: Unconvertible) -> Self {
        Self::Unconvertible(reason)
    }
}

impl Lost {
    /// The label of the counter.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unconvertible(reason) => reason.as_str(),
            Self::NameConflict => "name_conflict",
            Self::SameSeries => "same_series",
            Self::MaxSeries => "max_series",
            Self::MemoryLimit => "memory_limit",
        }
    }

    /// What the ledger books.
    fn reason(self) -> Reason {
        match self {
            Self::Unconvertible(Unconvertible::TooLarge) => Reason::TooLarge,
            Self::Unconvertible(_) | Self::NameConflict | Self::SameSeries => Reason::Unconvertible,
            Self::MaxSeries => Reason::Invalid,
            Self::MemoryLimit => Reason::MemoryLimit,
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
