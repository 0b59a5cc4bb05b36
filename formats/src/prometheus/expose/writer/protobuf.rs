//! Length-delimited `io.prometheus.client.MetricFamily` messages.
//!
//! A message begins with its length, so it has to be complete before its first byte is sent. A family of many series
//! is therefore written as several messages of the same family; see decision 0060.

use sluice_pdata::wire::Write;

use super::{Data, Family, Point, text::Placed};
use crate::prometheus::{
    escaping::Escaping,
    expose::label_text::{each_exemplar_label, labels_of},
    model::{Buckets, Count, Exemplar, MetricType, NativeHistogram},
};

/// A message ends after the series that makes it this long.
const LONG: usize = 64 << 10;

/// The message at hand.
#[derive(Debug)]
pub(super) struct Protobuf {
    escaping: Escaping,
    /// Name, help, type and unit.
    head: Vec<u8>,
    metrics: Vec<u8>,
    kind: MetricType,
}

impl Protobuf {
    pub(super) fn new(escaping: Escaping) -> Self {
        Self { escaping, head: Vec::new(), metrics: Vec::new(), kind: MetricType::default() }
    }

    pub(super) fn family(&mut self, out: &mut Vec<u8>, family: Family<'_>) {
        self.flush(out);
        self.kind = family.kind;
        self.head.clear();
        self.head.put_bytes_field(1, family.name.as_bytes());
        if !family.help.is_empty() {
            self.head.put_bytes_field(2, family.help.as_bytes());
        }
        self.head.put_varint_field(3, number(family.kind));
        if family.ends_in_unit() {
            self.head.put_bytes_field(5, family.unit.as_bytes());
        }
    }

    pub(super) fn series(&mut self, out: &mut Vec<u8>, point: Point<'_>) {
        let (kind, escaping) = (self.kind, self.escaping);
        let hint = point.labels[0].len() + point.labels[1].len() + 64;
        self.metrics.put_message_field(4, hint, |metric| {
            for (name, value) in point.labels.into_iter().flat_map(labels_of) {
                metric.put_message_field(1, name.len() + value.len() + 4, |label| {
                    label.put_bytes_field(1, name.as_bytes());
                    label.put_bytes_field(2, value.as_bytes());
                });
            }
            put_data(metric, kind, &point, escaping);
            if let Some(ms) = point.timestamp_ms {
                metric.put_varint_field(6, ms.cast_unsigned());
            }
        });
        if self.metrics.len() >= LONG {
            self.flush(out);
        }
    }

    /// Ends the message, if there is anything in it.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        if !self.metrics.is_empty() {
            out.put_varint((self.head.len() + self.metrics.len()) as u64);
            out.extend_from_slice(&self.head);
            out.extend_from_slice(&self.metrics);
            self.metrics.clear();
        }
    }
}

fn number(kind: MetricType) -> u64 {
    match kind {
        MetricType::Counter => 0,
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => 1,
        MetricType::Summary => 2,
        MetricType::Unknown => 3,
        MetricType::Histogram => 4,
        MetricType::GaugeHistogram => 5,
    }
}

