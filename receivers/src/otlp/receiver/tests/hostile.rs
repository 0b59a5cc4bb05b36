//! Hostile input, by the ids of the rows.

use std::io::Write;

use sluice_net::grpc::{Code, retry_delay};
use sluice_pdata::otlp::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value};

use super::*;
use crate::testing::client::{frame, grpc_call, grpc_frame, http_call, post, raw};

const LIMIT: usize = 64 << 10;

/// Limits of 1 MiB (gRPC, the least that can be set) and 64 KiB (HTTP).
fn small() -> Settings {
    let mut settings = settings();
    let mut grpc = settings.protocols.grpc.value().clone();
    let mut http = settings.protocols.http.value().clone();
    grpc.max_recv_msg_size_mib = sluice_config::ByteSize::mib(1);
    http.server.max_request_body_size = sluice_config::ByteSize::new(LIMIT as u64);
    (settings.protocols.grpc, settings.protocols.http) = (Section::on(grpc), Section::on(http));
    settings
}

fn encoded(encoding: &str) -> String {
    format!("POST /v1/traces HTTP/1.1\r\nContent-Type: {PROTOBUF}\r\nContent-Encoding: {encoding}\r\n")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn i1_bodies_above_the_limit_are_refused_without_being_read() {
    let stand = Stand::with(small(), &Signal::ALL).await;
    // With a Content-Length, whose body never comes.
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {}\r\n\r\n",
        LIMIT + 1
    );
    let answer = raw(stand.http, head.as_bytes()).await;
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("max_request_body_size"), "{}", answer.text());
    // Without one, in chunks that never end.
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = format!("{LIMIT:x}\r\n{}\r\n1\r\nx\r\n", "x".repeat(LIMIT));
    assert_eq!(raw(stand.http, format!("{head}{chunk}").as_bytes()).await.status, 413);
    // gRPC declares the length before the message.
    let declared = [&[0, 0, 0x10, 0, 1][..], b"and no more"].concat();
    let status = grpc_frame(stand.grpc, TRACES, &[], &declared).await.unwrap_err();
    assert_eq!((status.code(), retry_delay(&status)), (Code::ResourceExhausted, None));
    assert!(status.message().contains("max_recv_msg_size_mib"), "{}", status.message());
    // At the limit a body is only not OTLP.
    assert_eq!(post(stand.http, "/v1/traces", PROTOBUF, &vec![0; LIMIT]).await.status, 400);
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn i2_bombs_are_refused_at_the_cap() {
    let stand = Stand::with(small(), &Signal::ALL).await;
    let zeros = vec![0; 2 << 20];
    let bombs: [(&str, Vec<u8>); 5] = [
        ("gzip", gzip(&zeros)),
        ("zstd", zstd::bulk::compress(&zeros, 3).unwrap()),
        ("deflate", zlib(&zeros)),
        // Declares 4 GiB in six bytes.
        ("snappy", vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]),
        ("gzip, gzip", gzip(&gzip(&zeros))),
    ];
    for (encoding, bomb) in &bombs {
        let answer = http_call(stand.http, &encoded(encoding), bomb).await;
        assert_eq!(answer.status, 413, "{encoding}: {}", answer.text());
        assert!(answer.text().contains("max_request_body_size"), "{}", answer.text());
    }
    for (encoding, bomb) in bombs.iter().filter(|(encoding, _)| ["gzip", "zstd", "snappy"].contains(encoding))
    {
        let headers = [("grpc-encoding", *encoding)];
        let status = grpc_frame(stand.grpc, TRACES, &headers, &frame(true, bomb)).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{encoding}: {status:?}");
        assert_eq!(retry_delay(&status), None);
    }
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn i2_damaged_and_unknown_encodings_are_the_clients_fault() {
    let stand = Stand::new().await;
    let body = request(Signal::Traces, 50);
    let packed = gzip(&body);
    let status =
        |head: String, body: Vec<u8>| async move { http_call(stand.http, &head, &body).await.status };
    assert_eq!(status(encoded("gzip"), packed[..packed.len() / 2].to_vec()).await, 400, "truncated");
    assert_eq!(status(encoded("gzip"), b"no gzip".to_vec()).await, 400);
    assert_eq!(status(encoded("lzma"), packed.clone()).await, 415);
    assert_eq!(status(encoded("gzip, gzip"), gzip(&packed)).await, 200, "stacked");
    let (front, back) = body.split_at(body.len() / 2);
    assert_eq!(
        status(encoded("gzip"), [gzip(front), gzip(back)].concat()).await,
        200,
        "concatenated members"
    );
    let headers = [("grpc-encoding", "gzip")];
    let damaged = frame(true, &packed[..packed.len() / 2]);
    let status = grpc_frame(stand.grpc, TRACES, &headers, &damaged).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    stand.stop().await;
}

