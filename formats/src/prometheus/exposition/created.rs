//! `_created` lines of OpenMetrics: when the samples around them began to count.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use memchr::memmem;

use super::cursor::Cursor;
use super::series::{each_label, skip_series};
use crate::prometheus::labels::METRIC_NAME;
use crate::prometheus::model::MetricType;
use crate::prometheus::number::parse_seconds;

const SUFFIX: &str = "_created";

/// The start times of one family.
#[derive(Debug, Default)]
pub(super) struct Created {
    /// The family's name with the suffix.
    name: String,
    /// Milliseconds by the labels of the samples.
    starts: HashMap<u64, i64>,
    is_read: bool,
}

impl Created {
    /// Another family begins.
    pub(super) fn begin(&mut self, family: &str, kind: MetricType) {
        self.starts.clear();
        self.name.clear();
        self.name.push_str(family);
        self.name.push_str(SUFFIX);
        self.is_read = !matches!(kind, MetricType::Counter | MetricType::Histogram | MetricType::Summary);
    }

    /// Reads the lines of the family if that was not done yet; `rest` begins with its first sample. They stand behind
    /// the samples they are about.
    pub(super) fn read_ahead(&mut self, rest: &str) {
        if std::mem::replace(&mut self.is_read, true) {
            return;
        }
        let end = memmem::find(rest.as_bytes(), b"\n#").unwrap_or(rest.len());
        for line in rest.get(..end).unwrap_or_default().lines() {
            if line.contains(SUFFIX)
                && let Some((labels, start_ms)) = self.read_line(line)
            {
                self.starts.insert(labels, start_ms);
            }
        }
    }

    fn read_line(&self, line: &str) -> Option<(u64, i64)> {
        let mut cursor = Cursor::new(line);
        skip_series(&mut cursor, false).ok()?;
        let (is_created, labels) = self.labels(cursor.since(0));
        (is_created && cursor.eat(b' ')).then_some(())?;
        Some((labels, parse_seconds(cursor.word())?))
    }

    /// Whether the sample of this series is nothing but a start time, and otherwise the one that it has.
    pub(super) fn of(&self, series: &str) -> (bool, Option<i64>) {
        if self.starts.is_empty() {
            return (false, None);
        }
        let (is_created, labels) = self.labels(series);
        (is_created, self.starts.get(&labels).copied())
    }

    /// Whether the name is the one of the start times, and what tells the labels apart in whatever order they are.
    fn labels(&self, series: &str) -> (bool, u64) {
        let mut is_created = false;
        let mut sum = 0_u64;
        each_label(series, |name, value| match name {
            METRIC_NAME => is_created = value == self.name,
            "le" | "quantile" => {}
            _ => {
                let mut hasher = DefaultHasher::new();
                (name, value).hash(&mut hasher);
                sum = sum.wrapping_add(hasher.finish());
            }
        });
        (is_created, sum)
    }
}
