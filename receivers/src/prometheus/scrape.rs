//! From the bytes that a target answers to samples, and from what is missing to stale markers.
//!
//! - `body`: parse, target's labels, relabelling, limits, in this order
//! - `native`: limits of native histograms
//! - `series`, on `texts` and `numbers`: what is remembered from one scrape to the next
//! - `report`: `up` and the `scrape_*` series
//! - `appender`: where samples go

mod appender;
mod body;
mod labels;
mod native;
mod numbers;
mod report;
mod series;
#[cfg(test)]
mod tests;
mod texts;

pub(super) use appender::Appender;
pub(super) use body::Counts;
pub(super) use native::finest_schema;
pub(super) use report::Report;
pub(super) use series::Misplaced;
use sluice_component::Permit;
use sluice_formats::prometheus::{
    exposition::Format,
    labels::{Labels, LabelsBuilder},
    to_otlp::{Catalog, Families, Options},
};

use self::{
    report::ReportSeries,
    series::{Ended, SeriesCache},
};
use super::job::Job;

/// What is remembered of one target.
#[derive(Debug)]
pub(super) struct Memory {
    /// The labels of the target.
    target: Labels,
    series: SeriesCache,
    /// What turns labels into series of OTLP.
    catalog: Catalog,
    families: Families,
    reports: ReportSeries,
    builder: LabelsBuilder,
    last: Ended,
    /// Whether there was no room for its series.
    is_crowded: bool,
}

/// What a target answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) format: Format,
    pub(super) body: &'a [u8],
}

impl Memory {
    /// Of a target with these labels, which was not scraped yet. What is remembered of its series is held by `permit`.
    pub(super) fn new(job: &Job, labels: &Labels, options: Options, permit: Permit) -> Self {
        let mut catalog = Catalog::new(options);
        Self {
            target: labels.clone(),
            series: SeriesCache::new(permit),
            is_crowded: false,
            reports: ReportSeries::new(job, labels, &mut catalog),
            catalog,
            families: Families::default(),
            builder: LabelsBuilder::default(),
            last: Ended::All,
        }
    }

    /// The target is scraped by another job from now on. Series that have other labels then are told to have ended.
    pub(super) fn change(&mut self, job: &Job) {
        self.series.forget_texts();
        self.reports.change(job, &self.target, &mut self.catalog);
    }

    /// Hands on the samples of an answer and the ends of series that it lacks.
    ///
    /// # Errors
    /// Why the scrape failed. What was handed on is forgotten then; [`failed`](Self::failed) is next.
    pub(super) fn scraped(
        &mut self,
        job: &Job,
        answer: Answer<'_>,
        at_ms: i64,
        counts: &mut Counts,
        appender: &mut impl Appender,
    ) -> Result<(), String> {
        self.series.begin();
        self.append_body(job, answer, at_ms, counts, appender).inspect_err(|_| appender.clear())?;
        self.last = Ended::Missing;
        self.series.tell_ends(Ended::Missing, at_ms, appender);
        Ok(())
    }

    /// Hands on the ends of all series.
    pub(super) fn failed(&mut self, at_ms: i64, appender: &mut impl Appender) {
        self.last = Ended::All;
        self.series.tell_ends(Ended::All, at_ms, appender);
    }

    /// The scrape failed, and there is no room to tell the ends: a later one tells them.
    pub(super) fn withhold(&mut self) {
        self.last = Ended::Nothing;
    }

    /// How many series have an end that is told if the target is gone.
    pub(super) fn live(&self) -> usize {
        self.series.live() + self.reports.len()
    }

    /// Hands on how the scrape went.
    pub(super) fn report(&self, job: &Job, report: &Report, at_ms: i64, appender: &mut impl Appender) {
        self.reports.append(job, report, at_ms, appender);
    }

    /// The target is gone: hands on the ends of all its series, those of the reports among them.
    pub(super) fn gone(&mut self, at_ms: i64, appender: &mut impl Appender) {
        self.failed(at_ms, appender);
        self.reports.append_ends(at_ms, appender);
    }

    /// What was handed on arrived. Otherwise it is told again by the next scrape what ended.
    pub(super) fn settle(&mut self) {
        self.series.settle(self.last);
        self.reports.settle();
    }

    /// Gives room back, whether or not what was handed on arrived.
    pub(super) fn prune(&mut self) {
        if std::mem::take(&mut self.is_crowded) {
            self.series.clear();
            self.families = Families::default();
            self.catalog = Catalog::new(self.catalog.options().clone());
        }
        self.series.prune();
    }
}
