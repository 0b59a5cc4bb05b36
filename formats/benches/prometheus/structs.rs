//! OTLP to remote write 2.0 by way of structs, for comparison: prost's decode, time series that own their labels, prost's
//! encode. Knows as much as the payload needs, and no more.

use std::collections::HashMap;

use prost::Message;
use sluice_formats::prometheus::names::{Kind, Namer};
use sluice_pdata::otlp::ExportMetricsServiceRequest;
use sluice_pdata::otlp::common::v1::{KeyValue, any_value::Value};
use sluice_pdata::otlp::metrics::v1::{metric::Data, number_data_point};

/// A time series as Prometheus's own translators build it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimeSeries {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) kind: i32,
    pub(crate) unit: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Request {
    #[prost(string, repeated, tag = "4")]
    pub(crate) symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) timeseries: Vec<WireSeries>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WireSeries {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, optional, tag = "5")]
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Sample {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
    #[prost(int64, tag = "3")]
    pub(crate) start_timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(uint32, tag = "3")]
    pub(crate) help_ref: u32,
    #[prost(uint32, tag = "4")]
    pub(crate) unit_ref: u32,
}

const COUNTER: i32 = 1;
const GAUGE: i32 = 2;
const HISTOGRAM: i32 = 3;

/// OTLP bytes as remote write 2.0 bytes.
pub(crate) fn remote_write(body: &[u8], namer: &Namer) -> Vec<u8> {
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    encode(&time_series(&request, namer)).encode_to_vec()
}

fn time_series(request: &ExportMetricsServiceRequest, namer: &Namer) -> Vec<TimeSeries> {
    let mut all = Vec::new();
    for resource in &request.resource_metrics {
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        let (mut latest, mut common) = (0, Vec::new());
        for attribute in attributes.iter().filter(|attribute| attribute.key == "service.name") {
            common.push(("job".to_owned(), text(attribute)));
        }
        let identity = common.clone();
        for scope in &resource.scope_metrics {
            let scope_info = scope.scope.as_ref().unwrap();
            common.push(("otel_scope_name".to_owned(), scope_info.name.clone()));
            common.push(("otel_scope_version".to_owned(), scope_info.version.clone()));
            for metric in &scope.metrics {
                let (kind, number) = match metric.data.as_ref().unwrap() {
                    Data::Sum(_) => (Kind::MonotonicSum, COUNTER),
                    _ => (Kind::Other, HISTOGRAM),
                };
                let (mut name, mut unit) = (String::new(), String::new());
                namer.metric(&mut name, &metric.name, &metric.unit, kind).unwrap();
                namer.unit(&mut unit, &metric.unit);
                let mut put = |name: String,
                               own: &[KeyValue],
                               extra: Option<(&str, String)>,
                               sample: Sample| {
                    let mut labels = common.clone();
                    for attribute in own {
                        labels.push((namer.label(&attribute.key).unwrap().into_owned(), text(attribute)));
                    }
                    labels.extend(extra.map(|(name, value)| (name.to_owned(), value)));
                    labels.push(("__name__".to_owned(), name));
                    labels.sort();
                    latest = latest.max(sample.timestamp);
                    all.push(TimeSeries { labels, samples: vec![sample], kind: number, unit: unit.clone() });
                };
                let at = |value: f64, time: u64, start: u64| Sample {
                    value,
                    timestamp: (time / 1_000_000) as i64,
                    start_timestamp: (start / 1_000_000) as i64,
                };
                match metric.data.as_ref().unwrap() {
                    Data::Sum(sum) => {
                        for point in &sum.data_points {
                            let value = match point.value.unwrap() {
                                number_data_point::Value::AsInt(v) => v as f64,
                                number_data_point::Value::AsDouble(v) => v,
                            };
                            let sample = at(value, point.time_unix_nano, point.start_time_unix_nano);
                            put(name.clone(), &point.attributes, None, sample);
                        }
                    }
                    Data::Histogram(histogram) => {
                        for point in &histogram.data_points {
                            let at = |value| at(value, point.time_unix_nano, point.start_time_unix_nano);
                            let own = &point.attributes;
                            put(format!("{name}_count"), own, None, at(point.count as f64));
                            put(format!("{name}_sum"), own, None, at(point.sum.unwrap()));
                            let mut below = 0;
                            for (bound, count) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
                                below += count;
                                let le = Some(("le", bound.to_string()));
                                put(format!("{name}_bucket"), own, le, at(below as f64));
                            }
                            let le = Some(("le", "+Inf".to_owned()));
                            put(format!("{name}_bucket"), own, le, at(point.count as f64));
                        }
                    }
                    _ => panic!("the payload has counters and histograms"),
                }
            }
        }
        let mut labels = identity;
        labels.push(("__name__".to_owned(), "target_info".to_owned()));
        for attribute in attributes.iter().filter(|attribute| attribute.key != "service.name") {
            labels.push((namer.label(&attribute.key).unwrap().into_owned(), text(attribute)));
        }
        labels.sort();
        let samples = vec![Sample { value: 1.0, timestamp: latest, start_timestamp: 0 }];
        all.push(TimeSeries { labels, samples, kind: GAUGE, unit: String::new() });
    }
    all
}

fn encode(all: &[TimeSeries]) -> Request {
    let mut request = Request { symbols: vec![String::new()], timeseries: Vec::with_capacity(all.len()) };
    let mut numbers: HashMap<String, u32> = HashMap::from([(String::new(), 0)]);
    let symbols = &mut request.symbols;
    let mut number = |text: &String| {
        if let Some(&number) = numbers.get(text) {
            return number;
        }
        let number = symbols.len() as u32;
        symbols.push(text.clone());
        numbers.insert(text.clone(), number);
        number
    };
    for series in all {
        let mut labels_refs = Vec::with_capacity(series.labels.len() * 2);
        for (name, value) in &series.labels {
            labels_refs.extend([number(name), number(value)]);
        }
        let help_ref = if series.kind == GAUGE { number(&"Target metadata".to_owned()) } else { 0 };
        let metadata = Metadata { kind: series.kind, help_ref, unit_ref: number(&series.unit) };
        let samples = series.samples.clone();
        request.timeseries.push(WireSeries { labels_refs, samples, metadata: Some(metadata) });
    }
    request
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(v) => v.to_string(),
        other => panic!("the payload has no {other:?}"),
    }
}

/// What a request says, whatever the order of its symbols and series.
pub(crate) fn said(body: &[u8]) -> Vec<String> {
    let request = Request::decode(body).unwrap();
    let text = |number: &u32| request.symbols[*number as usize].as_str();
    let series = |series: &WireSeries| {
        let labels: Vec<&str> = series.labels_refs.iter().map(text).collect();
        let metadata = series.metadata.unwrap();
        let described = (metadata.kind, text(&metadata.help_ref), text(&metadata.unit_ref));
        format!("{labels:?} {:?} {described:?}", series.samples)
    };
    let mut all: Vec<String> = request.timeseries.iter().map(series).collect();
    all.sort();
    all
}
