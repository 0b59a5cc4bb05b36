//! `up` and the `scrape_*` series: how a scrape went.

use std::time::Duration;

use sluice_formats::prometheus::{
    labels::Labels,
    model::{Metadata, MetricType, Value, stale_nan},
    to_otlp::{Catalog, Sample, Series},
};

use super::{Appender, Counts, labels};
use crate::prometheus::job::Job;

/// How a scrape went.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Report {
    pub(crate) is_up: bool,
    pub(crate) duration: Duration,
    pub(crate) counts: Counts,
    /// Bytes of the body, decompressed; `None` if it was too large to tell.
    pub(crate) body_size: Option<usize>,
    pub(crate) timeout: Duration,
}

/// The series of one target.
#[derive(Debug)]
pub(super) struct ReportSeries {
    told: Vec<Option<Series>>,
    /// Those that another job told before, whose ends are told once more until they arrive.
    ended: Vec<Option<Series>>,
}

/// Name, help, unit, and whether it is one of `extra_scrape_metrics`.
const SERIES: [(&str, &str, &str, bool); 8] = [
    ("up", "The scraping was successful", "", false),
    ("scrape_duration_seconds", "Duration of the scrape", "seconds", false),
    ("scrape_samples_scraped", "The number of samples the target exposed", "", false),
    (
        "scrape_samples_post_metric_relabeling",
        "The number of samples remaining after metric relabeling was applied",
        "",
        false,
    ),
    ("scrape_series_added", "The approximate number of new series in this scrape", "", false),
    ("scrape_timeout_seconds", "The configured scrape timeout for a target", "seconds", true),
    (
        "scrape_sample_limit",
        "The configured sample limit for a target. Returns zero if there is no limit configured.",
        "",
        true,
    ),
    (
        "scrape_body_size_bytes",
        "The uncompressed size of the last scrape response, if successful. Scrapes failing because body_size_limit is exceeded report -1, other scrape failures report 0.",
        "bytes",
        true,
    ),
];

impl ReportSeries {
    pub(super) fn new(job: &Job, target: &Labels, catalog: &mut Catalog) -> Self {
        let wanted = SERIES.iter().filter(|(_, _, _, is_extra)| job.extra_scrape_metrics || !is_extra);
        let series = wanted.map(|(name, help, unit, _)| {
            let labels = labels::of_report(job, target, name);
            let (help, unit) = ((*help).to_owned(), (*unit).to_owned());
            let metadata = Metadata { kind: MetricType::Gauge, help, unit };
            catalog.series_of(&labels, &metadata, false).ok()
        });
        Self { told: series.collect(), ended: Vec::new() }
    }

    /// Makes them those of another job.
    pub(super) fn change(&mut self, job: &Job, target: &Labels, catalog: &mut Catalog) {
        let before = std::mem::replace(self, Self::new(job, target, catalog));
        // What another change took back is told again.
        let told: Vec<_> = self.told.iter().flatten().map(identity).collect();
        let before = before.told.into_iter().chain(before.ended);
        self.ended =
            before.filter(|series| !series.iter().any(|one| told.contains(&identity(one)))).collect();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.told.len() + self.ended.len()
    }

    /// What was told arrived.
    pub(super) fn settle(&mut self) {
        self.ended.clear();
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are floats in Prometheus")]
    pub(super) fn append(&self, job: &Job, report: &Report, at_ms: i64, appender: &mut impl Appender) {
        let Report { is_up, duration, counts, body_size, timeout } = report;
        let values = [
            f64::from(u8::from(*is_up)),
            duration.as_secs_f64(),
            counts.scraped as f64,
            counts.kept as f64,
            counts.added as f64,
            timeout.as_secs_f64(),
            job.limits.samples as f64,
            body_size.map_or(-1.0, |size| size as f64),
        ];
        self.append_all(values.map(Value::Float), at_ms, appender);
    }

    pub(super) fn append_ends(&self, at_ms: i64, appender: &mut impl Appender) {
        self.append_all([Value::Float(stale_nan()); 8], at_ms, appender);
    }

    fn append_all(&self, values: [Value<'_>; 8], at_ms: i64, appender: &mut impl Appender) {
        let ends = self.ended.iter().map(|series| (series, Value::Float(stale_nan())));
        for (series, value) in self.told.iter().zip(values).chain(ends) {
            if let Some(series) = series {
                let sample = Sample { timestamp_ms: at_ms, start_ms: None, value, exemplars: &[] };
                appender.append(series, &sample);
            }
        }
    }
}

/// What tells a series from others of its target.
fn identity(series: &Series) -> (String, String, Vec<(String, String)>) {
    let mut attributes = Vec::new();
    series.each_attribute(|name, value| attributes.push((name.to_owned(), value.to_owned())));
    (series.metric_name().to_owned(), series.job().to_owned(), attributes)
}
