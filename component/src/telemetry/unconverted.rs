//! Data points that a receiver or an exporter could not convert, by the metric's name.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::IntCounterVec;

use super::families::Families;
use crate::ids::{ComponentRef, Kind};

/// Names that have series of their own; points of further metrics are counted without a name. Names come from outside.
const MOST_NAMES: usize = 100;
/// Bytes of the longest name that is told.
const LONGEST_NAME: usize = 256;

/// Counts what one receiver or exporter could not convert. Cloning shares the counters.
#[derive(Debug, Clone)]
pub struct UnconvertedMetrics {
    family: IntCounterVec,
    component: String,
    names: Arc<Mutex<HashSet<Box<str>>>>,
}

impl UnconvertedMetrics {
    pub(super) fn new(families: &Families, component: &ComponentRef) -> Self {
        let family = match component.kind() {
            Kind::Receiver => &families.receiver_unconverted,
            _ => &families.exporter_unconverted,
        };
        Self { family: family.clone(), component: component.id().to_string(), names: Arc::default() }
    }

    /// Counts data points of `metric`, its name where it came from, that are lost for `reason`.
    pub fn add(&self, metric: &str, reason: &'static str, points: usize) {
        let name = if self.tells(metric) { metric } else { "" };
        self.family.with_label_values(&[self.component.as_str(), name, reason]).inc_by(points as u64);
    }

    fn tells(&self, metric: &str) -> bool {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = metric.len() <= LONGEST_NAME && names.len() < MOST_NAMES;
        names.contains(metric) || fits && names.insert(metric.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Kind, Level, Telemetry, testkit};

    #[test]
    fn i14_a_hundred_names_are_told_and_no_more() {
        let telemetry = Telemetry::new(Level::Basic);
        let unconverted = telemetry.unconverted(&testkit::component(Kind::Exporter, "prometheus"));
        unconverted.add(&"x".repeat(10_000), "no_value", 5);
        for _ in 0..2 {
            for name in 0..1000 {
                unconverted.add(&format!("metric.{name}"), "no_value", 1);
            }
        }
        let families = telemetry.registry().gather();
        let family = families.iter().find(|family| family.name() == "sluice_exporter_unconverted_points");
        let metrics = family.unwrap().get_metric();
        assert_eq!(metrics.len(), 101);
        let without_name =
            |label: &prometheus::proto::LabelPair| label.name() == "metric" && label.value().is_empty();
        let rest = metrics.iter().find(|metric| metric.get_label().iter().any(without_name)).unwrap();
        assert_eq!(rest.get_counter().get_value().to_string(), "1805");
    }
}
