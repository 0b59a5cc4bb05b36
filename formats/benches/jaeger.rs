//! What it costs to feed a Jaeger, for 100 spans of about 490 bytes.
//!
//! `post_spans_by_structs` is what one would write without views: prost's decode of OTLP, `api_v2` structs, prost's
//! encode. Both ways say the same, which is checked before anything is measured.
//!
//! `cargo bench -p sluice-formats --bench jaeger`
#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

#[expect(dead_code, reason = "shared with the benchmarks of pdata, which read all signals")]
#[path = "../../pdata/benches/support/payload.rs"]
mod payload;
#[path = "jaeger/structs.rs"]
mod structs;

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use payload::{ITEMS, encode};
use prost::Message;
use sluice_formats::jaeger::api_v2::PostSpansRequest;
use sluice_formats::jaeger::{Protocol, decode_thrift_batch, encode_post_spans, encode_thrift_batch};
use sluice_pdata::{Limits, Pdata, Signal};

fn main() {
    let ours = PostSpansRequest::decode(&post_spans(&wire())[..]).unwrap();
    let theirs = PostSpansRequest::decode(&structs::post_spans(&body())[..]).unwrap();
    assert_eq!(ours, theirs, "both ways say the same");
    divan::main();
}

fn body() -> Bytes {
    encode(&payload::traces())
}

fn wire() -> Pdata {
    Pdata::from_wire(Signal::Traces, body(), &Limits::default()).unwrap().0
}

fn post_spans(data: &Pdata) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.size());
    for resource in data.traces() {
        encode_post_spans(&[resource], &mut out);
    }
    out
}

fn thrift(data: &Pdata, protocol: Protocol) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.size());
    for resource in data.traces() {
        encode_thrift_batch(&[resource], protocol, &mut out);
    }
    out
}

fn per_span<'a, 'b>(bencher: Bencher<'a, 'b>, bytes: usize) -> Bencher<'a, 'b> {
    bencher.counter(ItemsCount::new(ITEMS)).counter(BytesCount::new(bytes))
}

#[divan::bench]
fn post_spans_by_views(bencher: Bencher<'_, '_>) {
    let data = wire();
    per_span(bencher, data.size()).bench(|| post_spans(black_box(&data)));
}

#[divan::bench]
fn post_spans_by_structs(bencher: Bencher<'_, '_>) {
    let body = body();
    per_span(bencher, body.len()).bench(|| structs::post_spans(black_box(&body)));
}

#[divan::bench]
fn thrift_binary_by_views(bencher: Bencher<'_, '_>) {
    let data = wire();
    per_span(bencher, data.size()).bench(|| thrift(black_box(&data), Protocol::Binary));
}

/// What the door adds to each way in.
#[divan::bench]
fn door_behind_otlp_from_thrift(bencher: Bencher<'_, '_>) {
    let body = thrift(&wire(), Protocol::Compact);
    let wire = decode_thrift_batch(&body, Protocol::Compact, &Limits::default()).unwrap().wire;
    per_span(bencher, wire.len())
        .bench(|| Pdata::from_wire(Signal::Traces, black_box(&wire).clone(), &Limits::default()).unwrap());
}
