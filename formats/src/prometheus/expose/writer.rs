//! Writes an exposition: family by family, series by series.
//!
//! [`Writer`] says what can be written; `text` writes both text forms and OpenMetrics, `protobuf` the delimited
//! messages, on `numbers` and `names`.

mod names;
mod numbers;
mod protobuf;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashSet;

use names::Names;

use super::negotiate::Negotiated;
use crate::prometheus::escaping::Escaping;
use crate::prometheus::model::{Exemplar, MetricType, NativeHistogram};

/// What is known of a family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Family<'a> {
    /// The name as text 0.0.4 has it: with `_total`.
    pub name: &'a str,
    /// `# TYPE`.
    pub kind: MetricType,
    /// `# HELP`; empty is none.
    pub help: &'a str,
    /// `# UNIT`; empty is none. It is written where the name ends with it, as OpenMetrics demands.
    pub unit: &'a str,
}

impl Family<'_> {
    /// Whether the unit is the last word of the name, before a counter's `_total`: scrapers may refuse an exposition
    /// for one that is not.
    fn ends_in_unit(&self) -> bool {
        let name = match self.kind {
            MetricType::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            _ => self.name,
        };
        !self.unit.is_empty() && name.strip_suffix(self.unit).is_some_and(|rest| rest.ends_with('_'))
    }
}

/// What one series of a family says now.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// Labels in two parts, each a text of [`push_label`](super::label_text::push_label) or empty. They have no name in
    /// common.
    pub labels: [&'a str; 2],
    /// Milliseconds since the Unix epoch; `None` leaves it to the scraper.
    pub timestamp_ms: Option<i64>,
    /// When counting began, in milliseconds since the Unix epoch. Protobuf alone has it.
    pub start_ms: Option<i64>,
    /// The values.
    pub data: Data<'a>,
}

/// The values of a series.
#[derive(Debug, Clone, Copy)]
pub enum Data<'a> {
    /// Of a counter, a gauge or what is untyped. Exemplars stand on counters.
    Number {
        /// The value.
        value: f64,
        /// An example of what was counted.
        exemplar: Option<&'a Exemplar>,
    },
    /// Of a histogram with explicit bounds.
    Histogram {
        /// All observations.
        count: u64,
        /// Their sum.
        sum: Option<f64>,
        /// Ascending upper bounds, without +Inf.
        bounds: &'a [f64],
        /// Observations in each bucket, not added up; those above the last bound may be left out.
        counts: &'a [u64],
        /// Each stands on the first bucket that holds its value.
        exemplars: &'a [Exemplar],
    },
    /// Of a native histogram. Protobuf alone has it.
    Native {
        /// The histogram.
        histogram: &'a NativeHistogram,
        /// Those with a timestamp are written.
        exemplars: &'a [Exemplar],
    },
    /// Of a summary.
    Summary {
        /// All observations.
        count: u64,
        /// Their sum.
        sum: f64,
        /// Quantiles and the values there.
        quantiles: &'a [(f64, f64)],
    },
}

/// Writes an exposition into a buffer that can be taken away piece by piece.
///
/// Text is well-formed whatever the names and values are: what the form cannot say is left out.
#[derive(Debug)]
pub struct Writer {
    negotiated: Negotiated,
    names: Names,
    form: Form,
    out: Vec<u8>,
    /// The names under a scheme that can make two of them one.
    seen: Option<HashSet<Box<str>>>,
}

#[derive(Debug)]
enum Form {
    Text(text::Text),
    Protobuf(protobuf::Protobuf),
}

impl Writer {
    /// A writer of what was agreed on.
    #[must_use]
    pub fn new(negotiated: Negotiated) -> Self {
        use super::negotiate::Format;
        let form = match negotiated.format {
            Format::Text0_0_4 | Format::Text1_0_0 => {
                Form::Text(text::Text::new(numbers::Style::Prometheus, negotiated.escaping))
            }
            Format::OpenMetrics0_0_1 | Format::OpenMetrics1_0_0 => {
                Form::Text(text::Text::new(numbers::Style::OpenMetrics, negotiated.escaping))
            }
            Format::Protobuf => Form::Protobuf(protobuf::Protobuf::new(negotiated.escaping)),
        };
        let seen = (negotiated.escaping != Escaping::AllowUtf8).then(HashSet::new);
        Self { negotiated, names: Names::default(), form, out: Vec::new(), seen }
    }

    /// Begins a family, whose series follow. False if its name, escaped, is that of an earlier one: its series must
    /// then be left out.
    pub fn family(&mut self, family: Family<'_>) -> bool {
        let name = self.negotiated.escaping.metric_name(family.name);
        if let Some(seen) = &mut self.seen {
            if seen.contains(&*name) {
                return false;
            }
            seen.insert(name.as_ref().into());
        }
        match &mut self.form {
            Form::Text(text) => text.family(&mut self.names, Family { name: &name, ..family }),
            Form::Protobuf(protobuf) => protobuf.family(&mut self.out, Family { name: &name, ..family }),
        }
        true
    }

    /// Writes a series of the family. False if the form cannot say it: a native histogram in text.
    pub fn series(&mut self, point: Point<'_>) -> bool {
        let escaping = self.negotiated.escaping;
        if point.labels.iter().any(|text| super::label_text::needs_escaping(text, escaping)) {
            let labels = super::label_text::escaped(point.labels, escaping);
            return self.put(Point { labels: [&labels, ""], ..point });
        }
        self.put(point)
    }

    fn put(&mut self, point: Point<'_>) -> bool {
        match &mut self.form {
            Form::Text(text) => text.series(&mut self.out, &mut self.names, point),
            Form::Protobuf(protobuf) => {
                protobuf.series(&mut self.out, point);
                true
            }
        }
    }

    /// Ends the exposition: nothing may be written after this.
    pub fn finish(&mut self) {
        match &mut self.form {
            Form::Text(text) => text.finish(&mut self.out),
            Form::Protobuf(protobuf) => protobuf.flush(&mut self.out),
        }
    }

    /// Bytes that [`take`](Self::take) would give. Protobuf holds back up to 64 KiB of the family at hand.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether there is nothing to take.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Takes what was written since the last call.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        let capacity = self.out.capacity();
        std::mem::replace(&mut self.out, Vec::with_capacity(capacity))
    }
}