fn put_data(metric: &mut Vec<u8>, kind: MetricType, point: &Point<'_>, escaping: Escaping) {
    match point.data {
        Data::Number { value, exemplar } => {
            let field = match kind {
                MetricType::Counter => 3,
                MetricType::Unknown => 5,
                _ => 2,
            };
            metric.put_message_field(field, 16, |number| {
                put_double(number, 1, value);
                if kind == MetricType::Counter {
                    if let Some(exemplar) = exemplar {
                        put_exemplar(number, 2, exemplar, escaping);
                    }
                    put_timestamp(number, 3, point.start_ms);
                }
            });
        }
        Data::Summary { count, sum, quantiles } => metric.put_message_field(4, 256, |summary| {
            summary.put_varint_field(1, count);
            put_double(summary, 2, sum);
            for (quantile, value) in quantiles {
                summary.put_message_field(3, 18, |field| {
                    put_double(field, 1, *quantile);
                    put_double(field, 2, *value);
                });
            }
            put_timestamp(summary, 4, point.start_ms);
        }),
        Data::Histogram { count, sum, bounds, counts, exemplars } => {
            metric.put_message_field(7, 256, |histogram| {
                histogram.put_varint_field(1, count);
                if let Some(sum) = sum {
                    put_double(histogram, 2, sum);
                }
                let mut exemplars = Placed::new(exemplars, bounds);
                let mut below: u64 = 0;
                let buckets = bounds.iter().copied().chain([f64::INFINITY]).enumerate();
                for (index, bound) in buckets {
                    let in_bucket = counts.get(index).copied().unwrap_or_default();
                    below = below.saturating_add(in_bucket).min(count);
                    let below = if bound.is_finite() { below } else { count };
                    histogram.put_message_field(3, 24, |bucket| {
                        bucket.put_varint_field(1, below);
                        put_double(bucket, 2, bound);
                        if let Some(exemplar) = exemplars.of(index) {
                            put_exemplar(bucket, 3, exemplar, escaping);
                        }
                    });
                }
                put_timestamp(histogram, 15, point.start_ms);
            });
        }
        Data::Native { histogram, exemplars } => metric.put_message_field(7, 256, |message| {
            put_native(message, histogram);
            put_timestamp(message, 15, point.start_ms);
            for exemplar in exemplars.iter().filter(|exemplar| exemplar.timestamp_ms.is_some()) {
                put_exemplar(message, 16, exemplar, escaping);
            }
        }),
    }
}

fn put_native(message: &mut Vec<u8>, histogram: &NativeHistogram) {
    put_count(message, (1, 4), histogram.count);
    put_double(message, 2, histogram.sum);
    message.put_varint_field(5, zigzag(histogram.schema.into()));
    put_double(message, 6, histogram.zero_threshold);
    put_count(message, (7, 8), histogram.zero_count);
    put_buckets(message, 9, &histogram.negative);
    put_buckets(message, 12, &histogram.positive);
    if histogram.positive.spans.is_empty() && histogram.negative.spans.is_empty() {
        // An empty span tells a native histogram without observations from a classic one without buckets.
        message.put_bytes_field(12, &[]);
    }
}

/// Spans, deltas and counts, in fields that follow each other.
fn put_buckets(message: &mut Vec<u8>, first: u32, buckets: &Buckets) {
    for span in &buckets.spans {
        message.put_message_field(first, 8, |field| {
            field.put_varint_field(1, zigzag(span.offset.into()));
            field.put_varint_field(2, span.length.into());
        });
    }
    if !buckets.deltas.is_empty() {
        message.put_message_field(first + 1, buckets.deltas.len(), |packed| {
            buckets.deltas.iter().for_each(|delta| packed.put_varint(zigzag(*delta)));
        });
    }
    if !buckets.counts.is_empty() {
        message.put_message_field(first + 2, buckets.counts.len() * 8, |packed| {
            buckets.counts.iter().for_each(|count| packed.extend_from_slice(&count.to_le_bytes()));
        });
    }
}

fn put_count(message: &mut Vec<u8>, (int, float): (u32, u32), count: Count) {
    match count {
        Count::Int(count) => message.put_varint_field(int, count),
        Count::Float(count) => put_double(message, float, count),
    }
}

fn put_exemplar(message: &mut Vec<u8>, field: u32, exemplar: &Exemplar, escaping: Escaping) {
    message.put_message_field(field, 100, |message| {
        each_exemplar_label(exemplar, escaping, |name, value| {
            message.put_message_field(1, name.len() + value.len() + 4, |label| {
                label.put_bytes_field(1, name.as_bytes());
                label.put_bytes_field(2, value.as_bytes());
            });
        });
        put_double(message, 2, exemplar.value);
        put_timestamp(message, 3, exemplar.timestamp_ms);
    });
}

/// A `google.protobuf.Timestamp`.
fn put_timestamp(message: &mut Vec<u8>, field: u32, ms: Option<i64>) {
    let Some(ms) = ms else { return };
    message.put_message_field(field, 12, |timestamp| {
        timestamp.put_varint_field(1, ms.div_euclid(1000).cast_unsigned());
        timestamp.put_varint_field(2, (ms.rem_euclid(1000) * 1_000_000).cast_unsigned());
    });
}

fn put_double(message: &mut Vec<u8>, field: u32, value: f64) {
    message.put_fixed64_field(field, value.to_bits());
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}
