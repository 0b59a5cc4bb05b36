use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::otlp::Message;
use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{AnyValue, KeyValue};
use crate::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use crate::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use crate::otlp::{ExportLogsServiceRequest, ExportTraceServiceRequest};
use crate::testing::{UNLIMITED, decode, request};
use crate::wire::{WireType, Write};
use crate::{Pdata, Signal};

fn from_wire(signal: Signal, body: &[u8]) -> Result<(Pdata, Repairs), WireError> {
    Pdata::from_wire(signal, Bytes::copy_from_slice(body), &UNLIMITED)
}

/// A request with one message of field 2 around each of `records`.
fn envelope(records: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_message_field(1, 0, |out| {
        out.put_message_field(2, 0, |out| records.iter().for_each(|record| out.put_bytes_field(2, record)));
    });
    out
}

/// What holds for whatever bytes: see the assertions.
fn check(signal: Signal, body: &[u8]) -> Result<(), TestCaseError> {
    let structs = decode(signal, body);
    match from_wire(signal, body) {
        Ok((data, repairs)) => {
            let wire = data.wire().concat();
            let ours = decode(signal, &wire);
            prop_assert!(ours.is_some(), "what passed the door decodes");
            if repairs.is_empty()
                && let Some(structs) = structs
            {
                let ours = ours.unwrap();
                // NaN does not equal itself.
                let same = structs == ours || format!("{structs:?}") == format!("{ours:?}");
                prop_assert!(same, "it means the same");
            }
            prop_assert!(from_wire(signal, &wire).unwrap().1.is_empty(), "it passes again as it is");
        }
        Err(error) => prop_assert!(structs.is_none(), "prost accepts what the walk refused: {error}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn i6_the_walk_accepts_what_prost_accepts_after_damage(
        signal in proptest::sample::select(&Signal::ALL[..]),
        seed: u64,
        damage in vec((any::<prop::sample::Index>(), any::<u8>(), 0..4), 1..4),
    ) {
        let mut body = request(signal, seed).to_vec();
        for (at, byte, kind) in damage {
            if body.is_empty() {
                break;
            }
            let at = at.index(body.len());
            match kind {
                0 => body[at] = byte,
                1 => body[at] ^= 1 << (byte % 8),
                2 => drop(body.remove(at)),
                _ => body.insert(at, byte),
            }
        }
        check(signal, &body)?;
    }

    #[test]
    fn i6_random_bytes_do_no_harm(
        signal in proptest::sample::select(&Signal::ALL[..]),
        body in vec(prop_oneof![any::<u8>(), 0u8..32], 0..64),
    ) {
        check(signal, &body)?;
    }

    #[test]
    fn truncated_requests_are_refused_like_prost_does(signal in proptest::sample::select(&Signal::ALL[..]), seed: u64) {
        let body = request(signal, seed);
        for len in (0..body.len()).step_by(29) {
            prop_assert_eq!(from_wire(signal, &body[..len]).is_ok(), decode(signal, &body[..len]).is_some());
        }
    }
}

#[test]
fn clean_input_is_kept_as_it_is() {
    for signal in Signal::ALL {
        let body = request(signal, 3);
        let (data, repairs) = Pdata::from_wire(signal, body.clone(), &UNLIMITED).unwrap();
        assert!(repairs.is_empty());
        assert_eq!(data.wire()[0].as_ptr(), body.as_ptr(), "no copy");
    }
    let (empty, _) = from_wire(Signal::Logs, b"").unwrap();
    assert!(empty.is_empty() && empty.wire().is_empty());
}

#[test]
fn malformed_input_is_refused_with_its_position() {
    let offset = |body: &[u8]| match from_wire(Signal::Traces, body) {
        Err(WireError::Malformed { offset, what }) => (offset, what),
        other => panic!("{other:?}"),
    };
    assert_eq!(offset(b"\x0A\x05\x12"), (1, "length exceeds the enclosing message"));
    assert_eq!(offset(b"\x0A\x02\x12\x01"), (3, "length exceeds the enclosing message"));
    assert_eq!(offset(b"\x0A\x00\x00"), (2, "invalid field number"));
    assert_eq!(offset(b"\x0A\x00\x16"), (3, "invalid wire type"));
    assert_eq!(offset(b"\x08\x01"), (1, "wrong wire type"));
    assert_eq!(offset(b"\x7B\x74"), (2, "end of a group that was not started"));
    assert_eq!(offset(b"\x78\xFF\xFF"), (1, "varint is cut off"));
    assert_eq!(offset(&[b"\x78".as_slice(), &[0xFF; 9], &[2]].concat()), (1, "varint is too long"));
}

#[test]
fn groups_are_skipped_up_to_a_depth() {
    let nested = |depth: usize| [vec![0x7B; depth], vec![0x7C; depth]].concat();
    let (data, _) = from_wire(Signal::Traces, &nested(64)).unwrap();
    assert_eq!(data.wire().concat(), nested(64), "an unknown field survives");
    assert!(matches!(from_wire(Signal::Traces, &nested(65)), Err(WireError::Malformed { .. })));
    assert!(matches!(from_wire(Signal::Traces, &nested(1_000_000)), Err(WireError::Malformed { .. })));
}

/// `element` two million times, inside messages of these field numbers, innermost first.
fn bomb(element: &[u8], levels: &[u32]) -> Bytes {
    let body = element.repeat(2_000_000);
    let nested = levels.iter().fold(body, |body, &number| {
        let mut out = Vec::new();
        out.put_bytes_field(number, &body);
        out
    });
    nested.into()
}

#[test]
fn i3_the_bomb_of_empty_spans_exceeds_the_default_limit() {
    let bomb = bomb(b"\x12\x00", &[2, 1]);
    let limit = 24 * bomb.len() + crate::FREE_DECODED_BYTES;
    let refused = Pdata::from_wire(Signal::Traces, bomb, &Limits::default()).unwrap_err();
    assert_eq!(refused, WireError::TooLarge { what: "decoded size in bytes", limit });
}

#[test]
fn i3_every_repeated_field_is_priced() {
    // Eight times what the elements take at two bytes each.
    let limits = Limits { max_decoded_bytes: 31_000_000, ..UNLIMITED };
    let bombs: [(&str, Signal, &[u8], &[u32]); 17] = [
        ("resources", Signal::Traces, b"\x0A\x00", &[]),
        ("scopes", Signal::Traces, b"\x12\x00", &[1]),
        ("spans", Signal::Traces, b"\x12\x00", &[2, 1]),
        ("events", Signal::Traces, b"\x5A\x00", &[2, 2, 1]),
        ("links", Signal::Traces, b"\x6A\x00", &[2, 2, 1]),
        ("attributes", Signal::Traces, b"\x4A\x00", &[2, 2, 1]),
        ("entity keys", Signal::Traces, b"\x1A\x00", &[3, 1, 1]),
        ("log records", Signal::Logs, b"\x12\x00", &[2, 1]),
        ("array values", Signal::Logs, b"\x0A\x00", &[5, 5, 2, 2, 1]),
        ("kvlist values", Signal::Logs, b"\x0A\x00", &[6, 5, 2, 2, 1]),
        ("metrics", Signal::Metrics, b"\x12\x00", &[2, 1]),
        ("number points", Signal::Metrics, b"\x0A\x00", &[7, 2, 2, 1]),
        ("exemplars", Signal::Metrics, b"\x2A\x00", &[1, 7, 2, 2, 1]),
        ("quantiles", Signal::Metrics, b"\x32\x00", &[1, 11, 2, 2, 1]),
        ("bounds", Signal::Metrics, &[0; 8], &[7, 1, 9, 2, 2, 1]),
        ("buckets", Signal::Metrics, &[0; 8], &[6, 1, 9, 2, 2, 1]),
        ("exponential buckets", Signal::Metrics, b"\x01", &[2, 8, 1, 10, 2, 2, 1]),
    ];
    for (name, signal, element, levels) in bombs {
        let result = Pdata::from_wire(signal, bomb(element, levels), &limits);
        assert!(matches!(result, Err(WireError::TooLarge { .. })), "{name}: {result:?}");
    }
}

#[test]
fn item_limit_is_exact() {
    let body = envelope(&vec![Vec::new(); 10]);
    let limits = |max_items| Limits { max_items, ..UNLIMITED };
    assert!(Pdata::from_wire(Signal::Logs, body.clone().into(), &limits(10)).is_ok());
    let refused = Pdata::from_wire(Signal::Logs, body.into(), &limits(9)).unwrap_err();
    assert_eq!(refused.to_string(), "too large: number of items exceeds the limit of 9");
}

#[test]
fn i4_depth_64_is_kept_and_65_costs_the_attribute() {
    let attribute = |levels| {
        let mut attribute = Vec::new();
        attribute.put_bytes_field(1, b"deep");
        attribute.put_message_field(2, 0, |out| crate::rewrite::tests::nest(out, levels));
        attribute
    };
    let span = |levels| {
        let mut span = Vec::new();
        span.put_bytes_field(5, b"name");
        span.put_bytes_field(9, &attribute(levels));
        span.put_message_field(9, 0, |out| out.put_bytes_field(1, b"neighbour"));
        span
    };
    let kept = |levels| {
        let (mut data, repairs) = from_wire(Signal::Traces, &envelope(&[span(levels), span(1)])).unwrap();
        assert_eq!((data.items(), repairs.rejected_items), (2, 0));
        let spans = &data.traces_mut().resource_spans[0].scope_spans[0].spans;
        (spans[0].attributes.iter().map(|a| a.key.clone()).collect::<Vec<_>>(), repairs.cut_attributes)
    };
    assert_eq!(kept(64), (vec!["deep".into(), "neighbour".into()], 0));
    assert_eq!(kept(65), (vec!["neighbour".into()], 1));
    assert_eq!(kept(10_000), (vec!["neighbour".into()], 1));
}

#[test]
fn i4_a_million_levels_do_not_overflow_the_stack() {
    // Written from the inside: each level is a key, a length and the level before; lengths are patched by hand,
    // because a million prefixes would be quadratic otherwise.
    let mut reversed = Vec::new();
    for level in 0..1_000_000 {
        let mut prefix = Vec::new();
        prefix.put_key(if level % 2 == 0 { 1 } else { 5 }, WireType::Len);
        prefix.put_varint(reversed.len() as u64);
        reversed.extend(prefix.iter().rev());
    }
    reversed.reverse();
    let mut body = Vec::new();
    body.put_message_field(1, 0, |out| {
        out.put_message_field(2, 0, |out| {
            out.put_message_field(2, 0, |out| {
                out.put_message_field(5, 0, |out| out.extend_from_slice(&reversed))
            });
        });
    });
    let (data, repairs) = from_wire(Signal::Logs, &body).unwrap();
    assert_eq!((data.items(), repairs.cut_attributes), (1, 1));
    assert!(data.size() < 20, "the body is gone, the record is there");
}

fn log(body: &str) -> LogRecord {
    LogRecord {
        body: Some(AnyValue { value: Some(Value::StringValue(body.into())) }),
        attributes: vec![KeyValue { key: body.into(), ..Default::default() }],
        ..Default::default()
    }
}

#[test]
fn i5_invalid_utf8_becomes_replacement_characters_and_neighbours_stay() {
    let records = vec![log("before"), log("broken ~~ text"), log("after")];
    let scope_logs = vec![ScopeLogs { log_records: records, ..Default::default() }];
    let request =
        ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..Default::default() }] };
    let body: Vec<u8> = request.encode_to_vec().iter().map(|&b| if b == b'~' { 0xFF } else { b }).collect();
    let (mut data, repairs) = from_wire(Signal::Logs, &body).unwrap();
    assert_eq!(repairs.repaired_strings, 2);
    assert_eq!(repairs.message().unwrap(), "2 strings repaired (first: string is not UTF-8)");
    let expected = vec![log("before"), log("broken \u{FFFD}\u{FFFD} text"), log("after")];
    assert_eq!(data.logs_mut().resource_logs[0].scope_logs[0].log_records, expected);
}

#[test]
fn i7_bad_ids_reject_the_item_zero_and_empty_ids_pass() {
    let span = |trace_id: &[u8], span_id: &[u8]| Span {
        trace_id: trace_id.into(),
        span_id: span_id.into(),
        start_time_unix_nano: 2,
        end_time_unix_nano: 1,
        ..Default::default()
    };
    let good = [span(&[1; 16], &[1; 8]), span(&[0; 16], &[0; 8]), span(&[], &[])];
    let bad = [span(&[1; 15], &[1; 8]), span(&[1; 16], &[1; 9]), span(&[1], &[])];
    let spans = good.iter().zip(&bad).flat_map(|(good, bad)| [good.clone(), bad.clone()]).collect();
    let scope_spans = vec![ScopeSpans { spans, ..Default::default() }];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..Default::default() }],
    };
    let (mut data, repairs) = from_wire(Signal::Traces, &request.encode_to_vec()).unwrap();
    assert_eq!((data.items(), repairs.rejected_items), (3, 3));
    assert_eq!(data.traces_mut().resource_spans[0].scope_spans[0].spans, good);
    assert_eq!(
        repairs.message().unwrap(),
        "3 items rejected (first: trace id is not 16 bytes, or span id not 8)"
    );
}
