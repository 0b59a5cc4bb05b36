//! What stands before a value: a metric's name and its labels.

use std::borrow::Cow;

use super::cursor::{Cursor, unescape};
use super::protobuf::SeriesMessage;
use crate::prometheus::labels::{LabelsBuilder, METRIC_NAME};
use crate::prometheus::model::MetricType;
use crate::prometheus::number::{open_metrics_float, parse_float};

/// A series as its format names it, checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Series<'p> {
    Line(SeriesText<'p>),
    Message(SeriesMessage<'p>),
}

impl<'p> Series<'p> {
    pub(super) fn key(&self) -> &'p [u8] {
        match self {
            Self::Line(series) => series.text.as_bytes(),
            Self::Message(series) => series.key,
        }
    }

    pub(super) fn read_labels(&self, labels: &mut LabelsBuilder) {
        match self {
            Self::Line(series) => series.read_labels(labels),
            Self::Message(series) => series.read_labels(labels),
        }
    }

    pub(super) fn each_label(&self, visit: impl FnMut(&str, &str)) {
        match self {
            Self::Line(series) => each_label(series.text, visit),
            Self::Message(series) => series.each_label(visit),
        }
    }
}

/// A series as a line names it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SeriesText<'p> {
    /// `name`, `name{label="value"}` or `{"name",label="value"}`.
    pub(super) text: &'p str,
    /// The type of its family.
    pub(super) kind: MetricType,
}

impl SeriesText<'_> {
    fn read_labels(&self, labels: &mut LabelsBuilder) {
        each_label(self.text, |name, value| match name {
            "le" if self.kind == MetricType::Histogram => push_float(labels, name, value),
            "quantile" if self.kind == MetricType::Summary => push_float(labels, name, value),
            _ => labels.push(name, value),
        });
    }
}

fn push_float(labels: &mut LabelsBuilder, name: &str, value: &str) {
    match parse_float(value) {
        Some(float) => labels.push(name, &open_metrics_float(float)),
        None => labels.push(name, value),
    }
}

/// Skips the name and the labels of a sample. `blanks` says whether spaces and tabs may stand between them.
pub(super) fn skip_series(cursor: &mut Cursor<'_>, blanks: bool) -> Result<(), &'static str> {
    let has_name = cursor.metric_name().is_some();
    let end_of_name = cursor.at;
    if has_name && blanks {
        cursor.skip_blanks();
    }
    if cursor.eat(b'{') {
        return skip_labels(cursor, blanks, Some(has_name));
    }
    cursor.at = end_of_name;
    if has_name { Ok(()) } else { Err("expected the name of a metric or a comment") }
}

/// Skips the bytes of a series that was read before, if they are what stands here. Only one with labels: a name alone
/// may be the beginning of more.
pub(super) fn skip_expected(cursor: &mut Cursor<'_>, series: &[u8]) -> bool {
    let rest = cursor.text.as_bytes().get(cursor.at..).unwrap_or_default();
    let is_there = series.ends_with(b"}")
        && rest.strip_prefix(series).is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'\t')));
    if is_there {
        cursor.at += series.len();
    }
    is_there
}

/// Skips labels and the brace that closes them. `metric` says whether the metric was named already; it is `None` for an
/// exemplar, which has no name.
pub(super) fn skip_labels(
    cursor: &mut Cursor<'_>,
    blanks: bool,
    metric: Option<bool>,
) -> Result<(), &'static str> {
    let mut metric = metric;
    let skip_blanks = |cursor: &mut Cursor<'_>| {
        if blanks {
            cursor.skip_blanks();
        }
    };
    loop {
        skip_blanks(cursor);
        if cursor.eat(b'}') {
            let is_named = metric.unwrap_or(true);
            return if is_named { Ok(()) } else { Err("the metric has no name") };
        }
        let is_quoted = cursor.peek() == Some(b'"');
        let name = if is_quoted { cursor.quoted() } else { cursor.label_name() };
        match name {
            None => return Err("expected the name of a label"),
            Some("") => return Err("the name of a label is empty"),
            Some(_) => {}
        }
        skip_blanks(cursor);
        if cursor.eat(b'=') {
            skip_blanks(cursor);
            let value = cursor.quoted().ok_or("expected the value of a label in double quotes")?;
            if !blanks && value.contains('\n') {
                return Err("a line ends within the value of a label");
            }
        } else {
            match (is_quoted, metric) {
                (true, Some(false)) => metric = Some(true),
                (true, Some(true)) => return Err("the metric has two names"),
                _ => return Err("expected `=` after the name of a label"),
            }
        }
        skip_blanks(cursor);
        if !cursor.eat(b',') && cursor.peek() != Some(b'}') {
            return Err("expected `,` or `}` after a label");
        }
    }
}

/// Visits the labels of a series that [`skip_series`] or [`skip_labels`] went over, the metric's name among them.
pub(super) fn each_label(text: &str, mut visit: impl FnMut(&str, &str)) {
    let mut cursor = Cursor::new(text);
    if let Some(name) = cursor.metric_name() {
        visit(METRIC_NAME, name);
    }
    cursor.skip_blanks();
    cursor.eat(b'{');
    loop {
        cursor.skip_blanks();
        let name = match cursor.quoted() {
            Some(name) => unescape(name),
            None => match cursor.label_name() {
                Some(name) => Cow::Borrowed(name),
                None => return,
            },
        };
        cursor.skip_blanks();
        if cursor.eat(b'=') {
            cursor.skip_blanks();
            visit(&name, &unescape(cursor.quoted().unwrap_or_default()));
        } else {
            visit(METRIC_NAME, &name);
        }
        cursor.skip_blanks();
        cursor.eat(b',');
    }
}
