//! §Thrift wire: what stands around a batch, down to the byte.

use sluice_formats::jaeger::{Protocol, ZIPKIN_BATCH, decode_emit_batch, decode_thrift_batch};
use sluice_formats::thrift::{Type, Write, binary, compact};
use sluice_formats::{Malformed, Translated};
use sluice_pdata::Limits;
use sluice_pdata::otlp::common::v1::KeyValue;
use thrift::protocol::TMessageType;

use crate::foreign;
use crate::support::{BINARY, COMPACT, batch, from_thrift, only_span, otlp, rows, span, tag, text};

/// A datagram as documented: service `svc`, trace 1/2, span 3, `op`, flags 1, tag error=true.
const COMPACT_EXAMPLE: &str = "82810109656d69744261746368 1c 1c180373766300 191c 1604160216061600 18026f70 2502 \
    168289a2abd594cf05 16a8907a 191c18056572726f7215043100 00 00 00";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}

fn emit(packet: &[u8], protocol: Protocol) -> Result<Translated, Malformed> {
    decode_emit_batch(packet, protocol, &Limits::default())
}

#[test]
fn the_compact_example_is_read_and_so_is_what_follows_it() {
    let packet = hex(COMPACT_EXAMPLE);
    let translated = emit(&packet, COMPACT).expect("translates");
    let span = only_span(otlp(&translated));
    assert_eq!(span.trace_id, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!(span.span_id, [0, 0, 0, 0, 0, 0, 0, 3]);
    assert_eq!(span.start_time_unix_nano, 1_581_452_772_000_321_000);
    assert_eq!(span.end_time_unix_nano, 1_581_452_772_000_321_000 + 1_000_468_000);
    assert_eq!(span.status.map(|status| status.code), Some(2));

    let twice = [&packet[..], &packet].concat();
    assert_eq!(emit(&twice, COMPACT), Ok(translated), "a second message in the packet is ignored");
}

#[test]
fn no_prefix_of_a_packet_passes_or_panics() {
    let example = batch(vec![span()]);
    for protocol in [BINARY, COMPACT] {
        let packet = foreign::call(&example, "emitBatch", TMessageType::OneWay, protocol);
        for end in 0..packet.len() {
            assert!(emit(&packet[..end], protocol).is_err(), "{protocol:?} cut at {end}");
        }
        let body = foreign::batch(&example, 0, protocol);
        for end in 0..body.len() {
            assert!(decode_thrift_batch(&body[..end], protocol, &Limits::default()).is_err());
        }
    }
}

fn envelope(method: &str, kind: TMessageType, refused: Option<&str>) {
    for protocol in [BINARY, COMPACT] {
        let example = batch(vec![span()]);
        let result = emit(&foreign::call(&example, method, kind, protocol), protocol);
        match refused {
            None => assert_eq!(otlp(&result.expect("translates")), from_thrift(&example, 0)),
            Some(text) => {
                let error = result.expect_err("refused");
                assert!(matches!(error, Malformed::Bytes { what, offset: 0 } if what == text), "{error}");
            }
        }
    }
}

rows! { envelope {
    one_way: "emitBatch", TMessageType::OneWay, None;
    call_instead_of_one_way: "emitBatch", TMessageType::Call, None;
    zipkin_batch_is_refused_by_name: "emitZipkinBatch", TMessageType::OneWay, Some(ZIPKIN_BATCH);
    unknown_method: "emitButch", TMessageType::OneWay, Some("method is not emitBatch");
} }

#[test]
fn an_envelope_without_a_version_is_read() {
    let strict = foreign::call(&batch(vec![span()]), "emitBatch", TMessageType::OneWay, BINARY);
    // Length and name, then the kind, then the sequence number.
    let old = [&strict[4..17], &[4], &strict[17..]].concat();
    assert_eq!(emit(&old, BINARY), emit(&strict, BINARY));
}

#[test]
fn a_call_without_a_batch_is_refused() {
    let empty = hex("82810109656d69744261746368 00");
    assert!(emit(&empty, COMPACT).is_err());
}

#[test]
fn text_that_is_not_utf8_is_repaired_at_the_door_and_never_refused() {
    let mut packet = hex(COMPACT_EXAMPLE);
    let at = packet.windows(2).position(|two| two == b"op").expect("the name");
    packet[at] = 0xFF;
    let translated = emit(&packet, COMPACT).expect("translates");
    let (data, repairs) =
        sluice_pdata::Pdata::from_wire(sluice_pdata::Signal::Traces, translated.wire, &Limits::default())
            .expect("a request");
    assert_eq!((data.items(), repairs.repaired_strings), (1, 1));
}

#[test]
fn a_packet_of_65000_bytes_is_read() {
    let mut spans = vec![span()];
    spans[0].tags = vec![tag("filler", "x".repeat(64_800).as_str())];
    let packet = foreign::call(&batch(spans), "emitBatch", TMessageType::OneWay, COMPACT);
    assert!((64_800..=65_000).contains(&packet.len()));
    assert_eq!(emit(&packet, COMPACT).expect("translates").items, 1);
}

#[test]
fn a_span_without_a_required_field_costs_itself() {
    // Process, and a list of two structs: the example's span, and one with an operation name only.
    let body = hex(
        "1c180373766300 192c 1604160216061600 18026f70 2502 168289a2abd594cf05 16a8907a 00 5803626164 00 00",
    );
    let translated = decode_thrift_batch(&body, COMPACT, &Limits::default()).expect("translates");
    assert_eq!(translated.items, 1);
    assert_eq!(translated.rejected.iter().collect::<Vec<_>>(), [("span without a required field", 1)]);
    assert_eq!(otlp(&translated).resource_spans[0].scope_spans[0].spans.len(), 1);
}

#[test]
fn a_batch_without_process_is_refused() {
    let body = hex("291c 1604160216061600 18026f70 2502 168289a2abd594cf05 16a8907a 00 00");
    let error = decode_thrift_batch(&body, COMPACT, &Limits::default()).expect_err("refused");
    assert!(error.to_string().contains("batch without process or spans"), "{error}");
}

/// A batch with one span that has one tag, whose fields are written in this order; 9 is none that the IDL knows.
fn with_tag(mut out: impl Write, fields: &[i16]) {
    let (batch, process, span, tag) = (&mut 0, &mut 0, &mut 0, &mut 0);
    out.field(batch, 1, Type::Struct);
    out.field(process, 1, Type::Binary);
    out.bytes(b"svc");
    out.stop();
    out.field(batch, 2, Type::List);
    out.list(Type::Struct, 1);
    for id in [1, 2, 3, 4, 8, 9] {
        if id == 8 {
            out.field(span, 5, Type::Binary);
            out.bytes(b"op");
            out.field(span, 7, Type::I32);
            out.i32(1);
        }
        out.field(span, id, Type::I64);
        out.i64(id.into());
    }
    out.field(span, 10, Type::List);
    out.list(Type::Struct, 1);
    for &id in fields {
        out.field(
            tag,
            id,
            if matches!(id, 2 | 9) {
                Type::I32
            } else if id == 6 {
                Type::I64
            } else {
                Type::Binary
            },
        );
        match id {
            1 => out.bytes(b"key"),
            2 => out.i32(0),
            6 => out.i64(7),
            9 => out.i32(7),
            _ => out.bytes(b"value"),
        }
    }
    for _ in 0..3 {
        out.stop();
    }
}

fn attributes_of(protocol: Protocol, tag: &[i16]) -> Vec<KeyValue> {
    let mut body = Vec::new();
    match protocol {
        Protocol::Binary => with_tag(binary::Writer::new(&mut body), tag),
        Protocol::Compact => with_tag(compact::Writer::new(&mut body), tag),
    }
    let translated = decode_thrift_batch(&body, protocol, &Limits::default()).expect("translates");
    only_span(otlp(&translated)).attributes
}

#[test]
fn the_fields_of_a_tag_may_come_in_any_order_and_with_others() {
    let orders: [&[i16]; 8] = [
        &[1, 2, 3],
        &[3, 2, 1],
        &[2, 1, 3],
        &[1, 3, 2],
        &[1, 2, 6, 3],
        &[1, 2, 3, 6],
        &[9, 1, 2, 3],
        &[1, 2, 3, 9],
    ];
    for fields in orders {
        for protocol in [BINARY, COMPACT] {
            assert_eq!(attributes_of(protocol, fields), [text("key", "value")], "{protocol:?} {fields:?}");
        }
    }
}

#[test]
fn a_tag_without_its_value_has_an_empty_one() {
    for protocol in [BINARY, COMPACT] {
        assert_eq!(attributes_of(protocol, &[1, 2]), [text("key", "")], "{protocol:?}");
    }
}
