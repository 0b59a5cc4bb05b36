//! The request that the load generator sends: 100 spans of about 490 bytes, as a web shop would emit them.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use prost::Message as _;

use crate::scan;

/// Spans in one request.
pub(crate) const ITEMS: usize = 100;

/// An encoded request whose span IDs can be overwritten.
pub(crate) struct Template {
    bytes: Vec<u8>,
    ids: Vec<Range<usize>>,
}

impl Template {
    /// Builds and encodes the request.
    pub(crate) fn new() -> Self {
        let bytes = request().encode_to_vec();
        // An encoder's own output cannot be malformed; without IDs the account would show it at once.
        let ids = scan::span_ids(&bytes).unwrap_or_default();
        Self { bytes, ids }
    }

    /// The request with spans numbered from `first` on: the span ID is the number, big-endian.
    pub(crate) fn request(&self, first: u64) -> Bytes {
        let mut bytes = BytesMut::from(self.bytes.as_slice());
        for (number, id) in (first..).zip(&self.ids) {
            if let Some(place) = bytes.get_mut(id.clone()) {
                place.copy_from_slice(&number.to_be_bytes());
            }
        }
        bytes.freeze()
    }
}

fn request() -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![
            text("service.name", "checkout"),
            text("service.version", "2.14.3"),
            text("deployment.environment.name", "production"),
            text("host.name", "node-17.eu-west-1.example"),
            text("telemetry.sdk.language", "java"),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "io.opentelemetry.servlet-5.0".to_owned(),
        version: "2.9.0".to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans: (0..ITEMS as u64).map(span).collect(),
        ..ScopeSpans::default()
    };
    let resource_spans = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn span(n: u64) -> Span {
    let start = 1_790_000_000_000_000_000 + n * 1_000_003;
    Span {
        trace_id: (0x5b8a_a5a2_d2c8_72e8_321c_f373_08d6_9df2_u128 ^ u128::from(n / 10))
            .to_be_bytes()
            .to_vec(),
        span_id: (n + 1).to_be_bytes().to_vec(),
        parent_span_id: 0x0517_1a22_9e0f_3b4d_u64.to_be_bytes().to_vec(),
        name: "GET /api/v1/orders/{order_id}".to_owned(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 23_456_789,
        attributes: vec![
            text("http.request.method", "GET"),
            text("url.path", &format!("/api/v1/orders/{}", 100_000 + n)),
            text("url.scheme", "https"),
            int("http.response.status_code", 200),
            text("server.address", "shop.example.com"),
            int("server.port", 8443),
            text("client.address", &format!("203.0.113.{}", n % 250)),
            text("network.protocol.version", "1.1"),
            text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/141.0"),
            text("enduser.id", &format!("customer-{:06}", n * 7919 % 1_000_000)),
            int("thread.id", 41),
        ],
        status: Some(Status::default()),
        flags: 0x101,
        ..Span::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_about_490_bytes() {
        let per_span = Template::new().request(0).len() / ITEMS;
        assert!((480..=500).contains(&per_span), "{per_span}");
    }

    #[test]
    fn numbers_replace_the_span_ids_and_nothing_else() {
        let template = Template::new();
        let decoded = ExportTraceServiceRequest::decode(template.request(1)).unwrap();
        assert_eq!(decoded, request());
    }
}
