//! Zipkin v2 and v1, to OTLP and from it, with the mapping of otelcol's Zipkin receiver and exporter.
//!
//! Inwards, a body becomes OTLP bytes in one pass: a reader (`json_v2`, `proto`, `json_v1`, `thrift_v1`) fills one
//! reused span (`span`, `v1`) whose text is borrowed from the body, `to_otlp` or `v1` writes it, and `request` puts the
//! spans in order by resource and scope. A span that breaks a rule costs itself; a body that is not of its format is refused with the place.
//! An empty body is a body without spans, as it is for Zipkin's own server.
//!
//! Outwards, `from_otlp` visits the views and tells a `form` (JSON or protobuf) what to write.
//!
//! Where otelcol loses data, or refuses a whole body for one oddity, this does not:
//!
//! - Tags that describe the resource group the spans; otelcol takes those of a service's first span and forgets the
//!   others.
//! - An annotation or link tag that only looks like otelcol's encoding of one stays a plain event or attribute.
//! - Integers that do not fit 64 bits stay text under `parse_string_tags`.
//! - An `error` attribute with a text leaves as it came unless the status is Ok. Otelcol takes it off spans whose status
//!   is unset, so that a failed call looks like a good one, and writes `true` in its place when the status is Error.
//! - The text of a version 1 span's `error` is not lost when another annotation tells the status.
//! - What is neither a known kind, status nor address stays an attribute.

mod attribute;
mod endpoints;
mod event;
mod form;
mod from_otlp;
mod json;
mod json_v1;
mod json_v2;
mod keys;
mod proto;
mod request;
mod seen;
mod span;
mod text;
mod thrift_v1;
mod to_otlp;
mod v1;

use sluice_pdata::Limits;
use sluice_pdata::view::TracesView;

use crate::{Malformed, Rejected, Translated};

/// How foreign spans become OTLP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Turns tags into integers, doubles and booleans where they look like one: `-?\d+`, `-?\d+\.\d+`, `true`,
    /// `false`.
    pub parse_string_tags: bool,
    /// What addresses, peers and scopes are called.
    pub names: AttributeNames,
    /// Any `error` tag means failure and its text is the reason, as Zipkin means it. Otherwise, as in otelcol, only
    /// `error=true` does; other texts stay attributes.
    pub error_tag_is_message: bool,
    /// The time for version 1 spans without any timestamp, in nanoseconds since the Unix epoch.
    pub now_unix_nano: u64,
}

/// The two sets of attribute names that otelcol's feature gates choose from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AttributeNames {
    /// `network.local.address`, `network.peer.address`, `service.peer.name`, `otel.scope.*`.
    #[default]
    Current,
    /// `net.host.ip`, `net.peer.ip`, `peer.service`, `otel.library.*`: otelcol before 0.152.
    Legacy,
    /// Both, for a time of transition.
    Both,
}

impl AttributeNames {
    pub(crate) fn has_current(self) -> bool {
        self != Self::Legacy
    }

    pub(crate) fn has_legacy(self) -> bool {
        self != Self::Current
    }
}

/// Reads a v2 JSON array of spans.
///
/// # Errors
/// When the body is not JSON, not an array, version 1, or when the result would exceed `limits`. Sending it again
/// cannot help.
pub fn json_v2_to_otlp(body: &[u8], options: &Options, limits: &Limits) -> Result<Translated, Malformed> {
    json_v2::to_otlp(body, options, limits)
}

/// Reads a `zipkin.proto3.ListOfSpans`.
///
/// # Errors
/// When the body is not protobuf, or the result would exceed `limits`. Sending it again cannot help.
pub fn proto_to_otlp(body: &[u8], options: &Options, limits: &Limits) -> Result<Translated, Malformed> {
    proto::to_otlp(body, options, limits)
}

/// Reads a v1 JSON array of spans.
///
/// # Errors
/// When the body is not JSON, not an array, version 2, or when the result would exceed `limits`. Sending it again
/// cannot help.
pub fn json_v1_to_otlp(body: &[u8], options: &Options, limits: &Limits) -> Result<Translated, Malformed> {
    json_v1::to_otlp(body, options, limits)
}

/// Reads a list of v1 spans in Thrift's binary protocol.
///
/// # Errors
/// When the body is not such a list, or the result would exceed `limits`. Sending it again cannot help.
pub fn thrift_v1_to_otlp(body: &[u8], options: &Options, limits: &Limits) -> Result<Translated, Malformed> {
    thrift_v1::to_otlp(body, options, limits)
}

/// How OTLP spans become Zipkin's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    /// For resources that have no `service.name`, `faas.name`, `k8s.deployment.name` or `process.executable.name`.
    pub default_service_name: String,
    /// What scopes are called. Addresses and peers are found under either name.
    pub names: AttributeNames,
    /// A request that reaches this many bytes ends before the span that did it. A span that is larger alone has a
    /// request to itself.
    pub max_request_bytes: usize,
    /// Bytes of all requests together, after which spans are dropped. The tags of a resource stand in each of its
    /// spans: without this, a small batch could fill all memory.
    pub max_total_bytes: usize,
}

impl Default for Encoding {
    fn default() -> Self {
        Self {
            default_service_name: "<missing service name>".into(),
            names: AttributeNames::default(),
            max_request_bytes: usize::MAX,
            max_total_bytes: 256 << 20,
        }
    }
}

/// Spans as Zipkin takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Bodies to send, in order; none if there was no span.
    pub requests: Vec<Request>,
    /// Spans that have no form in Zipkin: without trace id or span id, or beyond the total size.
    pub dropped: Rejected,
}

/// One body of a POST.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// What to send.
    pub body: Vec<u8>,
    /// How many spans are in it.
    pub spans: usize,
}

/// Writes v2 JSON: `application/json` for `/api/v2/spans`. Allocates for the result, not for spans or their tags.
#[must_use]
pub fn otlp_to_json_v2(traces: TracesView<'_>, encoding: &Encoding) -> Encoded {
    from_otlp::encode::<form::Json>(traces, encoding)
}

/// Writes `zipkin.proto3.ListOfSpans`: `application/x-protobuf` for `/api/v2/spans`. Allocates as
/// [`otlp_to_json_v2`] does.
#[must_use]
pub fn otlp_to_proto(traces: TracesView<'_>, encoding: &Encoding) -> Encoded {
    from_otlp::encode::<form::Proto>(traces, encoding)
}
