//! What the tests of several modules need: arbitrary requests of any signal, and their items spelt out.

use bytes::Bytes;

use crate::arbitrary::Arbitrary;
use crate::decoded::Structs;
use crate::otlp::Message;
use crate::otlp::metrics::v1::metric::Data;
use crate::{Chunks, Limits, Pdata, Signal};

/// No limit but that of depth.
pub(crate) const UNLIMITED: Limits =
    Limits { max_items: usize::MAX, max_decoded_bytes: usize::MAX, max_growth: usize::MAX, max_depth: 64 };

/// An arbitrary request, encoded.
pub(crate) fn request(signal: Signal, seed: u64) -> Bytes {
    let mut arbitrary = Arbitrary::new(seed);
    match signal {
        Signal::Traces => arbitrary.traces().encode_to_vec(),
        Signal::Metrics => arbitrary.metrics().encode_to_vec(),
        Signal::Logs => arbitrary.logs().encode_to_vec(),
    }
    .into()
}

/// The same, through the door, in as many chunks as there are seeds.
pub(crate) fn pdata(signal: Signal, seeds: &[u64]) -> Pdata {
    let mut all = admit(signal, Bytes::new());
    seeds.iter().for_each(|&seed| all.append(admit(signal, request(signal, seed))));
    all
}

/// Through the door, which must not change anything.
pub(crate) fn admit(signal: Signal, body: Bytes) -> Pdata {
    let (data, repairs) = Pdata::from_wire(signal, body.clone(), &UNLIMITED).unwrap();
    assert!(repairs.is_empty());
    assert_eq!(data.wire().concat(), body);
    data
}

/// The data in struct form, held as structs.
pub(crate) fn as_structs(data: &Pdata) -> Pdata {
    let mut data = data.clone();
    match data.signal() {
        Signal::Traces => drop(data.traces_mut().clone()),
        Signal::Metrics => drop(data.metrics_mut().clone()),
        Signal::Logs => drop(data.logs_mut().clone()),
    }
    data
}

/// What prost makes of some bytes.
pub(crate) fn decode(signal: Signal, body: &[u8]) -> Option<Structs> {
    Some(match signal {
        Signal::Traces => Structs::Traces(Message::decode(body).ok()?),
        Signal::Metrics => Structs::Metrics(Message::decode(body).ok()?),
        Signal::Logs => Structs::Logs(Message::decode(body).ok()?),
    })
}

/// Every item in words, with all that is around it: resource, scope, their schema URLs, and its metric.
pub(crate) fn items(signal: Signal, chunks: &Chunks) -> Vec<String> {
    let mut items = Vec::new();
    match decode(signal, &chunks.concat()).unwrap() {
        Structs::Traces(request) => {
            for mut resource in request.resource_spans {
                for mut scope in std::mem::take(&mut resource.scope_spans) {
                    for span in std::mem::take(&mut scope.spans) {
                        items.push(format!("{resource:?} {scope:?} {span:?}"));
                    }
                }
            }
        }
        Structs::Metrics(request) => {
            for mut resource in request.resource_metrics {
                for mut scope in std::mem::take(&mut resource.scope_metrics) {
                    for mut metric in std::mem::take(&mut scope.metrics) {
                        let points = metric.data.as_mut().map(take_points).unwrap_or_default();
                        let around = format!("{resource:?} {scope:?} {metric:?}");
                        items.extend(points.into_iter().map(|point| format!("{around} {point}")));
                    }
                }
            }
        }
        Structs::Logs(request) => {
            for mut resource in request.resource_logs {
                for mut scope in std::mem::take(&mut resource.scope_logs) {
                    for record in std::mem::take(&mut scope.log_records) {
                        items.push(format!("{resource:?} {scope:?} {record:?}"));
                    }
                }
            }
        }
    }
    items
}

fn take_points(data: &mut Data) -> Vec<String> {
    fn take<T: std::fmt::Debug>(points: &mut Vec<T>) -> Vec<String> {
        points.drain(..).map(|point| format!("{point:?}")).collect()
    }
    match data {
        Data::Gauge(gauge) => take(&mut gauge.data_points),
        Data::Sum(sum) => take(&mut sum.data_points),
        Data::Histogram(histogram) => take(&mut histogram.data_points),
        Data::ExponentialHistogram(histogram) => take(&mut histogram.data_points),
        Data::Summary(summary) => take(&mut summary.data_points),
    }
}
