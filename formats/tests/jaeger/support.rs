//! Short words for long messages.

use prost::Message;
use sluice_formats::Translated;
use sluice_formats::jaeger::api_v2::{Batch, KeyValue, PostSpansRequest, Process, Span, SpanRef};
use sluice_formats::jaeger::{
    Protocol, decode_post_spans, decode_thrift_batch, encode_post_spans, encode_thrift_batch,
};
use sluice_pdata::otlp::ExportTraceServiceRequest;
use sluice_pdata::otlp::common::v1 as common;
use sluice_pdata::otlp::common::v1::any_value::Value;
use sluice_pdata::otlp::trace::v1 as otlp;
use sluice_pdata::{Limits, Pdata, Signal};

use crate::foreign;

/// One test per row: `name: arguments`.
macro_rules! rows {
    ($check:ident { $($(#[$doc:meta])* $name:ident: $($argument:expr),+;)+ }) => {
        $($(#[$doc])* #[test] fn $name() { $check($($argument),+); })+
    };
}
pub(crate) use rows;

pub(crate) const BINARY: Protocol = Protocol::Binary;
pub(crate) const COMPACT: Protocol = Protocol::Compact;

pub(crate) const START: i64 = 1_581_452_772;

pub(crate) fn tag(key: &str, value: impl Into<Tag>) -> KeyValue {
    KeyValue { key: key.into(), ..value.into().0 }
}

pub(crate) struct Tag(KeyValue);

impl From<&str> for Tag {
    fn from(text: &str) -> Self {
        Self(KeyValue { v_type: 0, v_str: text.into(), ..KeyValue::default() })
    }
}

impl From<bool> for Tag {
    fn from(value: bool) -> Self {
        Self(KeyValue { v_type: 1, v_bool: value, ..KeyValue::default() })
    }
}

impl From<i64> for Tag {
    fn from(value: i64) -> Self {
        Self(KeyValue { v_type: 2, v_int64: value, ..KeyValue::default() })
    }
}

impl From<f64> for Tag {
    fn from(value: f64) -> Self {
        Self(KeyValue { v_type: 3, v_float64: value, ..KeyValue::default() })
    }
}

impl From<&[u8]> for Tag {
    fn from(value: &[u8]) -> Self {
        Self(KeyValue { v_type: 4, v_binary: value.into(), ..KeyValue::default() })
    }
}

pub(crate) fn trace_id(low: u8) -> Vec<u8> {
    let mut id = vec![0; 16];
    id[0] = 0xFF;
    id[15] = low;
    id
}

pub(crate) fn span_id(low: u8) -> Vec<u8> {
    vec![0xFE, 0, 0, 0, 0, 0, 0, low]
}

pub(crate) fn child_of(trace: u8, span: u8) -> SpanRef {
    SpanRef { trace_id: trace_id(trace), span_id: span_id(span), ref_type: 0 }
}

pub(crate) fn follows_from(trace: u8, span: u8) -> SpanRef {
    SpanRef { ref_type: 1, ..child_of(trace, span) }
}

/// Span 3 of trace 1.
pub(crate) fn span() -> Span {
    Span {
        trace_id: trace_id(1),
        span_id: span_id(3),
        operation_name: "op".into(),
        flags: 1,
        start_time: Some(prost_types::Timestamp { seconds: START, nanos: 321_000 }),
        duration: Some(prost_types::Duration { seconds: 1, nanos: 468_000 }),
        ..Span::default()
    }
}

pub(crate) fn process() -> Process {
    Process { service_name: "svc".into(), tags: Vec::new() }
}

pub(crate) fn batch(spans: Vec<Span>) -> Batch {
    Batch { spans, process: Some(process()) }
}

pub(crate) fn request(batch: Batch) -> Vec<u8> {
    PostSpansRequest { batch: Some(batch) }.encode_to_vec()
}

/// Checks that the door has nothing to say of the bytes, and decodes them.
pub(crate) fn otlp(translated: &Translated) -> ExportTraceServiceRequest {
    let (data, repairs) =
        Pdata::from_wire(Signal::Traces, translated.wire.clone(), &Limits::default()).expect("a request");
    assert!(repairs.is_empty(), "{repairs:?}");
    assert_eq!(data.items(), translated.items);
    assert_eq!(data.wire().concat(), translated.wire, "canonical");
    ExportTraceServiceRequest::decode(&translated.wire[..]).expect("prost agrees")
}

pub(crate) fn from_proto(batch: Batch) -> ExportTraceServiceRequest {
    let translated = decode_post_spans(&request(batch), &Limits::default()).expect("translates");
    assert!(translated.rejected.is_empty(), "{:?}", translated.rejected);
    otlp(&translated)
}

pub(crate) fn from_thrift(batch: &Batch, parent: i64) -> ExportTraceServiceRequest {
    let [binary, compact] = [BINARY, COMPACT].map(|protocol| {
        let bytes = foreign::batch(batch, parent, protocol);
        let translated = decode_thrift_batch(&bytes, protocol, &Limits::default()).expect("translates");
        assert!(translated.rejected.is_empty(), "{:?}", translated.rejected);
        otlp(&translated)
    });
    assert_eq!(binary, compact);
    binary
}

/// By all wire forms, which must agree.
pub(crate) fn decode(batch: Batch) -> ExportTraceServiceRequest {
    let thrift = from_thrift(&batch, 0);
    let proto = from_proto(batch);
    assert_eq!(thrift, proto);
    proto
}

pub(crate) fn only_span(mut request: ExportTraceServiceRequest) -> otlp::Span {
    assert_eq!(request.resource_spans.len(), 1);
    let mut resource = request.resource_spans.remove(0);
    assert_eq!(resource.scope_spans.len(), 1);
    let mut scope = resource.scope_spans.remove(0);
    assert_eq!(scope.spans.len(), 1);
    scope.spans.remove(0)
}

/// The one span, by all wire forms.
pub(crate) fn decode_span(span: Span) -> otlp::Span {
    only_span(decode(batch(vec![span])))
}

pub(crate) fn attribute(key: &str, value: Value) -> common::KeyValue {
    let value = Some(common::AnyValue { value: Some(value) });
    common::KeyValue { key: key.into(), value, ..Default::default() }
}

pub(crate) fn text(key: &str, value: &str) -> common::KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

pub(crate) fn int(key: &str, value: i64) -> common::KeyValue {
    attribute(key, Value::IntValue(value))
}

/// A batch of one resource as bytes and as structs.
pub(crate) fn data(resource_spans: otlp::ResourceSpans) -> [Pdata; 2] {
    let request = ExportTraceServiceRequest { resource_spans: vec![resource_spans] };
    let wire = Pdata::from_wire(Signal::Traces, request.encode_to_vec().into(), &Limits::default());
    [wire.expect("a request").0, Pdata::from_traces(request)]
}

/// What the one resource becomes, by protobuf; the two Thrift protocols must say the same, apart from fractions of
/// microseconds. Also each span's `parentSpanId` in Thrift.
pub(crate) fn encode_with_parents(resource_spans: otlp::ResourceSpans) -> Option<(Batch, Vec<i64>)> {
    let [wire, structs] = data(resource_spans).map(|data| {
        let resource = data.traces().iter().next().expect("one resource");
        let mut out = Vec::new();
        let spans = encode_post_spans(&[resource], &mut out);
        let proto = PostSpansRequest::decode(&out[..]).expect("prost decodes it").batch;
        assert_eq!(spans, proto.as_ref().map(|batch| batch.spans.len()));
        let thrift = [BINARY, COMPACT].map(|protocol| {
            let mut out = Vec::new();
            let spans = encode_thrift_batch(&[resource], protocol, &mut out)?;
            let batch = foreign::read_batch(&out, protocol);
            assert_eq!(spans, batch.0.spans.len());
            Some(batch)
        });
        assert_eq!(thrift[0], thrift[1]);
        let (batch, parents) = thrift.into_iter().next().flatten().unzip();
        let mut proto_in_micros = proto.clone();
        for span in proto_in_micros.iter_mut().flat_map(|batch| &mut batch.spans) {
            let cut = |nanos: &mut i32| *nanos -= *nanos % 1000;
            span.start_time.iter_mut().for_each(|time| cut(&mut time.nanos));
            span.duration.iter_mut().for_each(|time| cut(&mut time.nanos));
            span.logs
                .iter_mut()
                .filter_map(|log| log.timestamp.as_mut())
                .for_each(|time| cut(&mut time.nanos));
            assert!(span.warnings.is_empty() || batch.is_some(), "thrift has no warnings");
            span.warnings.clear();
        }
        (proto, proto_in_micros, batch, parents)
    });
    assert_eq!(wire, structs, "from bytes as from structs");
    let (proto, in_micros, thrift, parents) = wire;
    if proto.as_ref().is_some_and(|batch| batch.spans.iter().all(|span| span.warnings.is_empty())) {
        assert_eq!(in_micros, thrift);
    }
    proto.zip(parents)
}

pub(crate) fn encode(resource_spans: otlp::ResourceSpans) -> Option<Batch> {
    encode_with_parents(resource_spans).map(|(batch, _)| batch)
}

pub(crate) fn resource_spans(spans: Vec<otlp::Span>) -> otlp::ResourceSpans {
    otlp::ResourceSpans {
        resource: Some(resource(vec![text("service.name", "svc")])),
        scope_spans: vec![otlp::ScopeSpans { spans, ..Default::default() }],
        ..Default::default()
    }
}

pub(crate) fn resource(attributes: Vec<common::KeyValue>) -> sluice_pdata::otlp::resource::v1::Resource {
    sluice_pdata::otlp::resource::v1::Resource { attributes, ..Default::default() }
}

pub(crate) fn otlp_span() -> otlp::Span {
    otlp::Span {
        trace_id: trace_id(1),
        span_id: span_id(3),
        name: "op".into(),
        start_time_unix_nano: START as u64 * 1_000_000_000 + 321_000,
        end_time_unix_nano: START as u64 * 1_000_000_000 + 1_000_789_000,
        flags: 1,
        ..Default::default()
    }
}

/// The one span that this one becomes.
pub(crate) fn encode_span(span: otlp::Span) -> Span {
    encode(resource_spans(vec![span])).expect("a batch").spans.remove(0)
}
