//! Which family a metric belongs to.

use sluice_formats::prometheus::{
    from_otlp::{Reason, metric::kind},
    model::MetricType,
    names::{Kind, Namer},
};
use sluice_pdata::view::MetricView;

/// Bytes of a help text that are kept: each message of a large family repeats it.
const LONGEST_HELP: usize = 4 << 10;

/// A metric's family, as it would be if it were the first of its name.
#[derive(Debug, Default)]
pub(super) struct Description {
    pub(super) name: String,
    pub(super) kind: MetricType,
    pub(super) help: String,
    pub(super) unit: String,
}

impl Description {
    /// Describes the family of `metric` in place of what was described before.
    pub(super) fn set(&mut self, metric: &MetricView<'_>, namer: &Namer) -> Result<(), Reason> {
        let (suffix, kind) = kind(metric);
        self.kind = kind;
        self.name.clear();
        let unit = metric.unit.as_str();
        namer.metric(&mut self.name, metric.name.as_str(), unit, suffix).map_err(|_| Reason::InvalidName)?;
        self.unit.clear();
        namer.unit(&mut self.unit, unit);
        self.help.clear();
        let help = metric.description.as_str();
        let end = (0..=LONGEST_HELP.min(help.len())).rev().find(|&at| help.is_char_boundary(at));
        self.help.push_str(help.get(..end.unwrap_or_default()).unwrap_or_default());
        Ok(())
    }

    /// Describes the family that tells about resources.
    pub(super) fn target_info(namer: &Namer) -> Option<Self> {
        let mut name = String::new();
        namer.metric(&mut name, "target_info", "", Kind::Other).ok()?;
        let help = "Target metadata".to_owned();
        Some(Self { name, kind: MetricType::Gauge, help, unit: String::new() })
    }
}

/// The names that the samples of a family have: no other family may have any of them. OpenMetrics has more.
pub(super) fn sample_names(name: &str, kind: MetricType, open_metrics: bool) -> Vec<String> {
    let suffixes: &[&str] = match (kind, open_metrics) {
        (MetricType::Histogram, false) => &["", "_bucket", "_sum", "_count"],
        (MetricType::Histogram, true) => &["", "_bucket", "_sum", "_count", "_created"],
        (MetricType::Summary, false) => &["", "_sum", "_count"],
        (MetricType::Summary, true) => &["", "_sum", "_count", "_created"],
        (MetricType::Counter, true) => &["", "_total", "_created"],
        (MetricType::Info, true) => &["", "_info"],
        _ => &[""],
    };
    let family = match (kind, open_metrics) {
        (MetricType::Counter, true) => name.strip_suffix("_total").unwrap_or(name),
        (MetricType::Info, true) => name.strip_suffix("_info").unwrap_or(name),
        _ => name,
    };
    suffixes.iter().map(|suffix| format!("{family}{suffix}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_that_share_a_sample_are_seen() {
        assert!(sample_names("a", MetricType::Histogram, false).contains(&"a_count".to_owned()));
        assert_eq!(sample_names("a_total", MetricType::Counter, false), ["a_total"]);
        assert_eq!(sample_names("a_total", MetricType::Counter, true), ["a", "a_total", "a_created"]);
        assert_eq!(sample_names("a_info", MetricType::Info, true), ["a", "a_info"]);
        assert_eq!(sample_names("a_info", MetricType::Gauge, true), ["a_info"]);
    }
}
