//! Delimited protobuf: `io.prometheus.client.MetricFamily` messages, each after its length.
//!
//! A metric's message becomes the samples that its text would be: `_count`, `_sum`, `_bucket` and quantiles, one after
//! the other without a list of them. A native histogram is one sample. `message` reads what is inside of metrics.

mod message;

use std::borrow::Cow;

use sluice_pdata::wire::{Reader, Value as Wire};

use super::series::Series;
use super::{Entry, ParseError, ParseOptions, Sample};
use crate::prometheus::labels::{LabelsBuilder, METRIC_NAME};
use crate::prometheus::model::{Exemplar, MetricType, NativeHistogram, ResetHint, Value};
use crate::prometheus::number::open_metrics_float;
use crate::prometheus::wire::{text, what};
use message::{Totals, each_pair};

/// What is in no text.
const SEPARATOR: u8 = 0xFF;

/// A series of a metric message, checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SeriesMessage<'p> {
    /// Name, separator, `le` or `quantile`, separator, the fields that are labels.
    pub(super) key: &'p [u8],
    /// `le` or `quantile`.
    bound: &'static str,
}

impl SeriesMessage<'_> {
    pub(super) fn read_labels(&self, labels: &mut LabelsBuilder) {
        self.each_label(|name, value| labels.push(name, value));
    }

    pub(super) fn each_label(&self, mut visit: impl FnMut(&str, &str)) {
        let mut parts = self.key.splitn(3, |byte| *byte == SEPARATOR);
        let mut next = || parts.next().unwrap_or_default();
        let name = std::str::from_utf8(next()).unwrap_or_default();
        visit(METRIC_NAME, name);
        let value = std::str::from_utf8(next()).unwrap_or_default();
        visit(self.bound, value);
        let mut fields = Reader::new(next());
        while let Ok(Some(field)) = fields.field() {
            if let Some(pair) = field.len_value() {
                // Checked when the metric was read.
                each_pair(pair, &mut visit).unwrap_or_default();
            }
        }
    }
}

/// Reads families, their metrics and their samples one after the other.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    options: ParseOptions,
    body: Reader<'a>,
    /// How many families were begun.
    families: usize,
    family: Family<'a>,
    metric: Metric<'a>,
    /// The label fields of the metric at hand.
    labels: Vec<u8>,
    key: Vec<u8>,
    exemplars: Vec<Exemplar>,
    histogram: NativeHistogram,
    builder: LabelsBuilder,
}

/// The family at hand.
#[derive(Debug)]
struct Family<'a> {
    name: &'a str,
    help: Option<&'a str>,
    unit: Option<&'a str>,
    kind: MetricType,
    says_type: bool,
    /// Fields that were not looked at for metrics yet.
    rest: Reader<'a>,
}

/// The metric at hand.
#[derive(Debug)]
struct Metric<'a> {
    stage: Stage<'a>,
    timestamp_ms: Option<i64>,
    totals: Totals<'a>,
}

/// What comes next of a metric.
#[derive(Debug, Clone, Copy)]
enum Stage<'a> {
    Number,
    Native,
    Count,
    Sum,
    /// Buckets or quantiles, and whether there was one without a bound.
    Parts(Reader<'a>, bool),
    Done,
}

