//! Samples that have no form in OTLP, by metric and reason.

use std::collections::BTreeMap;

/// Most metrics and reasons that are told apart; those beyond are counted under the empty name.
const MAX_ENTRIES: usize = 100;

/// Samples that could not be translated. Their neighbours could.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RejectedSamples {
    by_metric: BTreeMap<(String, &'static str), usize>,
}

impl RejectedSamples {
    /// Counts samples of one metric.
    pub(super) fn add(&mut self, metric: &str, reason: &'static str, samples: usize) {
        let is_full = self.by_metric.len() >= MAX_ENTRIES;
        let metric =
            if is_full && !self.by_metric.contains_key(&(metric.to_owned(), reason)) { "" } else { metric };
        *self.by_metric.entry((metric.to_owned(), reason)).or_default() += samples;
    }

    /// How many samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.by_metric.values().sum()
    }

    /// Whether every sample was translated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_metric.is_empty()
    }

    /// The metric's name, the reason, how many samples. The name is empty where there were too many to tell apart.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'static str, usize)> {
        self.by_metric.iter().map(|((metric, reason), samples)| (metric.as_str(), *reason, *samples))
    }
}
