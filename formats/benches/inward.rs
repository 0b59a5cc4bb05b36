//! What it costs to take the same 100 spans in each form that Jaeger's and Zipkin's clients send, side by side.
//!
//! `cargo bench -p sluice-formats --bench inward`
#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

#[expect(dead_code, reason = "shared with the benchmarks of pdata, which read all signals")]
#[path = "../../pdata/benches/support/payload.rs"]
mod payload;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use payload::{ITEMS, encode};
use sluice_formats::jaeger::{
    Protocol, decode_post_spans, decode_thrift_batch, encode_post_spans, encode_thrift_batch,
};
use sluice_formats::zipkin::{
    Encoding, Options, json_v2_to_otlp, otlp_to_json_v2, otlp_to_proto, proto_to_otlp,
};
use sluice_formats::{Malformed, Translated};
use sluice_pdata::{Limits, Pdata, Signal};

fn main() {
    divan::main();
}

#[derive(Debug, Clone, Copy)]
enum Form {
    ZipkinJson,
    ZipkinProto,
    JaegerThriftBinary,
    JaegerThriftCompact,
    JaegerProto,
}
use Form::{JaegerProto, JaegerThriftBinary, JaegerThriftCompact, ZipkinJson, ZipkinProto};

/// The payload in this form, as one request.
fn body(form: Form) -> Vec<u8> {
    let data = Pdata::from_wire(Signal::Traces, encode(&payload::traces()), &Limits::default()).unwrap().0;
    let resources: Vec<_> = data.traces().iter().collect();
    let mut out = Vec::new();
    match form {
        ZipkinJson => return otlp_to_json_v2(data.traces(), &Encoding::default()).requests.remove(0).body,
        ZipkinProto => return otlp_to_proto(data.traces(), &Encoding::default()).requests.remove(0).body,
        JaegerThriftBinary => encode_thrift_batch(&resources, Protocol::Binary, &mut out),
        JaegerThriftCompact => encode_thrift_batch(&resources, Protocol::Compact, &mut out),
        JaegerProto => encode_post_spans(&resources, &mut out),
    };
    out
}

fn to_otlp(form: Form, body: &[u8]) -> Result<Translated, Malformed> {
    let limits = &Limits::default();
    match form {
        ZipkinJson => json_v2_to_otlp(body, &Options::default(), limits),
        ZipkinProto => proto_to_otlp(body, &Options::default(), limits),
        JaegerThriftBinary => decode_thrift_batch(body, Protocol::Binary, limits),
        JaegerThriftCompact => decode_thrift_batch(body, Protocol::Compact, limits),
        JaegerProto => decode_post_spans(body, limits),
    }
}

#[divan::bench(args = [ZipkinJson, ZipkinProto, JaegerThriftBinary, JaegerThriftCompact, JaegerProto])]
fn to_otlp_from(bencher: Bencher<'_, '_>, form: Form) {
    let body = body(form);
    assert_eq!(to_otlp(form, &body).unwrap().items, ITEMS);
    bencher
        .counter(ItemsCount::new(ITEMS))
        .counter(BytesCount::new(body.len()))
        .bench(|| to_otlp(form, black_box(&body)).unwrap());
}
