//! Text 0.0.4 and 1.0.0, and OpenMetrics.

use super::{
    Data, Family, Point,
    names::{Bound, Names},
    numbers::{Style, put_count, put_seconds, put_value},
};
use crate::prometheus::{
    escaping::Escaping,
    expose::label_text::{each_exemplar_label, push_label},
    model::{Exemplar, MetricType},
};

/// What the text of the family at hand depends on.
#[derive(Debug)]
pub(super) struct Text {
    style: Style,
    escaping: Escaping,
    counts: bool,
    /// `# HELP` and so on; empty once it is written.
    head: String,
}

impl Text {
    pub(super) fn new(style: Style, escaping: Escaping) -> Self {
        Self { style, escaping, counts: false, head: String::new() }
    }

    fn open(&self) -> bool {
        self.style == Style::OpenMetrics
    }

    pub(super) fn family(&mut self, names: &mut Names, family: Family<'_>) {
        let kind = self.kind(&family);
        let (name, sample) = match kind {
            MetricType::Counter if self.open() => apart(family.name, "_total"),
            MetricType::Info if self.open() => apart(family.name, "_info"),
            _ => (family.name, family.name.to_owned()),
        };
        self.counts = kind == MetricType::Counter;
        let suffixes =
            matches!(kind, MetricType::Histogram | MetricType::GaugeHistogram | MetricType::Summary);
        names.set(name, &sample, suffixes);

        let open = self.open();
        let head = &mut self.head;
        head.clear();
        if !family.help.is_empty() {
            head.extend(["# HELP ", &names.family, " "]);
            push_help(head, family.help, open);
            head.push('\n');
        }
        let word = if open { kind.word() } else { word(kind) };
        head.extend(["# TYPE ", &names.family, " ", word, "\n"]);
        if open && family.ends_in_unit() && kind != MetricType::Info {
            head.extend(["# UNIT ", &names.family, " ", family.unit, "\n"]);
        }
    }

    /// The type that the samples of a family can have. OpenMetrics asks more of an info and a stateset than is known.
    fn kind(&self, family: &Family<'_>) -> MetricType {
        match family.kind {
            MetricType::Info if self.open() && family.name.ends_with("_info") => MetricType::Info,
            MetricType::Info | MetricType::StateSet => MetricType::Gauge,
            kind => kind,
        }
    }

    /// Whether it could be written.
    pub(super) fn series(&mut self, out: &mut Vec<u8>, names: &mut Names, point: Point<'_>) -> bool {
        if matches!(point.data, Data::Native { .. }) {
            return false;
        }
        out.extend_from_slice(self.head.as_bytes());
        self.head.clear();
        let labels = point.labels;
        let timestamp = point.timestamp_ms;
        match point.data {
            Data::Native { .. } => {}
            Data::Number { value, exemplar } => {
                names.plain.put(out, labels, None);
                put_value(out, value);
                self.end_line(out, timestamp, exemplar.filter(|_| self.counts));
            }
            Data::Histogram { count, sum, bounds, counts, exemplars } => {
                let mut exemplars = Placed::new(exemplars, bounds);
                let mut below: u64 = 0;
                for (index, (bound, in_bucket)) in bounds.iter().zip(counts).enumerate() {
                    below = below.saturating_add(*in_bucket).min(count);
                    names.bucket.put(out, labels, Some(self.bound("le", *bound)));
                    put_count(out, below);
                    self.end_line(out, timestamp, exemplars.of(index));
                }
                names.bucket.put(out, labels, Some(self.bound("le", f64::INFINITY)));
                put_count(out, count);
                self.end_line(out, timestamp, exemplars.of(bounds.len()));
                // OpenMetrics has no sum where values may be negative.
                let sum = sum.filter(|_| !self.open() || bounds.first().is_none_or(|bound| *bound >= 0.0));
                if let Some(sum) = sum {
                    names.sum.put(out, labels, None);
                    put_value(out, sum);
                    self.end_line(out, timestamp, None);
                }
                // .. and no count without a sum; the bucket of +Inf says as much.
                if sum.is_some() || !self.open() {
                    names.count.put(out, labels, None);
                    put_count(out, count);
                    self.end_line(out, timestamp, None);
                }
            }
            Data::Summary { count, sum, quantiles } => {
                for (quantile, value) in quantiles {
                    names.plain.put(out, labels, Some(self.bound("quantile", *quantile)));
                    put_value(out, *value);
                    self.end_line(out, timestamp, None);
                }
                names.sum.put(out, labels, None);
                put_value(out, sum);
                self.end_line(out, timestamp, None);
                names.count.put(out, labels, None);
                put_count(out, count);
                self.end_line(out, timestamp, None);
            }
        }
        true
    }

    fn bound<'a>(&self, name: &'a str, value: f64) -> Bound<'a> {
        Bound { name, value, style: self.style }
    }

    fn end_line(&self, out: &mut Vec<u8>, timestamp_ms: Option<i64>, exemplar: Option<&Exemplar>) {
        if let Some(ms) = timestamp_ms {
            out.push(b' ');
            if self.open() {
                put_seconds(out, ms);
            } else {
                out.extend_from_slice(itoa::Buffer::new().format(ms).as_bytes());
            }
        }
        if let Some(exemplar) = exemplar.filter(|_| self.open()) {
            let mut labels = String::new();
            each_exemplar_label(exemplar, self.escaping, |name, value| push_label(&mut labels, name, value));
            out.extend_from_slice(b" # {");
            out.extend_from_slice(labels.as_bytes());
            out.extend_from_slice(b"} ");
            put_value(out, exemplar.value);
            if let Some(ms) = exemplar.timestamp_ms {
                out.push(b' ');
                put_seconds(out, ms);
            }
        }
        out.push(b'\n');
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.open() {
            out.extend_from_slice(b"# EOF\n");
        }
    }
}

/// The exemplars of a histogram by bucket: the last one of each.
pub(super) struct Placed<'a>(Vec<(usize, &'a Exemplar)>);

impl<'a> Placed<'a> {
    pub(super) fn new(exemplars: &'a [Exemplar], bounds: &[f64]) -> Self {
        let place =
            |exemplar: &'a Exemplar| (bounds.partition_point(|bound| *bound < exemplar.value), exemplar);
        Self(exemplars.iter().map(place).collect())
    }

    pub(super) fn of(&mut self, bucket: usize) -> Option<&'a Exemplar> {
        self.0.iter().rev().find(|(place, _)| *place == bucket).map(|(_, exemplar)| *exemplar)
    }
}

/// The names of an OpenMetrics family and of its one sample, which ends in `suffix`.
fn apart<'n>(name: &'n str, suffix: &str) -> (&'n str, String) {
    match name.strip_suffix(suffix).filter(|family| !family.is_empty()) {
        Some(family) => (family, name.to_owned()),
        None => (name, format!("{name}{suffix}")),
    }
}

fn word(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Histogram => "histogram",
        MetricType::Summary => "summary",
        _ => "untyped",
    }
}

/// `\` and line feed are escaped, and `"` in OpenMetrics.
fn push_help(text: &mut String, help: &str, open: bool) {
    for c in help.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if open => text.push_str("\\\""),
            c => text.push(c),
        }
    }
}
