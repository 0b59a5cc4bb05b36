//! Which metrics are converted.

use std::collections::HashSet;

use regex::RegexSet;
use sluice_pdata::view::{MetricDataView, MetricView, Text};

use super::settings::{MatchType, MetricType, Metrics, Settings};

/// `aggregation_temporality` in OTLP.
const CUMULATIVE: i32 = 2;

pub(super) struct Selection {
    include: Matcher,
    exclude: Matcher,
}

struct Matcher {
    names: Option<Names>,
    kinds: Vec<MetricType>,
}

enum Names {
    Strict(HashSet<Box<[u8]>>),
    Regexp(RegexSet),
}

impl Selection {
    pub(super) fn new(settings: &Settings) -> Result<Self, regex::Error> {
        Ok(Self { include: Matcher::new(&settings.include)?, exclude: Matcher::new(&settings.exclude)? })
    }

    /// Whether a metric is cumulative, only grows, and is included and not excluded.
    pub(super) fn has(&self, metric: &MetricView<'_>) -> bool {
        let (kind, temporality) = match &metric.data {
            MetricDataView::Sum(sum) if sum.is_monotonic => (MetricType::Sum, sum.aggregation_temporality),
            MetricDataView::Histogram(histogram) => {
                (MetricType::Histogram, histogram.aggregation_temporality)
            }
            MetricDataView::ExponentialHistogram(histogram) => {
                (MetricType::ExponentialHistogram, histogram.aggregation_temporality)
            }
            _ => return false,
        };
        temporality == CUMULATIVE
            && self.include.name(metric.name) != Some(false)
            && self.include.kind(kind) != Some(false)
            && self.exclude.name(metric.name) != Some(true)
            && self.exclude.kind(kind) != Some(true)
    }
}

impl Matcher {
    fn new(metrics: &Metrics) -> Result<Self, regex::Error> {
        let names = match metrics.match_type {
            None => None,
            Some(MatchType::Strict) => {
                Some(Names::Strict(metrics.metrics.iter().map(|name| name.as_bytes().into()).collect()))
            }
            Some(MatchType::Regexp) => Some(Names::Regexp(RegexSet::new(&metrics.metrics)?)),
        };
        Ok(Self { names, kinds: metrics.metric_types.clone() })
    }

    /// Whether a name is listed; none if no names are.
    fn name(&self, name: Text<'_>) -> Option<bool> {
        self.names.as_ref().map(|names| match names {
            Names::Strict(names) => names.contains(name.as_bytes()),
            Names::Regexp(patterns) => patterns.is_match(name.as_str()),
        })
    }

    /// Whether a kind is listed; none if no kinds are.
    fn kind(&self, kind: MetricType) -> Option<bool> {
        if self.kinds.is_empty() { None } else { Some(self.kinds.contains(&kind)) }
    }
}
