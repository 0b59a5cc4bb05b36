//! Reading what is in a set.

use super::{Exemplar, Family, Histogram, Sample, Series, SeriesSet};
use crate::prometheus::{from_otlp::symbols::Symbol, model::Span};

/// One series.
#[derive(Debug, Clone, Copy)]
pub struct SeriesView<'s> {
    pub(super) set: &'s SeriesSet,
    pub(super) series: &'s Series,
}

impl<'s> SeriesView<'s> {
    /// Names and values, sorted by the bytes of the names, which are unique. No value is empty.
    #[must_use]
    pub fn labels(&self) -> &'s [(Symbol, Symbol)] {
        self.series.labels.of(&self.set.labels)
    }

    /// The labels as text.
    pub fn labels_text(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        let symbols = &self.set.symbols;
        self.labels().iter().map(|&(name, value)| (symbols.text(name), symbols.text(value)))
    }

    /// Its family.
    #[must_use]
    pub fn family(&self) -> Option<&'s Family> {
        self.set.families.get(self.series.family as usize)
    }

    /// A hash of what all series of one data point have in common. It is the same in every batch that is converted
    /// with one set.
    #[must_use]
    pub fn stream(&self) -> u64 {
        self.series.stream
    }

    /// The samples in the order of time. A series has samples or histograms, never both.
    pub fn samples(&self) -> impl Iterator<Item = &'s Sample> {
        self.series.samples.iter(&self.set.samples)
    }

    /// The native histograms in the order of time.
    pub fn histograms(&self) -> impl Iterator<Item = HistogramView<'s>> {
        let set = self.set;
        self.series.histograms.iter(&set.histograms).map(move |histogram| HistogramView { set, histogram })
    }

    /// The exemplars in the order of time.
    pub fn exemplars(&self) -> impl Iterator<Item = (&'s Exemplar, &'s [(Symbol, Symbol)])> {
        let set = self.set;
        let exemplars = self.series.exemplars.iter(&set.exemplars);
        exemplars.map(move |exemplar| (exemplar, exemplar.labels.of(&set.labels)))
    }
}

/// One native histogram.
#[derive(Debug, Clone, Copy)]
pub struct HistogramView<'s> {
    set: &'s SeriesSet,
    histogram: &'s Histogram,
}

impl<'s> HistogramView<'s> {
    /// Spans of the buckets of positive observations, or of all under custom bounds.
    #[must_use]
    pub fn positive_spans(&self) -> &'s [Span] {
        self.histogram.positive.spans.of(&self.set.spans)
    }

    /// Their counts, each as the difference to the one before.
    #[must_use]
    pub fn positive_deltas(&self) -> &'s [i64] {
        self.histogram.positive.deltas.of(&self.set.deltas)
    }

    /// Spans of the buckets of negative observations.
    #[must_use]
    pub fn negative_spans(&self) -> &'s [Span] {
        self.histogram.negative.spans.of(&self.set.spans)
    }

    /// Their counts, each as the difference to the one before.
    #[must_use]
    pub fn negative_deltas(&self) -> &'s [i64] {
        self.histogram.negative.deltas.of(&self.set.deltas)
    }

    /// Custom bounds, without +Inf.
    #[must_use]
    pub fn custom_values(&self) -> &'s [f64] {
        self.histogram.bounds.of(&self.set.bounds)
    }
}

impl std::ops::Deref for HistogramView<'_> {
    type Target = Histogram;

    fn deref(&self) -> &Histogram {
        self.histogram
    }
}
