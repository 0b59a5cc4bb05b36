//! What a target answers to a scrape: text 0.0.4, OpenMetrics 1.0 and delimited protobuf.
//!
//! [`Format::from_content_type`] says what a body is, [`Parser`] reads it: one [`Entry`] after the other, borrowed from
//! the body. A fault ends the reading and names line and reason; what was read before it is for the caller to forget, as
//! one bad line fails a scrape.
//!
//! - `format`: content types and the words of negotiation
//! - `text`: lines of text 0.0.4 and OpenMetrics, on `cursor`; `series`: the labels of a line; `created`: its start
//! - `protobuf`: `io.prometheus.client.MetricFamily` messages
mod created;
mod cursor;
mod format;
mod protobuf;
mod series;
mod text;

use std::borrow::Cow;

pub use format::{Format, ScrapeProtocol, accept};

use super::labels::LabelsBuilder;
use super::model::{Exemplar, MetricType, Value};
use series::Series;

/// One thing that an exposition says. What is unescaped is owned, the rest borrowed.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'p> {
    /// `# TYPE`: holds for the samples of this family that follow.
    Type {
        /// The family's name.
        family: Cow<'p, str>,
        /// Its type.
        kind: MetricType,
    },
    /// `# HELP`.
    Help {
        /// The family's name.
        family: Cow<'p, str>,
        /// Text for people, unescaped.
        help: Cow<'p, str>,
    },
    /// `# UNIT`.
    Unit {
        /// The family's name.
        family: Cow<'p, str>,
        /// Prometheus's word, such as `seconds`.
        unit: Cow<'p, str>,
    },
    /// A sample.
    Sample(Sample<'p>),
}

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'p> {
    series: Series<'p>,
    /// What it says. No NaN but the normal one comes from outside.
    pub value: Value<'p>,
    /// The target's own timestamp, in milliseconds since the Unix epoch.
    pub timestamp_ms: Option<i64>,
    /// When the series began to count, in milliseconds since the Unix epoch.
    pub start_ms: Option<i64>,
    /// Examples of what was counted; those of more than 128 characters are left out.
    pub exemplars: &'p [Exemplar],
}

impl<'p> Sample<'p> {
    /// Bytes that stand for the series within one format of one target: the same bytes mean the same labels. Different
    /// bytes can, too. Meant as a key of a cache, so that labels are read once per series and not once per scrape.
    #[must_use]
    pub fn series(&self) -> &'p [u8] {
        self.series.key()
    }

    /// Reads the labels, `__name__` among them, in place of those in `labels`. Values of `le` and `quantile` of
    /// histograms and summaries are in the form of [`open_metrics_float`](super::number::open_metrics_float), whatever
    /// the target wrote.
    ///
    /// # Errors
    /// The name of a label that is there twice: such a body is refused as a whole.
    pub fn labels(&self, labels: &mut LabelsBuilder) -> Result<(), DuplicateLabel> {
        labels.clear();
        self.series.read_labels(labels);
        match labels.duplicate() {
            Some(name) => Err(DuplicateLabel { name: name.into() }),
            None => Ok(()),
        }
    }

    /// Visits the names of labels that the target wrote with an empty value. They are not among the
    /// [`labels`](Self::labels); under `honor_labels` they still keep the target's own label away.
    pub fn each_empty_label(&self, mut visit: impl FnMut(&str)) {
        self.series.each_label(|name, value| {
            if value.is_empty() && !name.is_empty() {
                visit(name);
            }
        });
    }
}

/// A label that a sample has twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("label `{name}` is there twice")]
pub struct DuplicateLabel {
    /// Its name.
    pub name: String,
}

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{unit} {number}: {reason}")]
pub struct ParseError {
    /// What is counted: `line`, or `metric family` in protobuf.
    pub unit: &'static str,
    /// Which one, from 1.
    pub number: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

/// What of an exposition is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseOptions {
    /// `_created` lines of OpenMetrics become the start of the samples they belong to, and are no samples.
    pub created_as_start: bool,
    /// Native histograms are read. Without, the classic form is.
    pub native_histograms: bool,
    /// The classic form is also read where there is a native one.
    pub always_classic: bool,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self { created_as_start: true, native_histograms: false, always_classic: false }
    }
}

/// Reads an exposition, entry by entry.
#[derive(Debug)]
pub struct Parser<'a> {
    form: Form<'a>,
}

#[derive(Debug)]
enum Form<'a> {
    Text(text::Parser<'a>),
    Protobuf(Box<protobuf::Parser<'a>>),
}

impl<'a> Parser<'a> {
    /// Begins to read `body`. Memory beyond the body: the labels, the exemplars and the native histogram of one sample,
    /// and the start times of one family.
    #[must_use]
    pub fn new(format: Format, body: &'a [u8], options: ParseOptions) -> Self {
        let form = match format {
            Format::Protobuf => Form::Protobuf(Box::new(protobuf::Parser::new(body, options))),
            _ => Form::Text(text::Parser::new(format == Format::OpenMetrics, body, options)),
        };
        Self { form }
    }

    /// The next entry, `None` at the end of the body.
    ///
    /// # Errors
    /// At the first thing that is not of the format. Nothing can be read after it.
    #[expect(clippy::should_implement_trait, reason = "it lends what it returns")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, ParseError> {
        self.next_like(&[])
    }

    /// The next entry, where a sample of the series that these [bytes](Sample::series) stand for is expected. If it is
    /// that one, its labels are not read again, which is most of the work.
    ///
    /// # Errors
    /// As of [`next`](Self::next).
    pub fn next_like(&mut self, series: &[u8]) -> Result<Option<Entry<'_>>, ParseError> {
        match &mut self.form {
            Form::Text(parser) => parser.next(series),
            Form::Protobuf(parser) => parser.next(),
        }
    }
}

/// Most characters in the labels of an exemplar, names and values together.
const MAX_EXEMPLAR_CHARS: usize = 128;

fn exemplar_fits(labels: &LabelsBuilder) -> bool {
    let chars = labels.iter().map(|(name, value)| name.chars().count() + value.chars().count());
    chars.sum::<usize>() <= MAX_EXEMPLAR_CHARS
}

#[cfg(test)]
mod tests;
