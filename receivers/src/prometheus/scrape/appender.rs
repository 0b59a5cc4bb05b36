//! Where the samples of a scrape go.

use sluice_formats::prometheus::{
    labels::Labels,
    to_otlp::{Sample, Series, Transaction},
};

/// Takes the samples of one scrape.
pub(crate) trait Appender {
    /// Takes one sample of the series that has these labels.
    fn append(&mut self, labels: &Labels, series: &Series, sample: &Sample<'_>);

    /// Counts a sample of this metric that is not handed on.
    fn reject(&mut self, metric: &str, reason: &'static str);

    /// Forgets what it took: the scrape failed.
    fn clear(&mut self);
}

impl Appender for Transaction {
    fn append(&mut self, _: &Labels, series: &Series, sample: &Sample<'_>) {
        // What has no form in OTLP is counted there, by metric and reason.
        self.push(series, sample).unwrap_or_default();
    }

    fn reject(&mut self, metric: &str, reason: &'static str) {
        Self::reject(self, metric, reason, 1);
    }

    fn clear(&mut self) {
        Self::clear(self);
    }
}
