//! The samples of one answer.

use sluice_component::OverBudget;
use sluice_formats::prometheus::{
    exposition::{self, Entry, Parser},
    labels::METRIC_NAME,
    model::Value,
    to_otlp::Sample,
};

use super::{
    Answer, Appender, Memory, labels, native,
    numbers::Number,
    series::{Known, Misplaced, Stamp},
};
use crate::prometheus::job::Job;

/// How far a target's clock may be ahead.
const MOST_AHEAD_MS: i64 = 10 * 60 * 1000;

/// What was counted in one scrape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Samples in the answer.
    pub(crate) scraped: u64,
    /// Those that relabelling left.
    pub(crate) kept: u64,
    /// Series that the scrape before did not have.
    pub(crate) added: u64,
}

impl Memory {
    pub(super) fn append_body(
        &mut self,
        job: &Job,
        answer: Answer<'_>,
        at_ms: i64,
        counts: &mut Counts,
        appender: &mut impl Appender,
    ) -> Result<(), String> {
        self.families.begin();
        let mut parser = Parser::new(answer.format, answer.body, job.parse);
        while let Some(entry) = parser.next_like(self.series.expected()).map_err(|error| error.to_string())? {
            match entry {
                Entry::Type { family, kind } => self.families.set_type(&family, kind),
                Entry::Help { family, help } => self.families.set_help(&family, &help),
                Entry::Unit { family, unit } => self.families.set_unit(&family, &unit),
                Entry::Sample(sample) => {
                    counts.scraped += 1;
                    if let Some(series) = self.find(job, &sample, counts)? {
                        counts.kept += 1;
                        self.append(job, series, &sample, at_ms, appender)?;
                    }
                }
            }
            let said = self.catalog.bytes() + self.families.bytes();
            self.series.hold_beside(said).map_err(|error| self.crowded(&error))?;
        }
        if job.limits.samples > 0 && counts.kept > job.limits.samples {
            return Err(format!(
                "sample limit exceeded: {} samples, limit {}",
                counts.kept, job.limits.samples
            ));
        }
        Ok(())
    }

    /// The series of a sample, if relabelling leaves one.
    fn find(
        &mut self,
        job: &Job,
        sample: &exposition::Sample<'_>,
        counts: &mut Counts,
    ) -> Result<Option<Number>, String> {
        let series = match self.series.lookup(sample.series()) {
            Known::Series(series) if self.series.is_translated(series, self.families.generation()) => {
                return Ok(Some(series));
            }
            Known::Series(series) => {
                // Something else was said of families since.
                self.labels(job, sample)?;
                series
            }
            Known::Dropped => return Ok(None),
            Known::New => {
                if !self.labels(job, sample)? {
                    self.series.drop(sample.series()).map_err(|error| self.crowded(&error))?;
                    return Ok(None);
                }
                let added = self.series.add(sample.series(), &self.builder.build());
                let (series, is_new) = added.map_err(|error| self.crowded(&error))?;
                counts.added += u64::from(is_new);
                series
            }
        };
        let translated = self.catalog.series(&self.builder.build(), &self.families).ok();
        self.series.set_translated(series, translated).map_err(|error| self.crowded(&error))?;
        Ok(Some(series))
    }

    /// Puts the labels that a sample gets into the builder. False: relabelling drops it.
    fn labels(&mut self, job: &Job, sample: &exposition::Sample<'_>) -> Result<bool, String> {
        sample.labels(&mut self.builder).map_err(|error| error.to_string())?;
        let mut removed = Vec::new();
        if job.honor_labels {
            sample.each_empty_label(|name| removed.push(name.to_owned()));
        }
        labels::finish(job, &self.target, &removed, &mut self.builder)
    }

    fn crowded(&mut self, error: &OverBudget) -> String {
        self.is_crowded = true;
        format!("refused for lack of memory: {error}")
    }

    fn append(
        &mut self,
        job: &Job,
        series: Number,
        sample: &exposition::Sample<'_>,
        at_ms: i64,
        appender: &mut impl Appender,
    ) -> Result<(), String> {
        let own_time = sample.timestamp_ms.filter(|_| job.honor_timestamps);
        if own_time.is_some_and(|time| time > at_ms.saturating_add(MOST_AHEAD_MS)) {
            return self.reject(job, sample, Misplaced::TooFarAhead, appender);
        }
        let stamp = Stamp { is_own: own_time.is_some(), is_tracked: job.track_timestamps_staleness };
        let histogram = match sample.value {
            Value::Histogram(histogram) => Some(native::within(&job.limits, histogram)?),
            Value::Float(_) => None,
        };
        let taken = Sample {
            timestamp_ms: own_time.unwrap_or(at_ms),
            start_ms: sample.start_ms,
            value: histogram.as_deref().map_or(sample.value, Value::Histogram),
            exemplars: sample.exemplars,
        };
        if let Err(misplaced) = self.series.append(series, &taken, stamp, appender) {
            self.reject(job, sample, misplaced, appender)?;
        }
        Ok(())
    }

    /// Counts a sample that is not handed on, under the name that relabelling left its metric.
    fn reject(
        &mut self,
        job: &Job,
        sample: &exposition::Sample<'_>,
        misplaced: Misplaced,
        appender: &mut impl Appender,
    ) -> Result<(), String> {
        self.labels(job, sample)?;
        appender.reject(self.builder.get(METRIC_NAME).unwrap_or_default(), misplaced.reason());
        Ok(())
    }
}