/// A step of reading, without what the parser lends.
enum Step<'a> {
    Entry(Entry<'a>),
    Sample { suffix: &'static str, bound: Option<f64>, value: Number },
    Nothing,
    End,
}

enum Number {
    Float(f64),
    /// The parser's.
    Histogram,
}

impl<'a> Parser<'a> {
    pub(super) fn new(body: &'a [u8], options: ParseOptions) -> Self {
        let nothing = Reader::new(&[]);
        let kind = MetricType::Unknown;
        Self {
            options,
            body: Reader::new(body),
            families: 0,
            family: Family { name: "", help: None, unit: None, kind, says_type: false, rest: nothing },
            metric: Metric { stage: Stage::Done, timestamp_ms: None, totals: Totals::default() },
            labels: Vec::new(),
            key: Vec::new(),
            exemplars: Vec::new(),
            histogram: NativeHistogram::default(),
            builder: LabelsBuilder::default(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry<'_>>, ParseError> {
        loop {
            let step = self.step();
            let error = |reason| ParseError { unit: "metric family", number: self.families, reason };
            match step.map_err(error)? {
                Step::Nothing => {}
                Step::End => return Ok(None),
                Step::Entry(entry) => return Ok(Some(entry)),
                Step::Sample { suffix, bound, value } => return Ok(Some(self.sample(suffix, bound, &value))),
            }
        }
    }

    fn sample(&mut self, suffix: &'static str, bound: Option<f64>, value: &Number) -> Entry<'_> {
        self.key.clear();
        self.key.extend_from_slice(self.family.name.as_bytes());
        self.key.extend_from_slice(suffix.as_bytes());
        self.key.push(SEPARATOR);
        if let Some(bound) = bound {
            self.key.extend_from_slice(open_metrics_float(bound).as_bytes());
        }
        self.key.push(SEPARATOR);
        self.key.extend_from_slice(&self.labels);
        let bound = if self.family.kind == MetricType::Summary { "quantile" } else { "le" };
        Entry::Sample(Sample {
            series: Series::Message(SeriesMessage { key: &self.key, bound }),
            value: match value {
                Number::Float(value) => Value::Float(*value),
                Number::Histogram => Value::Histogram(&self.histogram),
            },
            timestamp_ms: self.metric.timestamp_ms,
            start_ms: self.metric.totals.start_ms,
            exemplars: &self.exemplars,
        })
    }

    fn step(&mut self) -> Result<Step<'a>, &'static str> {
        if let Some(entry) = self.family.header() {
            return Ok(Step::Entry(entry));
        }
        if !matches!(self.metric.stage, Stage::Done) {
            return self.metric_step();
        }
        while let Some(field) = self.family.rest.field().map_err(what)? {
            if let (4, Wire::Len(message)) = (field.number, field.value) {
                self.begin_metric(message)?;
                return Ok(Step::Nothing);
            }
        }
        if self.body.is_empty() {
            return Ok(Step::End);
        }
        self.families += 1;
        let message = self.body.bytes().map_err(what)?;
        self.family = Family::read(message)?;
        Ok(Step::Nothing)
    }

    fn begin_metric(&mut self, message: &'a [u8]) -> Result<(), &'static str> {
        self.labels.clear();
        self.metric.timestamp_ms = None;
        let wanted = match self.family.kind {
            MetricType::Gauge => 2,
            MetricType::Counter => 3,
            MetricType::Summary => 4,
            MetricType::Histogram | MetricType::GaugeHistogram => 7,
            _ => 5,
        };
        let mut value = None;
        let mut fields = Reader::new(message);
        while let Some(field) = fields.field().map_err(what)? {
            match (field.number, field.value) {
                (1, Wire::Len(pair)) => {
                    let mut has_name = false;
                    each_pair(pair, |name, _| has_name = !name.is_empty())?;
                    if !has_name {
                        return Err("the name of a label is empty");
                    }
                    self.labels.extend_from_slice(field.raw);
                }
                (6, Wire::Varint(millis)) => {
                    self.metric.timestamp_ms = Some(millis.cast_signed()).filter(|millis| *millis != 0);
                }
                (number, Wire::Len(message)) if number == wanted => value = Some(message),
                _ => {}
            }
        }
        let value = value.ok_or("a metric has no value of its family's type")?;
        self.metric.totals = Totals::read(value, self.family.kind)?;
        let has_native = self.options.native_histograms && self.metric.totals.is_native;
        self.metric.stage = match self.family.kind {
            MetricType::Histogram | MetricType::GaugeHistogram if has_native => Stage::Native,
            MetricType::Histogram | MetricType::GaugeHistogram | MetricType::Summary => Stage::Count,
            _ => Stage::Number,
        };
        Ok(())
    }

    /// The next sample of the metric at hand.
    fn metric_step(&mut self) -> Result<Step<'a>, &'static str> {
        self.exemplars.clear();
        let Totals { message, count, sum, is_classic, .. } = self.metric.totals;
        let (before, after) = match self.family.kind {
            MetricType::GaugeHistogram => ("_gcount", "_gsum"),
            _ => ("_count", "_sum"),
        };
        let sample = |suffix, value| Step::Sample { suffix, bound: None, value: Number::Float(value) };
        let (next, step) = match self.metric.stage {
            Stage::Number => {
                message::read_exemplars(message, 2, &mut self.exemplars, &mut self.builder)?;
                (Stage::Done, sample("", sum))
            }
            Stage::Native => {
                message::read_native(message, &mut self.histogram)?;
                if self.family.kind == MetricType::GaugeHistogram {
                    self.histogram.reset_hint = ResetHint::Gauge;
                }
                message::read_native_exemplars(message, &mut self.exemplars, &mut self.builder)?;
                let next = if self.options.always_classic && is_classic { Stage::Count } else { Stage::Done };
                (next, Step::Sample { suffix: "", bound: None, value: Number::Histogram })
            }
            Stage::Count => (Stage::Sum, sample(before, count)),
            Stage::Sum => (Stage::Parts(Reader::new(message), false), sample(after, sum)),
            Stage::Parts(rest, is_whole) => self.part_step(rest, is_whole, count)?,
            Stage::Done => (Stage::Done, Step::Nothing),
        };
        self.metric.stage = next;
        Ok(step)
    }

    /// The next bucket or quantile; at the end the bucket without a bound, if it was not there.
    fn part_step(
        &mut self,
        mut rest: Reader<'a>,
        is_whole: bool,
        count: f64,
    ) -> Result<(Stage<'a>, Step<'a>), &'static str> {
        let is_summary = self.family.kind == MetricType::Summary;
        while let Some(field) = rest.field().map_err(what)? {
            if let (3, Wire::Len(message)) = (field.number, field.value) {
                let (bound, value) = message::read_part(message, is_summary)?;
                if !is_summary {
                    message::read_exemplars(message, 3, &mut self.exemplars, &mut self.builder)?;
                }
                let suffix = if is_summary { "" } else { "_bucket" };
                let step = Step::Sample { suffix, bound: Some(bound), value: Number::Float(value) };
                return Ok((Stage::Parts(rest, is_whole || bound == f64::INFINITY), step));
            }
        }
        if is_summary || is_whole {
            return Ok((Stage::Done, Step::Nothing));
        }
        let value = Number::Float(count);
        Ok((Stage::Done, Step::Sample { suffix: "_bucket", bound: Some(f64::INFINITY), value }))
    }
}

impl<'a> Family<'a> {
    /// Reads what is said of the family; its metrics are read later.
    fn read(message: &'a [u8]) -> Result<Self, &'static str> {
        let mut family = Self {
            name: "",
            help: None,
            unit: None,
            // The number 0, which is not written.
            kind: MetricType::Counter,
            says_type: true,
            rest: Reader::new(message),
        };
        let mut fields = Reader::new(message);
        while let Some(field) = fields.field().map_err(what)? {
            match (field.number, field.value) {
                (1, Wire::Len(bytes)) => family.name = text(bytes)?,
                (2, Wire::Len(bytes)) => family.help = Some(text(bytes)?),
                (5, Wire::Len(bytes)) => family.unit = Some(text(bytes)?).filter(|unit| !unit.is_empty()),
                (3, Wire::Varint(kind)) => {
                    family.kind = match kind {
                        0 => MetricType::Counter,
                        1 => MetricType::Gauge,
                        2 => MetricType::Summary,
                        3 => MetricType::Unknown,
                        4 => MetricType::Histogram,
                        5 => MetricType::GaugeHistogram,
                        _ => return Err("a type is none of Prometheus"),
                    }
                }
                _ => {}
            }
        }
        if family.name.is_empty() { Err("a metric family has no name") } else { Ok(family) }
    }

    /// What of the family was not told yet.
    fn header(&mut self) -> Option<Entry<'a>> {
        let family = Cow::Borrowed(self.name);
        if std::mem::take(&mut self.says_type) {
            return Some(Entry::Type { family, kind: self.kind });
        }
        if let Some(help) = self.help.take() {
            return Some(Entry::Help { family, help: Cow::Borrowed(help) });
        }
        let unit = self.unit.take()?;
        Some(Entry::Unit { family, unit: Cow::Borrowed(unit) })
    }
}