#[tokio::test]
async fn i3_element_bomb_is_refused_as_too_large() {
    let stand = Stand::new().await;
    // 2,000,000 spans of two bytes each.
    let spans = [0x12, 0x00].repeat(2_000_000);
    let mut body = Vec::new();
    for nested in [sluice_pdata::wire::Write::put_bytes_field, sluice_pdata::wire::Write::put_bytes_field] {
        let inner = if body.is_empty() { spans.clone() } else { std::mem::take(&mut body) };
        nested(&mut body, if inner.len() == spans.len() { 2 } else { 1 }, &inner);
    }
    let answer = post(stand.http, "/v1/traces", PROTOBUF, &body).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    let status = grpc_call(stand.grpc, TRACES, &[], &body).await.unwrap_err();
    assert_eq!((status.code(), retry_delay(&status)), (Code::ResourceExhausted, None));
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

/// `levels` levels of `AnyValue`, the innermost a plain one.
fn nested(levels: usize) -> AnyValue {
    let mut value = AnyValue { value: Some(Value::IntValue(1)) };
    for _ in 1..levels {
        value = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![value] })) };
    }
    value
}

fn span_with(value: AnyValue) -> Span {
    let attribute =
        |key: &str, value| KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() };
    Span { attributes: vec![attribute("deep", value), attribute("flat", nested(1))], ..span() }
}

/// The protobuf of `levels` levels of arrays, made without recursion.
fn nested_bytes(levels: usize) -> Vec<u8> {
    // From the inside out; lengths are written behind the bodies and the whole is turned round at the end.
    let mut reversed = vec![];
    for _ in 1..levels {
        for key in [0x0a, 0x2a] {
            let mut varint = Vec::new();
            sluice_pdata::wire::Write::put_varint(&mut varint, reversed.len() as u64);
            reversed.extend(varint.iter().rev());
            reversed.push(key);
        }
    }
    reversed.reverse();
    reversed
}

#[tokio::test]
async fn i4_deeper_attributes_are_cut_alone() {
    let stand = Stand::new().await;
    let attributes = |stand: &Stand| {
        let (_, mut data) = stand.sink.last();
        data.traces_mut().resource_spans[0].scope_spans[0].spans[0].attributes.len()
    };
    for (levels, left) in [(64, 2), (65, 1)] {
        grpc_call(stand.grpc, TRACES, &[], &spans(vec![span_with(nested(levels))])).await.unwrap();
        assert_eq!(attributes(&stand), left, "{levels} levels");
    }
    for levels in [10_000, 500_000] {
        let mut body = Vec::new();
        let wrap = |number: u32, inner: &[u8]| {
            let mut outer = Vec::new();
            sluice_pdata::wire::Write::put_bytes_field(&mut outer, number, inner);
            outer
        };
        let value = wrap(2, &nested_bytes(levels));
        let attribute = wrap(9, &[wrap(1, b"deep"), value].concat());
        let span = [wrap(1, &[1; 16]), wrap(2, &[2; 8]), attribute].concat();
        body.extend(wrap(1, &wrap(2, &wrap(2, &span))));
        let answer = post(stand.http, "/v1/traces", PROTOBUF, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("1 attributes cut"), "{}", answer.text());
        assert_eq!(attributes(&stand), 0);

        let open = r#"{"arrayValue":{"values":["#.repeat(levels);
        let json = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"01010101010101010101010101010101",
            "spanId":"0202020202020202","attributes":[{{"key":"deep","value":{open}{}}}]}}]}}]}}]}}"#,
            "]}}".repeat(levels)
        );
        let answer = post(stand.http, "/v1/traces", JSON, json.as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("1 attributes cut"), "{}", answer.text());
        assert_eq!(attributes(&stand), 0);
    }
    stand.stop().await;
}

