//! The lines of text 0.0.4 and of OpenMetrics 1.0.
//!
//! What is refused is what Prometheus refuses, and no more: that families are not interleaved, that buckets ascend and
//! counters are not negative is for whoever uses the samples.

use std::borrow::Cow;

use super::created::Created;
use super::cursor::{Cursor, unescape};
use super::series::{Series, SeriesText, each_label, skip_expected, skip_labels, skip_series};
use super::{Entry, ParseError, ParseOptions, Sample, exemplar_fits};
use crate::prometheus::labels::LabelsBuilder;
use crate::prometheus::model::{Exemplar, MetricType, Value};
use crate::prometheus::number::{parse_float, parse_seconds};

/// Reads either text format.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    open_metrics: bool,
    cursor: Cursor<'a>,
    /// Whether something that is not UTF-8 follows the text.
    is_cut: bool,
    /// Whether `# EOF` was there.
    is_complete: bool,
    /// The type of the family at hand.
    kind: MetricType,
    created: Option<Created>,
    exemplars: Vec<Exemplar>,
    builder: LabelsBuilder,
}

/// A line, without what its parser lends.
enum Line<'a> {
    Entry(Entry<'a>),
    Sample { series: SeriesText<'a>, value: f64, timestamp_ms: Option<i64>, start_ms: Option<i64> },
    Nothing,
}

impl<'a> Parser<'a> {
    pub(super) fn new(open_metrics: bool, body: &'a [u8], options: ParseOptions) -> Self {
        let (text, is_cut) = match std::str::from_utf8(body) {
            Ok(text) => (text, false),
            Err(error) => {
                let valid = body.get(..error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), true)
            }
        };
        Self {
            open_metrics,
            cursor: Cursor::new(text),
            is_cut,
            is_complete: false,
            kind: MetricType::Unknown,
            created: (open_metrics && options.created_as_start).then(Created::default),
            exemplars: Vec::new(),
            builder: LabelsBuilder::default(),
        }
    }

    /// `expected`: the series of which a sample is expected, or empty.
    pub(super) fn next(&mut self, expected: &[u8]) -> Result<Option<Entry<'_>>, ParseError> {
        loop {
            let start = self.cursor.at;
            if self.cursor.peek().is_none() {
                return if self.is_cut {
                    Err(self.error(start, ""))
                } else if self.open_metrics && !self.is_complete {
                    Err(self.error(start, "the text does not end with `# EOF`"))
                } else {
                    Ok(None)
                };
            }
            if self.is_complete {
                return Err(self.error(start, "there is something after `# EOF`"));
            }
            let line =
                if self.open_metrics { self.open_metrics_line(expected) } else { self.text_line(expected) };
            match line {
                Ok(Line::Nothing) => {}
                Ok(Line::Entry(entry)) => return Ok(Some(entry)),
                Ok(Line::Sample { series, value, timestamp_ms, start_ms }) => {
                    let value = Value::Float(value);
                    let exemplars = &self.exemplars;
                    let series = Series::Line(series);
                    let sample = Sample { series, value, timestamp_ms, start_ms, exemplars };
                    return Ok(Some(Entry::Sample(sample)));
                }
                Err(reason) => return Err(self.error(start, reason)),
            }
        }
    }

    /// The fault in the line that begins at `start`.
    #[cold]
    fn error(&self, start: usize, reason: &'static str) -> ParseError {
        let (before, rest) = self.cursor.text.split_at_checked(start).unwrap_or((self.cursor.text, ""));
        let is_last = !rest.contains('\n');
        let reason = if self.is_cut && is_last { "the text is not UTF-8" } else { reason };
        let number = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
        ParseError { unit: "line", number, reason }
    }

    fn text_line(&mut self, expected: &[u8]) -> Result<Line<'a>, &'static str> {
        let cursor = &mut self.cursor;
        cursor.skip_blanks();
        match cursor.peek() {
            None => return Ok(Line::Nothing),
            Some(b'\n') => {
                cursor.at += 1;
                return Ok(Line::Nothing);
            }
            Some(b'#') => return self.text_comment(),
            Some(_) => {}
        }
        let start = cursor.at;
        if !skip_expected(cursor, expected) {
            skip_series(cursor, true)?;
        }
        let series = SeriesText { text: cursor.since(start), kind: self.kind };
        cursor.skip_blanks();
        let value = float(cursor.word())?;
        cursor.skip_blanks();
        let mut timestamp_ms = None;
        if !matches!(cursor.peek(), None | Some(b'\n')) {
            let word = cursor.word();
            timestamp_ms =
                Some(word.parse().map_err(|_| "a timestamp is not a whole number of milliseconds")?);
            cursor.skip_blanks();
        }
        end_of_line(cursor)?;
        Ok(Line::Sample { series, value, timestamp_ms, start_ms: None })
    }

    /// `# HELP`, `# TYPE` or what is for people only.
    fn text_comment(&mut self) -> Result<Line<'a>, &'static str> {
        let cursor = &mut self.cursor;
        let mut comment = Cursor::new(cursor.line());
        comment.eat(b'#');
        let start = comment.at;
        comment.skip_blanks();
        if comment.at == start {
            return Ok(Line::Nothing);
        }
        let is_type = match comment.word() {
            "TYPE" => true,
            "HELP" => false,
            _ => return Ok(Line::Nothing),
        };
        if comment.peek().is_none() {
            return Ok(Line::Nothing);
        }
        comment.skip_blanks();
        let family = family(&mut comment)?;
        if !matches!(comment.peek(), None | Some(b' ' | b'\t')) {
            return Err("expected a blank after the name of a metric");
        }
        comment.skip_blanks();
        if !is_type {
            return Ok(Line::Entry(Entry::Help { family, help: unescape(comment.rest()) }));
        }
        let kind = match comment.rest().trim_end_matches([' ', '\t']) {
            "counter" => MetricType::Counter,
            "gauge" => MetricType::Gauge,
            "histogram" => MetricType::Histogram,
            "summary" => MetricType::Summary,
            "untyped" => MetricType::Unknown,
            _ => return Err("a type is none of counter, gauge, histogram, summary and untyped"),
        };
        self.kind = kind;
        Ok(Line::Entry(Entry::Type { family, kind }))
    }

    fn open_metrics_line(&mut self, expected: &[u8]) -> Result<Line<'a>, &'static str> {
        self.exemplars.clear();
        if self.cursor.eat(b'#') {
            return self.open_metrics_comment();
        }
        let start = self.cursor.at;
        if let Some(created) = &mut self.created {
            created.read_ahead(self.cursor.rest());
        }
        let cursor = &mut self.cursor;
        if !skip_expected(cursor, expected) {
            skip_series(cursor, false)?;
        }
        let text = cursor.since(start);
        let value = word_after_space(cursor).ok_or("expected a space and a value").and_then(float)?;
        let mut timestamp_ms = None;
        if !cursor.rest().starts_with(" # ")
            && let Some(word) = word_after_space(cursor)
        {
            timestamp_ms = Some(parse_seconds(word).ok_or("a timestamp is not a number of seconds")?);
        }
        if cursor.eat_text(" # {") {
            self.exemplars.extend(exemplar(cursor, &mut self.builder)?);
        }
        end_of_line(cursor)?;
        let (is_created, start_ms) = self.created.as_ref().map_or((false, None), |created| created.of(text));
        if is_created {
            return Ok(Line::Nothing);
        }
        let series = SeriesText { text, kind: self.kind };
        Ok(Line::Sample { series, value, timestamp_ms, start_ms })
    }

    /// `# HELP`, `# TYPE`, `# UNIT` or `# EOF`.
    fn open_metrics_comment(&mut self) -> Result<Line<'a>, &'static str> {
        let mut comment = Cursor::new(self.cursor.line());
        if !comment.eat(b' ') {
            return Err("expected a space after `#`");
        }
        let word = comment.word();
        if word == "EOF" && comment.peek().is_none() {
            self.is_complete = true;
            return Ok(Line::Nothing);
        }
        if !matches!(word, "HELP" | "TYPE" | "UNIT") {
            return Err("expected HELP, TYPE, UNIT or EOF after `# `");
        }
        if !comment.eat(b' ') {
            return Err("expected a space before the name of a metric");
        }
        let family = family(&mut comment)?;
        if !comment.eat(b' ') {
            return Err("expected a space and a text after the name of a metric");
        }
        let text = comment.rest();
        Ok(Line::Entry(match word {
            "HELP" => Entry::Help { family, help: unescape(text) },
            "UNIT" if is_suffix(text, &family) => Entry::Unit { family, unit: Cow::Borrowed(text) },
            "UNIT" => return Err("a unit is not the end of the metric's name"),
            _ => {
                let kind = MetricType::from_word(text).ok_or("a type is none of OpenMetrics")?;
                self.kind = kind;
                if let Some(created) = &mut self.created {
                    created.begin(&family, kind);
                }
                Entry::Type { family, kind }
            }
        }))
    }
}

