//! What reading costs: every span with all its attributes by views, against prost's decode; and JSON both ways.
//! `items/s` is the throughput; its inverse times a million is seconds per million items.
//!
//! `cargo bench -p sluice-pdata --bench views`
#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

#[expect(dead_code, reason = "shared with the other benchmark, which reads all signals")]
#[path = "support/payload.rs"]
mod payload;

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use payload::{ITEMS, encode};
use sluice_pdata::otlp::{ExportTraceServiceRequest, Message};
use sluice_pdata::view::{AnyValueView, TracesView};
use sluice_pdata::{Limits, Pdata, Signal, json};

fn main() {
    divan::main();
}

fn body() -> Bytes {
    encode(&payload::traces())
}

fn wire() -> Pdata {
    Pdata::from_wire(Signal::Traces, body(), &Limits::default()).unwrap().0
}

fn per_span<'a, 'b>(bencher: Bencher<'a, 'b>, bytes: usize) -> Bencher<'a, 'b> {
    bencher.counter(ItemsCount::new(ITEMS)).counter(BytesCount::new(bytes))
}

/// Touches every span and every attribute.
fn visit(traces: TracesView<'_>) -> usize {
    let mut sum = 0;
    for resource in traces {
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            sum += span.name.len() + span.trace_id.len();
            for attribute in span.attributes {
                sum += attribute.key.len();
                sum += match attribute.value {
                    AnyValueView::String(text) => text.len(),
                    AnyValueView::Int(v) => usize::from(v == 200),
                    _ => 0,
                };
            }
        }
    }
    sum
}

#[divan::bench]
fn views_over_wire(bencher: Bencher<'_, '_>) {
    let data = wire();
    per_span(bencher, data.size()).bench(|| visit(black_box(&data).traces()));
}

#[divan::bench]
fn views_over_structs(bencher: Bencher<'_, '_>) {
    let data = Pdata::from_traces(payload::traces());
    per_span(bencher, data.size()).bench(|| visit(black_box(&data).traces()));
}

#[divan::bench]
fn prost_decode_and_visit(bencher: Bencher<'_, '_>) {
    let body = body();
    per_span(bencher, body.len()).bench(|| {
        let data = Pdata::from_traces(ExportTraceServiceRequest::decode(black_box(&body[..])).unwrap());
        visit(data.traces())
    });
}

#[divan::bench]
fn find_one_attribute_of_each_span(bencher: Bencher<'_, '_>) {
    let data = wire();
    per_span(bencher, data.size()).bench(|| {
        let scopes = black_box(&data).traces().into_iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        spans.filter(|span| span.attributes.get("server.port").is_some()).count()
    });
}

#[divan::bench]
fn json_encode(bencher: Bencher<'_, '_>) {
    let data = wire();
    per_span(bencher, data.size()).bench(|| {
        let mut out = Vec::new();
        json::encode_request(black_box(&data), &mut out);
        out
    });
}

#[divan::bench]
fn json_decode(bencher: Bencher<'_, '_>) {
    let mut text = Vec::new();
    json::encode_request(&wire(), &mut text);
    per_span(bencher, text.len())
        .bench(|| json::decode_request(Signal::Traces, black_box(&text), &Limits::default()).unwrap());
}
