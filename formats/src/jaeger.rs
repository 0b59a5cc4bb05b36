//! Jaeger, both ways: Thrift as its clients and agents speak it, and `api_v2` protobuf as its collectors do.
//!
//! | call | bytes |
//! |---|---|
//! | [`decode_emit_batch`] | a datagram of an agent's port: the call `emitBatch`, compact (6831) or binary (6832) |
//! | [`decode_thrift_batch`] | the body of `POST /api/traces` (14268): a bare `Batch` struct |
//! | [`decode_post_spans`] | the request of `/jaeger.api_v2.CollectorService/PostSpans` (14250) |
//! | [`encode_post_spans`], [`encode_thrift_batch`], [`encode_emit_batch`] | the same, from the resources of one process ([`by_process`]) |
//!
//! The mapping is that of otelcol's translator, except for:
//!
//! - `@jaeger@warnings`: warnings of a span are kept in this attribute and written back from it, as Jaeger itself does
//! - process tags are kept when the service's name is the placeholder `OTLPResourceNoServiceName`, and resource
//!   attributes without a `service.name` are sent under it
//! - an event's `event` field stays an attribute if it is no text
//! - 399 is no error
//! - what the producer left out is told (`otel.dropped_attributes_count` and the like)
//! - a span that ends before it starts is sent with a duration of zero
//! - times before 1970 are read as 0, and those beyond what OTLP holds as the last that it does
//!
//! Inwards: `thrift`, `proto` (the wire) -> `tags`, `span`, `process` (one message as OTLP) -> `groups` (the request).
//! Outwards: `processes` (which resources are one batch), `outward` (which tags and references a span gets) -> `to_proto`, `to_thrift`.
//!
//! Upstream's rules come in two flavours, one per wire form. Spans that come by Thrift have one unnamed scope, and keep
//! `otel.scope.name`, `otel.scope.version` and `w3c.tracestate` as attributes.

#[cfg(feature = "jaeger-proto")]
pub mod api_v2;
mod groups;
mod outward;
mod process;
mod processes;
mod proto;
mod span;
mod tags;
mod thrift;
mod to_proto;
mod to_thrift;

use sluice_pdata::Limits;
use sluice_pdata::view::{ResourceSpansView, TracesView};

use crate::{Malformed, Translated};

/// Stands for the name of a service that has none.
pub(crate) const NO_SERVICE_NAME: &[u8] = b"OTLPResourceNoServiceName";
/// The attribute that holds a span's warnings.
const WARNINGS: &[u8] = b"@jaeger@warnings";
/// The attribute of a link that says what kind of reference it was.
const REF_TYPE: &[u8] = b"opentracing.ref_type";

/// Which of Thrift's protocols the bytes are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The binary protocol; envelopes with and without a version.
    Binary,
    /// The compact protocol.
    Compact,
}

/// What [`decode_emit_batch`] says of the agent's other method.
pub const ZIPKIN_BATCH: &str = "emitZipkinBatch is not supported: send Zipkin spans to the zipkin receiver";

/// Translates a datagram of a Jaeger client: the call `emitBatch`. What follows the call in the packet is ignored.
///
/// # Errors
/// When it is not such a call ([`ZIPKIN_BATCH`] for the agent's other method), or exceeds `limits`; nothing of it is
/// kept then. Thrift says no lengths of structs, so a fault costs the packet; a span that lacks a required field costs
/// itself.
pub fn decode_emit_batch(
    packet: &[u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Translated, Malformed> {
    thrift::emit_batch(packet, protocol, limits)
}

/// Translates a bare `Batch` struct.
///
/// # Errors
/// As [`decode_emit_batch`].
pub fn decode_thrift_batch(
    body: &[u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Translated, Malformed> {
    thrift::batch(body, protocol, limits)
}

/// Translates a `PostSpansRequest`.
///
/// Spans that bring a process of their own are regrouped: one resource per process, told apart by their bytes.
///
/// # Errors
/// When the bytes are not protobuf, a known field is of another type, or `limits` are exceeded. A span whose ids have
/// a wrong length costs itself.
pub fn decode_post_spans(body: &[u8], limits: &Limits) -> Result<Translated, Malformed> {
    proto::post_spans(body, limits)
}

/// Puts together the resources that are one process to Jaeger, in the order of their first ones: each group is one
/// batch. A request that many small ones were joined to has the same resource over and over.
#[must_use]
pub fn by_process(traces: TracesView<'_>) -> Vec<Vec<ResourceSpansView<'_>>> {
    processes::by_process(traces)
}

/// Appends a `PostSpansRequest` with the one batch that a group of [`by_process`] becomes, and says how many spans are
/// in it.
///
/// `None`, and nothing is written, if the resources have neither attributes nor scopes. Allocates for `out`, and
/// once more for all values that are lists or maps together.
pub fn encode_post_spans(process: &[ResourceSpansView<'_>], out: &mut Vec<u8>) -> Option<usize> {
    to_proto::post_spans(process, out)
}

/// Appends a datagram for an agent's port: the call `emitBatch` with what [`encode_thrift_batch`] writes. How large it may
/// be is for the caller to see to: 65,000 bytes are what agents read.
pub fn encode_emit_batch(
    process: &[ResourceSpansView<'_>],
    protocol: Protocol,
    out: &mut Vec<u8>,
) -> Option<usize> {
    to_thrift::emit_batch(process, protocol, out)
}

/// Appends the `Batch` struct that a group of [`by_process`] becomes; otherwise as [`encode_post_spans`]. Times are cut
/// to microseconds.
pub fn encode_thrift_batch(
    process: &[ResourceSpansView<'_>],
    protocol: Protocol,
    out: &mut Vec<u8>,
) -> Option<usize> {
    to_thrift::batch(process, protocol, out)
}
