//! What a sender may do who means harm. No answer may cost much more memory than the bytes it came in.

use allocation_counter::{AllocationInfo, measure};
use prost::Message;
use sluice_formats::jaeger::api_v2::{Batch, KeyValue, Span};
use sluice_formats::jaeger::{Protocol, decode_emit_batch, decode_post_spans, decode_thrift_batch};
use sluice_formats::{Malformed, Translated};
use sluice_pdata::Limits;
use thrift::protocol::TMessageType;

use crate::foreign;
use crate::support::{BINARY, COMPACT, batch, otlp, request, rows, span, tag};

fn measured<T>(run: impl FnOnce() -> T) -> (T, AllocationInfo) {
    let mut result = None;
    let info = measure(|| result = Some(run()));
    (result.expect("it ran"), info)
}

/// A body that is refused for next to no memory.
fn refused(body: &[u8], protocol: Protocol) {
    let (result, info) = measured(|| decode_thrift_batch(body, protocol, &Limits::default()));
    assert!(matches!(result, Err(Malformed::Bytes { .. })), "{result:?}");
    assert!(info.bytes_max < 4096, "{} bytes allocated", info.bytes_max);
}

const BINARY_SPANS: &[u8] = b"\x0f\x00\x02\x0c";
const BINARY_SPAN_TAGS: &[u8] = b"\x0f\x00\x02\x0c\x00\x00\x00\x01\x0f\x00\x0a\x0c";
const BINARY_NAME: &[u8] = b"\x0f\x00\x02\x0c\x00\x00\x00\x01\x0b\x00\x05";
const LARGEST: &[u8] = &[0x7F, 0xFF, 0xFF, 0xFF];
const NEGATIVE: &[u8] = &[0xFF, 0xFF, 0xFF, 0xFF];
const COMPACT_LARGEST: &[u8] = &[0xFF, 0xFF, 0xFF, 0xFF, 0x07];
const COMPACT_NEGATIVE: &[u8] = &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F];

rows! { refused {
    i8_binary_list_of_2_to_the_31_spans: &[BINARY_SPANS, LARGEST, &[0; 99]].concat(), BINARY;
    i8_binary_list_of_minus_one_spans: &[BINARY_SPANS, NEGATIVE, &[0; 99]].concat(), BINARY;
    i8_binary_list_of_2_to_the_31_tags: &[BINARY_SPAN_TAGS, LARGEST, &[0; 99]].concat(), BINARY;
    i8_binary_list_of_minus_one_tags: &[BINARY_SPAN_TAGS, NEGATIVE, &[0; 99]].concat(), BINARY;
    i8_binary_string_of_2_gigabytes: &[BINARY_NAME, LARGEST, &[0; 99]].concat(), BINARY;
    i8_binary_string_of_negative_length: &[BINARY_NAME, NEGATIVE, &[0; 99]].concat(), BINARY;
    i8_binary_unknown_map_of_2_to_the_31: &[b"\x0d\x00\x09\x0b\x0b", LARGEST, &[0; 99]].concat(), BINARY;
    i8_binary_unknown_set_of_2_to_the_31: &[b"\x0e\x00\x09\x0a", LARGEST, &[0; 99]].concat(), BINARY;
    i8_compact_list_of_2_to_the_31_spans: &[b"\x29\xfc", COMPACT_LARGEST, &[0; 99]].concat(), COMPACT;
    i8_compact_list_of_minus_one_spans: &[b"\x29\xfc", COMPACT_NEGATIVE, &[0; 99]].concat(), COMPACT;
    i8_compact_string_of_2_gigabytes: &[b"\x29\x1c\x58", COMPACT_LARGEST, &[0; 99]].concat(), COMPACT;
    i8_compact_string_of_negative_length: &[b"\x29\x1c\x58", COMPACT_NEGATIVE, &[0; 99]].concat(), COMPACT;
    i8_compact_unknown_map_of_2_to_the_31: &[b"\x9b", COMPACT_LARGEST, b"\x88", &[0; 99]].concat(), COMPACT;
    i8_compact_unknown_set_of_minus_one: &[b"\x9a\xf6", COMPACT_NEGATIVE, &[0; 99]].concat(), COMPACT;
    i8_binary_unknown_structs_1000_deep: &[&b"\x0c\x00\x09".repeat(1000)[..], &[0; 1001]].concat(), BINARY;
    i8_compact_unknown_structs_1000_deep: &[&[0x9C; 1000][..], &[0; 1001]].concat(), COMPACT;
    i8_compact_unknown_lists_1000_deep: &[&[0x99][..], &[0x19; 1000], &[0; 1001]].concat(), COMPACT;
    i8_http_in_place_of_binary: b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", BINARY;
    i8_empty_body: b"", COMPACT;
    i8_unknown_type: b"\x07\x00\x01rest", BINARY;
} }

