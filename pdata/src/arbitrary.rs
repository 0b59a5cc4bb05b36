//! Arbitrary requests for tests: every field of every message, from a seed.
#![expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "any value will do")]

use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use crate::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use crate::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use crate::otlp::metrics::v1::summary_data_point::ValueAtQuantile;
use crate::otlp::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, metric,
    number_data_point,
};
use crate::otlp::resource::v1::Resource;
use crate::otlp::trace::v1::span::{Event, Link};
use crate::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use crate::otlp::{ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest};

/// A source of arbitrary messages. Small numbers and short lists are more frequent than large ones.
#[derive(Debug)]
pub(crate) struct Arbitrary(u64);

impl Arbitrary {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub(crate) fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.u64() % n
    }

    fn bool(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Any width: often 0, often small, sometimes all 64 bits.
    fn number(&mut self) -> u64 {
        let bits = [0, 1, 7, 8, 14, 32, 63, 64][self.below(8) as usize];
        if bits == 0 { 0 } else { self.u64() >> (64 - bits) }
    }

    fn u32(&mut self) -> u32 {
        self.number() as u32
    }

    fn i32(&mut self) -> i32 {
        self.number() as i32
    }

    fn i64(&mut self) -> i64 {
        self.number() as i64
    }

    /// Never NaN, which does not equal itself.
    fn f64(&mut self) -> f64 {
        match self.below(6) {
            0 => 0.0,
            1 => self.i32().into(),
            2 => f64::INFINITY,
            3 => f64::NEG_INFINITY,
            4 => self.i32() as f64 / 1000.0,
            _ => Some(f64::from_bits(self.u64())).filter(|v| !v.is_nan()).unwrap_or(0.1),
        }
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.bool() { Some(make(self)) } else { None }
    }

    fn list<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let len = self.below(4);
        (0..len).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> String {
        let letters = ["a", "b", "/", "\"", "\\", "\n", "\u{1}", "é", "漢", "🦀", "<", "\u{2028}", "\u{7f}"];
        let len = self.below(6);
        (0..len).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.below(6);
        (0..len).map(|_| self.u64() as u8).collect()
    }

    fn id(&mut self, len: usize) -> Vec<u8> {
        if self.bool() { Vec::new() } else { (0..len).map(|_| self.u64() as u8).collect() }
    }

    fn value(&mut self, depth: usize) -> AnyValue {
        let value = match self.below(if depth < 4 { 9 } else { 7 }) {
            0 => None,
            1 => Some(Value::StringValue(self.text())),
            2 => Some(Value::BoolValue(self.bool())),
            3 => Some(Value::IntValue(self.i64())),
            4 => Some(Value::DoubleValue(self.f64())),
            5 => Some(Value::BytesValue(self.bytes())),
            6 => Some(Value::StringValue(String::new())),
            7 => Some(Value::ArrayValue(ArrayValue { values: self.list(|a| a.value(depth + 1)) })),
            _ => Some(Value::KvlistValue(KeyValueList { values: self.list(|a| a.attribute(depth + 1)) })),
        };
        AnyValue { value }
    }

    fn attribute(&mut self, depth: usize) -> KeyValue {
        KeyValue { key: self.text(), value: self.maybe(|a| a.value(depth)), key_strindex: 0 }
    }

    fn attributes(&mut self) -> Vec<KeyValue> {
        self.list(|a| a.attribute(0))
    }

    fn resource(&mut self) -> Resource {
        Resource {
            attributes: self.attributes(),
            dropped_attributes_count: self.u32(),
            entity_refs: self.list(|a| EntityRef {
                schema_url: a.text(),
                r#type: a.text(),
                id_keys: a.list(Self::text),
                description_keys: a.list(Self::text),
            }),
        }
    }

    fn scope(&mut self) -> InstrumentationScope {
        InstrumentationScope {
            name: self.text(),
            version: self.text(),
            attributes: self.attributes(),
            dropped_attributes_count: self.u32(),
        }
    }

    pub(crate) fn traces(&mut self) -> ExportTraceServiceRequest {
        let resource_spans = self.list(|a| ResourceSpans {
            resource: a.maybe(Self::resource),
            scope_spans: a.list(|a| ScopeSpans {
                scope: a.maybe(Self::scope),
                spans: a.list(Self::span),
                schema_url: a.text(),
            }),
            schema_url: a.text(),
        });
        ExportTraceServiceRequest { resource_spans }
    }

    fn span(&mut self) -> Span {
        Span {
            trace_id: self.id(16),
            span_id: self.id(8),
            trace_state: self.text(),
            parent_span_id: self.id(8),
            flags: self.u32(),
            name: self.text(),
            kind: self.i32(),
            start_time_unix_nano: self.number(),
            end_time_unix_nano: self.number(),
            attributes: self.attributes(),
            dropped_attributes_count: self.u32(),
            events: self.list(|a| Event {
                time_unix_nano: a.number(),
                name: a.text(),
                attributes: a.attributes(),
                dropped_attributes_count: a.u32(),
            }),
            dropped_events_count: self.u32(),
            links: self.list(|a| Link {
                trace_id: a.id(16),
                span_id: a.id(8),
                trace_state: a.text(),
                attributes: a.attributes(),
                dropped_attributes_count: a.u32(),
                flags: a.u32(),
            }),
            dropped_links_count: self.u32(),
            status: self.maybe(|a| Status { message: a.text(), code: a.i32() }),
        }
    }

    pub(crate) fn logs(&mut self) -> ExportLogsServiceRequest {
        let resource_logs = self.list(|a| ResourceLogs {
            resource: a.maybe(Self::resource),
            scope_logs: a.list(|a| ScopeLogs {
                scope: a.maybe(Self::scope),
                log_records: a.list(Self::log_record),
                schema_url: a.text(),
            }),
            schema_url: a.text(),
        });
        ExportLogsServiceRequest { resource_logs }
    }

    fn log_record(&mut self) -> LogRecord {
        LogRecord {
            time_unix_nano: self.number(),
            observed_time_unix_nano: self.number(),
            severity_number: self.i32(),
            severity_text: self.text(),
            body: self.maybe(|a| a.value(0)),
            attributes: self.attributes(),
            dropped_attributes_count: self.u32(),
            flags: self.u32(),
            trace_id: self.id(16),
            span_id: self.id(8),
            event_name: self.text(),
        }
    }

    pub(crate) fn metrics(&mut self) -> ExportMetricsServiceRequest {
        let resource_metrics = self.list(|a| ResourceMetrics {
            resource: a.maybe(Self::resource),
            scope_metrics: a.list(|a| ScopeMetrics {
                scope: a.maybe(Self::scope),
                metrics: a.list(Self::metric),
                schema_url: a.text(),
            }),
            schema_url: a.text(),
        });
        ExportMetricsServiceRequest { resource_metrics }
    }

    fn metric(&mut self) -> Metric {
        let data = match self.below(6) {
            0 => None,
            1 => Some(metric::Data::Gauge(Gauge { data_points: self.list(Self::number_point) })),
            2 => Some(metric::Data::Sum(Sum {
                data_points: self.list(Self::number_point),
                aggregation_temporality: self.i32(),
                is_monotonic: self.bool(),
            })),
            3 => Some(metric::Data::Histogram(Histogram {
                data_points: self.list(Self::histogram_point),
                aggregation_temporality: self.i32(),
            })),
            4 => Some(metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points: self.list(Self::exponential_point),
                aggregation_temporality: self.i32(),
            })),
            _ => Some(metric::Data::Summary(Summary { data_points: self.list(Self::summary_point) })),
        };
        Metric {
            name: self.text(),
            description: self.text(),
            unit: self.text(),
            metadata: self.attributes(),
            data,
        }
    }

    fn exemplar(&mut self) -> Exemplar {
        Exemplar {
            filtered_attributes: self.attributes(),
            time_unix_nano: self.number(),
            span_id: self.id(8),
            trace_id: self.id(16),
            value: match self.below(3) {
                0 => None,
                1 => Some(exemplar::Value::AsDouble(self.f64())),
                _ => Some(exemplar::Value::AsInt(self.i64())),
            },
        }
    }

    pub(crate) fn number_point(&mut self) -> NumberDataPoint {
        NumberDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.number(),
            time_unix_nano: self.number(),
            exemplars: self.list(Self::exemplar),
            flags: self.u32(),
            value: match self.below(3) {
                0 => None,
                1 => Some(number_data_point::Value::AsDouble(self.f64())),
                _ => Some(number_data_point::Value::AsInt(self.i64())),
            },
        }
    }

    pub(crate) fn histogram_point(&mut self) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.number(),
            time_unix_nano: self.number(),
            count: self.number(),
            sum: self.maybe(Self::f64),
            bucket_counts: self.list(Self::number),
            explicit_bounds: self.list(Self::f64),
            exemplars: self.list(Self::exemplar),
            flags: self.u32(),
            min: self.maybe(Self::f64),
            max: self.maybe(Self::f64),
        }
    }

    pub(crate) fn exponential_point(&mut self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.number(),
            time_unix_nano: self.number(),
            count: self.number(),
            sum: self.maybe(Self::f64),
            scale: self.i32(),
            zero_count: self.number(),
            positive: self.maybe(Self::buckets),
            negative: self.maybe(Self::buckets),
            flags: self.u32(),
            exemplars: self.list(Self::exemplar),
            min: self.maybe(Self::f64),
            max: self.maybe(Self::f64),
            zero_threshold: self.f64(),
        }
    }

    fn buckets(&mut self) -> Buckets {
        Buckets { offset: self.i32(), bucket_counts: self.list(Self::number) }
    }

    pub(crate) fn summary_point(&mut self) -> SummaryDataPoint {
        SummaryDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.number(),
            time_unix_nano: self.number(),
            count: self.number(),
            sum: self.f64(),
            quantile_values: self.list(|a| ValueAtQuantile { quantile: a.f64(), value: a.f64() }),
            flags: self.u32(),
        }
    }
}
