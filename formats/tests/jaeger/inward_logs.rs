//! §Logs to events.

use prost_types::Timestamp;
use sluice_formats::jaeger::api_v2::{KeyValue, Log, Span};
use sluice_pdata::otlp::common::v1::KeyValue as Attribute;

use crate::support::{START, decode_span, int, rows, span, tag, text};

fn event(fields: &[KeyValue], name: &str, attributes: &[Attribute]) {
    let timestamp = Some(Timestamp { seconds: START, nanos: 5000 });
    let log = Log { timestamp, fields: fields.to_vec() };
    let span = decode_span(Span { logs: vec![log.clone(), log], ..span() });
    assert_eq!(span.events.len(), 2);
    for event in span.events {
        assert_eq!(event.time_unix_nano, START as u64 * 1_000_000_000 + 5000);
        assert_eq!((event.name.as_str(), event.attributes.as_slice()), (name, attributes));
    }
}

rows! { event {
    no_fields_gives_time_only: &[], "", &[];
    event_becomes_the_name: &[tag("a", 1), tag("event", "retry"), tag("b", "c")], "retry", &[int("a", 1), text("b", "c")];
    message_is_no_name: &[tag("message", "hello")], "", &[text("message", "hello")];
    event_that_is_no_text_stays: &[tag("event", 7)], "", &[int("event", 7)];
    last_of_two_events_wins: &[tag("event", "a"), tag("event", "b")], "b", &[];
} }