fn float(word: &str) -> Result<f64, &'static str> {
    match word {
        "" => Err("expected a value"),
        _ => parse_float(word).ok_or("a value is not a number"),
    }
}

/// What follows a single space, if anything does.
fn word_after_space<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let start = cursor.at;
    if cursor.eat(b' ') {
        let word = cursor.word();
        if !word.is_empty() {
            return Some(word);
        }
    }
    cursor.at = start;
    None
}

fn end_of_line(cursor: &mut Cursor<'_>) -> Result<(), &'static str> {
    if cursor.eat(b'\n') || cursor.peek().is_none() { Ok(()) } else { Err("expected the end of the line") }
}

/// The name in a comment, quoted if it is not a classic one.
fn family<'a>(comment: &mut Cursor<'a>) -> Result<Cow<'a, str>, &'static str> {
    let name = match comment.quoted() {
        Some(name) => unescape(name),
        None => Cow::Borrowed(comment.metric_name().unwrap_or_default()),
    };
    if name.is_empty() { Err("expected the name of a metric") } else { Ok(name) }
}

/// Whether the unit ends the name, after an underscore. There may be none.
fn is_suffix(unit: &str, family: &str) -> bool {
    unit.is_empty() || family.strip_suffix(unit).is_some_and(|before| before.ends_with('_'))
}

/// What follows ` # {`. `None` if it is too long to be kept.
fn exemplar(cursor: &mut Cursor<'_>, builder: &mut LabelsBuilder) -> Result<Option<Exemplar>, &'static str> {
    let brace = cursor.at - 1;
    skip_labels(cursor, false, None)?;
    let labels = cursor.since(brace);
    let value =
        word_after_space(cursor).ok_or("expected a space and a value after an exemplar").and_then(float)?;
    let timestamp_ms = match word_after_space(cursor) {
        Some(word) => {
            Some(parse_seconds(word).ok_or("the timestamp of an exemplar is not a number of seconds")?)
        }
        None => None,
    };
    builder.clear();
    each_label(labels, |name, value| builder.push(name, value));
    if !exemplar_fits(builder) {
        return Ok(None);
    }
    if builder.duplicate().is_some() {
        return Err("an exemplar has a label twice");
    }
    Ok(Some(Exemplar { labels: builder.build(), value, timestamp_ms }))
}