#[test]
fn i8_a_packet_of_the_other_protocol_is_refused() {
    for (written, read) in [(BINARY, COMPACT), (COMPACT, BINARY)] {
        let packet = foreign::call(&batch(vec![span()]), "emitBatch", TMessageType::OneWay, written);
        let (result, info) = measured(|| decode_emit_batch(&packet, read, &Limits::default()));
        assert!(matches!(result, Err(Malformed::Bytes { offset: 0, .. })), "{result:?}");
        assert!(info.bytes_max < 4096);
    }
}

/// The smallest elements that make much of little: memory stays within a multiple of the input.
fn amplified(body: Vec<u8>, decode: impl Fn(&[u8]) -> Result<Translated, Malformed>) {
    let (result, info) = measured(|| decode(&body));
    assert!(result.is_ok(), "{result:?}");
    let per_byte = info.bytes_max as usize / body.len();
    assert!(per_byte < 48, "{per_byte} bytes at once per byte of input");
}

fn thrift(protocol: Protocol) -> impl Fn(&[u8]) -> Result<Translated, Malformed> {
    move |body| decode_thrift_batch(body, protocol, &Limits::default())
}

fn proto(body: &[u8]) -> Result<Translated, Malformed> {
    decode_post_spans(body, &Limits::default())
}

fn flood(span: Span) -> Batch {
    batch(vec![span])
}

fn many_tags() -> Batch {
    flood(Span { tags: vec![tag("", ""); 50_000], ..span() })
}

fn many_logs() -> Batch {
    flood(Span { logs: vec![Default::default(); 50_000], ..span() })
}

fn many_references() -> Batch {
    flood(Span { references: vec![Default::default(); 50_000], ..span() })
}

fn many_warnings() -> Batch {
    flood(Span { warnings: vec![String::new(); 50_000], ..span() })
}

fn many_spans() -> Batch {
    batch(vec![Span { flags: 1, ..Span::default() }; 50_000])
}

fn many_processes() -> Batch {
    let process = |i| sluice_formats::jaeger::api_v2::Process { service_name: format!("{i}"), tags: vec![] };
    batch((0..20_000).map(|i| Span { process: Some(process(i)), ..Span::default() }).collect())
}

fn many_scopes() -> Batch {
    let scoped = |i| Span { tags: vec![tag("otel.scope.name", format!("{i}").as_str())], ..Span::default() };
    batch((0..20_000).map(scoped).collect())
}

rows! { amplified {
    i8_many_tags_by_compact: foreign::batch(&many_tags(), 0, COMPACT), thrift(COMPACT);
    i8_many_logs_by_compact: foreign::batch(&many_logs(), 0, COMPACT), thrift(COMPACT);
    i8_many_references_by_compact: foreign::batch(&many_references(), 0, COMPACT), thrift(COMPACT);
    i8_many_spans_by_compact: foreign::batch(&many_spans(), 0, COMPACT), thrift(COMPACT);
    i8_many_tags_by_proto: request(many_tags()), proto;
    i8_many_logs_by_proto: request(many_logs()), proto;
    i8_many_references_by_proto: request(many_references()), proto;
    i8_many_warnings_by_proto: request(many_warnings()), proto;
    i8_many_spans_by_proto: request(many_spans()), proto;
    i8_many_processes_by_proto: request(many_processes()), proto;
    i8_many_scopes_by_proto: request(many_scopes()), proto;
} }

