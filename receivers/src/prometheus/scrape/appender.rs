//! Where the samples of a scrape go.

use sluice_formats::prometheus::to_otlp::{Sample, Series, Transaction};

/// Takes the samples of one scrape.
pub(crate) trait Appender {
    /// Takes one sample of a series.
    fn append(&mut self, series: &Series, sample: &Sample<'_>);

    /// Counts a sample of this metric that is not handed on.
    fn reject(&mut self, metric: &str, reason: &'static str);

    /// Forgets what it took: the scrape failed.
    fn clear(&mut self);
}

impl Appender for Transaction {
    fn append(&mut self, series: &Series, sample: &Sample<'_>) {
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