#[tokio::test]
async fn i5_invalid_utf_8_is_repaired_and_told() {
    let stand = Stand::new().await;
    let mut body = spans(vec![span(), span()]);
    let name = body.windows(5).position(|window| window == b"GET /").unwrap();
    body[name] = 0xff;
    let answer = post(stand.http, "/v1/traces", PROTOBUF, &body).await;
    assert_eq!(answer.status, 200);
    // partial_success { rejected_spans: 0, error_message: .. }
    assert_eq!(answer.body[2..4], [0x08, 0x00]);
    assert!(answer.text().contains("1 strings repaired"), "{}", answer.text());
    let (_, mut data) = stand.sink.last();
    let spans = &data.traces_mut().resource_spans[0].scope_spans[0].spans;
    assert_eq!([&spans[0].name[..], &spans[1].name], ["\u{fffd}ET /", "GET /"]);
    stand.stop().await;
}

#[tokio::test]
async fn i6_flipped_bits_are_accepted_or_the_clients_fault() {
    let stand = Stand::new().await;
    let body = spans(vec![span_with(nested(3)), span()]);
    // Every bit of the first bytes and a spread over the rest.
    for bit in (0..body.len() * 8).step_by(7) {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let answer = post(stand.http, "/v1/traces", PROTOBUF, &flipped).await;
        assert!([200, 400].contains(&answer.status), "bit {bit}: {}", answer.status);
    }
    stand.stop().await;
}

#[tokio::test]
async fn i6_edge_cases_of_json() {
    let stand = Stand::new().await;
    let span = |fields: &str| {
        format!(
            r#"{{"resource_spans":[{{"scopeSpans":[{{"spans":[{{"traceId":"0101010101010101010101010101010A",
            "spanId":"0202020202020202",{fields}}}]}}]}}]}}"#
        )
    };
    let cases = [
        (span(r#""kind":"SPAN_KIND_SERVER","startTimeUnixNano":9007199254740993"#), 200),
        (span(r#""kind":2,"start_time_unix_nano":"9007199254740993","unknown":{"a":[null]}"#), 200),
        (span(r#""name":null,"attributes":[{"key":"a","value":{"arrayValue":{}}}]"#), 200),
        (span(r#""attributes":[{"key":"a","value":{"doubleValue":"NaN"}}]"#), 200),
        (span(r#""startTimeUnixNano":1e999"#), 400),
        (span(r#""startTimeUnixNano":-1"#), 400),
        (span(r#""name":{}"#), 400),
    ];
    for (json, status) in cases {
        let before = stand.sink.items();
        let answer = post(stand.http, "/v1/traces", JSON, json.as_bytes()).await;
        assert_eq!(answer.status, status, "{json}: {}", answer.text());
        assert_eq!(stand.sink.items() - before, usize::from(status == 200));
        if json.contains("9007199254740993") {
            let (_, mut data) = stand.sink.last();
            let span = &data.traces_mut().resource_spans[0].scope_spans[0].spans[0];
            assert_eq!((span.start_time_unix_nano, span.kind), (9_007_199_254_740_993, 2));
        }
    }
    stand.stop().await;
}

#[tokio::test]
async fn i7_odd_times_pass_as_they_are() {
    let stand = Stand::new().await;
    let odd = Span { start_time_unix_nano: 2, end_time_unix_nano: 1, ..span() };
    assert!(grpc_call(stand.grpc, TRACES, &[], &spans(vec![odd, span()])).await.unwrap().is_empty());
    assert_eq!(stand.sink.items(), 2);
    stand.stop().await;
}