/// What would decode to more than the limit is refused before that much is held.
fn limited(body: Vec<u8>, decode: impl Fn(&[u8], &Limits) -> Result<Translated, Malformed>) {
    let limits = Limits { max_decoded_bytes: 64 << 10, ..Limits::default() };
    let (result, info) = measured(|| decode(&body, &limits));
    assert!(matches!(result, Err(Malformed::TooLarge { limit: 65_536, .. })), "{result:?}");
    assert!(info.bytes_max < 512 << 10, "{} bytes", info.bytes_max);
}

fn by_compact(body: &[u8], limits: &Limits) -> Result<Translated, Malformed> {
    decode_thrift_batch(body, COMPACT, limits)
}

rows! { limited {
    i8_tags_beyond_the_limit_by_compact: foreign::batch(&many_tags(), 0, COMPACT), by_compact;
    i8_logs_beyond_the_limit_by_compact: foreign::batch(&many_logs(), 0, COMPACT), by_compact;
    i8_references_beyond_the_limit_by_compact: foreign::batch(&many_references(), 0, COMPACT), by_compact;
    i8_spans_beyond_the_limit_by_compact: foreign::batch(&many_spans(), 0, COMPACT), by_compact;
    i8_tags_beyond_the_limit_by_proto: request(many_tags()), decode_post_spans;
    i8_logs_beyond_the_limit_by_proto: request(many_logs()), decode_post_spans;
    i8_references_beyond_the_limit_by_proto: request(many_references()), decode_post_spans;
    i8_warnings_beyond_the_limit_by_proto: request(many_warnings()), decode_post_spans;
    i8_spans_beyond_the_limit_by_proto: request(many_spans()), decode_post_spans;
    i8_processes_beyond_the_limit_by_proto: request(many_processes()), decode_post_spans;
} }

#[test]
fn i8_more_spans_than_allowed_are_refused() {
    let limits = Limits { max_items: 1, ..Limits::default() };
    let two = batch(vec![span(), span()]);
    let body = foreign::batch(&two, 0, BINARY);
    let too_large = Err(Malformed::TooLarge { what: "number of items", limit: 1 });
    assert_eq!(decode_thrift_batch(&body, BINARY, &limits), too_large);
    assert_eq!(decode_post_spans(&request(two), &limits), too_large);
}

fn rejected(bad: Span, reason: &str) {
    let translated = proto(&request(batch(vec![span(), bad, span()]))).expect("translates");
    assert_eq!(translated.rejected.iter().collect::<Vec<_>>(), [(reason, 1)]);
    assert_eq!((translated.items, otlp(&translated).resource_spans[0].scope_spans[0].spans.len()), (2, 2));
}

rows! { rejected {
    a_trace_id_of_5_bytes_costs_its_span: Span { trace_id: vec![1; 5], ..span() }, "trace id is not 16 bytes long";
    a_span_id_of_16_bytes_costs_its_span: Span { span_id: vec![1; 16], ..span() }, "span id is not 8 bytes long";
    a_reference_with_a_bad_id_costs_its_span: Span {
        references: vec![sluice_formats::jaeger::api_v2::SpanRef { trace_id: vec![1], ..Default::default() }],
        ..span()
    }, "id of a reference has a wrong length";
} }

#[test]
fn a_known_field_of_another_type_is_malformed_where_it_stands() {
    let mut body = request(batch(vec![Span { tags: vec![KeyValue::default()], ..span() }]));
    let whole = body.len();
    // PostSpansRequest.batch once more, now as a number.
    body.extend([1 << 3, 7]);
    assert_eq!(proto(&body), Err(Malformed::Bytes { what: "wrong wire type", offset: whole }));
    assert!(sluice_formats::jaeger::api_v2::PostSpansRequest::decode(&body[..]).is_err(), "prost agrees");
}
