//! OTLP spans to Zipkin's, read through views and written as they are visited.
//!
//! The tags of a resource and its scope are the same for all their spans: they are encoded once and copied.

use std::borrow::Cow;

use sluice_pdata::view::{AnyValueView, AttributeView, ResourceView, ScopeView, SpanView, TracesView};

use super::endpoints::{Endpoint, Slot, Slots};
use super::form::{Form, Head};
use super::keys;
use super::seen::{Seen, fingerprint};
use super::text::Scratch;
use super::{Encoded, Encoding, Request};

/// Spans as `F` writes them.
pub(super) fn encode<F: Form>(traces: TracesView<'_>, encoding: &Encoding) -> Encoded {
    let mut encoder = Encoder::<F>::new(encoding);
    for resource in traces {
        let mut common = Common::default();
        encoder.put_resource(&resource.resource, &mut common);
        let resource_end = (common.bytes.len(), common.tags.len());
        for scope in resource.scope_spans {
            common.truncate(resource_end);
            encoder.put_scope(&scope.scope, &mut common);
            for span in scope.spans {
                encoder.span(&span, &common);
            }
        }
    }
    encoder.finish()
}

/// What the spans of a resource and scope share.
#[derive(Default)]
struct Common<'a> {
    /// Lower case.
    service: Cow<'a, [u8]>,
    /// Tags, as the form writes them.
    bytes: Vec<u8>,
    tags: Vec<CommonTag<'a>>,
    slots: Slots<'a>,
}

struct CommonTag<'a> {
    key: Cow<'a, [u8]>,
    fingerprint: u64,
    /// Where it ends in the bytes; it starts where the one before ends.
    end: usize,
    role: Role,
}

impl Common<'_> {
    fn truncate(&mut self, (bytes, tags): (usize, usize)) {
        self.bytes.truncate(bytes);
        self.tags.truncate(tags);
    }
}

/// What becomes of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Tag,
    /// Part of an endpoint.
    Slot(Slot),
    /// Says what the status says; the status holds.
    Error,
    StatusCode,
    StatusDescription,
    SpanKind,
    TraceState,
    Link(usize),
}

fn role(key: &[u8]) -> Role {
    match key {
        b"error" => Role::Error,
        b"span.kind" => Role::SpanKind,
        b"w3c.tracestate" => Role::TraceState,
        b"otel.status_code" => Role::StatusCode,
        b"otel.status_description" => Role::StatusDescription,
        _ => match key.split_at_checked(4) {
            Some((b"net." | b"netw" | b"peer" | b"serv", _)) => Slot::of(key).map_or(Role::Tag, Role::Slot),
            Some((b"otlp", _)) => {
                let number = key.strip_prefix(keys::LINK).and_then(|digits| std::str::from_utf8(digits).ok());
                number.and_then(|digits| digits.parse().ok()).map_or(Role::Tag, Role::Link)
            }
            _ => Role::Tag,
        },
    }
}

/// Tags that a span has beside its attributes. They win over attributes of the same keys.
struct Derived {
    kind: bool,
    trace_state: bool,
    status_code: bool,
    status_description: bool,
    links: usize,
}

impl Derived {
    fn of(span: &SpanView<'_>) -> Self {
        let has_status = matches!(span.status.code, 1 | 2);
        Self {
            kind: span.kind == 1,
            trace_state: !span.trace_state.is_empty(),
            status_code: has_status,
            status_description: has_status && !span.status.message.is_empty(),
            links: span.links.len(),
        }
    }

    fn replaces(&self, role: Role) -> bool {
        match role {
            Role::Tag | Role::Slot(_) => false,
            Role::Error => true,
            Role::StatusCode => self.status_code,
            Role::StatusDescription => self.status_description,
            Role::SpanKind => self.kind,
            Role::TraceState => self.trace_state,
            Role::Link(number) => number < self.links,
        }
    }
}

struct Encoder<'a, 'e, F> {
    encoding: &'e Encoding,
    encoded: Encoded,
    /// The request that is being written.
    out: Vec<u8>,
    spans: usize,
    total: usize,
    seen: Seen<'a>,
    scratch: Scratch<'a>,
    form: std::marker::PhantomData<F>,
}

impl<'a, 'e, F: Form> Encoder<'a, 'e, F> {
    fn new(encoding: &'e Encoding) -> Self {
        Self {
            encoding,
            encoded: Encoded::default(),
            out: Vec::new(),
            spans: 0,
            total: 0,
            seen: Seen::default(),
            scratch: Scratch::default(),
            form: std::marker::PhantomData,
        }
    }

    fn finish(mut self) -> Encoded {
        self.end_request();
        self.encoded
    }

    fn end_request(&mut self) {
        if self.spans > 0 {
            let mut body = std::mem::take(&mut self.out);
            F::end_list(&mut body);
            self.total += body.len();
            self.encoded.requests.push(Request { body, spans: self.spans });
            self.spans = 0;
        }
    }

    /// The service name and the tags of the resource.
    fn put_resource(&mut self, resource: &ResourceView<'a>, common: &mut Common<'a>) {
        const NAMED_BY: [&[u8]; 4] =
            [keys::SERVICE_NAME, b"faas.name", b"k8s.deployment.name", b"process.executable.name"];
        let named_by = NAMED_BY.into_iter().find_map(|key| {
            let name = resource.attributes.get(key)?.to_text();
            (!name.is_empty()).then_some((key, name))
        });
        let (name_key, name) = named_by
            .unwrap_or((keys::SERVICE_NAME, Cow::Owned(self.encoding.default_service_name.clone().into())));
        let lower = self.scratch.lowered(&name).to_vec();
        common.service = Cow::Owned(lower);
        if name_key != keys::SERVICE_NAME {
            self.put_common(Cow::Borrowed(keys::SERVICE_NAME_SOURCE), name_key, Role::Tag, common);
        }
        let mut seen = Seen::default();
        for AttributeView { key, value } in resource.attributes {
            let key = key.as_bytes();
            if key == name_key || key == keys::SERVICE_NAME || !seen.insert(key) {
                continue;
            }
            let role = role(key);
            let (pair, role) = match role {
                Role::Slot(slot) => (common.slots.set(slot, key, value), Role::Tag),
                role => (Some((key, value)), role),
            };
            if let Some((key, value)) = pair {
                let mut scratch = std::mem::take(&mut self.scratch);
                self.put_common(Cow::Borrowed(key), scratch.value(&value), role, common);
                self.scratch = scratch;
            }
        }
    }

    fn put_scope(&mut self, scope: &ScopeView<'a>, common: &mut Common<'a>) {
        let names = self.encoding.names;
        for (current, legacy, text) in [
            (keys::SCOPE_NAME, keys::LIBRARY_NAME, scope.name),
            (keys::SCOPE_VERSION, keys::LIBRARY_VERSION, scope.version),
        ] {
            if text.is_empty() {
                continue;
            }
            for (wanted, key) in [(names.has_current(), current), (names.has_legacy(), legacy)] {
                if wanted {
                    self.put_common(Cow::Borrowed(key), text.as_bytes(), Role::Tag, common);
                }
            }
        }
    }

    fn put_common(&mut self, key: Cow<'a, [u8]>, text: &[u8], role: Role, common: &mut Common<'a>) {
        if role == Role::Error {
            return;
        }
        if let Some(place) = common.tags.iter().position(|tag| tag.key == key) {
            // The scope has the last word: the resource's tag of that key goes.
            let start =
                place.checked_sub(1).and_then(|before| common.tags.get(before)).map_or(0, |tag| tag.end);
            let removed = common.tags.remove(place);
            common.bytes.drain(start..removed.end);
            for tag in common.tags.iter_mut().skip(place) {
                tag.end -= removed.end - start;
            }
        }
        F::tag(&mut common.bytes, &key, text);
        common.tags.push(CommonTag { fingerprint: fingerprint(&key), key, end: common.bytes.len(), role });
    }

    /// Writes one span, or counts it as dropped.
    fn span(&mut self, span: &SpanView<'a>, common: &Common<'a>) {
        let head = match head(span, &mut self.scratch) {
            Ok(head) => head,
            Err(reason) => return self.encoded.dropped.add(reason),
        };
        if self.total + self.out.len() > self.encoding.max_total_bytes {
            return self.encoded.dropped.add("beyond the size that a batch may have as Zipkin spans");
        }
        let start = self.out.len();
        let timestamp = head.timestamp;
        let open = F::open_span(&mut self.out, self.spans == 0, &head);
        self.put_annotations(span, timestamp);
        let slots = self.put_tags(span, common);
        let (local, remote, _) = slots.endpoints(&common.service);
        if !local.is_empty() {
            F::endpoint(&mut self.out, true, &local);
        }
        if !remote.is_empty() {
            let service = self.scratch.lowered(remote.service);
            F::endpoint(&mut self.out, false, &Endpoint { service, ..remote });
        }
        F::close_span(&mut self.out, open);
        self.cut_if_too_large(start);
        self.spans += 1;
    }

    /// If the span that starts at `start` made the request larger than it may be, it begins the next one.
    fn cut_if_too_large(&mut self, start: usize) {
        if self.out.len() >= self.encoding.max_request_bytes && self.spans > 0 {
            let first = F::to_first(self.out.get(start..).unwrap_or_default());
            self.out.truncate(start);
            self.end_request();
            self.out = first;
        }
    }

    fn put_annotations(&mut self, span: &SpanView<'a>, span_timestamp: u64) {
        if span.events.is_empty() {
            return;
        }
        F::open_annotations(&mut self.out);
        for event in span.events {
            // Zipkin refuses annotations at 0.
            let timestamp = match micros(event.time_unix_nano) {
                0 => span_timestamp.max(1),
                known => known,
            };
            if event.attributes.is_empty() && event.dropped_attributes_count == 0 {
                F::annotation(&mut self.out, timestamp, event.name.as_bytes());
            } else {
                F::annotation(&mut self.out, timestamp, self.scratch.event(&event));
            }
        }
        F::close_annotations(&mut self.out);
    }

    /// What the span says itself, what its attributes say, what its resource and scope say. Returns what belongs to
    /// the endpoints.
    fn put_tags(&mut self, span: &SpanView<'a>, common: &Common<'a>) -> Slots<'a> {
        let before = self.out.len();
        F::open_tags(&mut self.out);
        let empty = self.out.len();
        let derived = Derived::of(span);
        self.put_derived(span, &derived);
        let mut slots = common.slots;
        self.seen.clear();
        for AttributeView { key, value } in span.attributes {
            let key = key.as_bytes();
            if !self.seen.insert(key) {
                continue;
            }
            let pair = match role(key) {
                Role::Slot(slot) => slots.set(slot, key, value),
                Role::Error if span.status.code == 0 && error_text(&value).is_some() => Some((key, value)),
                role if derived.replaces(role) => None,
                _ => Some((key, value)),
            };
            if let Some((key, value)) = pair {
                F::tag(&mut self.out, key, self.scratch.value(&value));
            }
        }
        for (key, value) in slots.endpoints(&common.service).2.into_iter().flatten() {
            F::tag(&mut self.out, key, self.scratch.value(&value));
        }
        self.put_common_tags(common, &derived);
        if self.out.len() == empty {
            self.out.truncate(before);
        } else {
            F::close_tags(&mut self.out);
        }
        slots
    }

    fn put_derived(&mut self, span: &SpanView<'a>, derived: &Derived) {
        let out = &mut self.out;
        if derived.kind {
            F::tag(out, keys::SPAN_KIND, b"internal");
        }
        if derived.trace_state {
            F::tag(out, keys::TRACE_STATE, span.trace_state.as_bytes());
        }
        match span.status.code {
            1 => F::tag(out, keys::STATUS_CODE, b"STATUS_CODE_OK"),
            2 => {
                let error = span.attributes.get(keys::ERROR);
                F::tag(out, keys::ERROR, error.as_ref().and_then(error_text).unwrap_or(b"true"));
                F::tag(out, keys::STATUS_CODE, b"STATUS_CODE_ERROR");
            }
            _ => {}
        }
        if derived.status_description {
            F::tag(out, keys::STATUS_DESCRIPTION, span.status.message.as_bytes());
        }
        for (index, link) in span.links.iter().enumerate() {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(index).as_bytes();
            let mut key = [0; 32];
            let len = keys::LINK.len() + digits.len();
            for (place, byte) in key.iter_mut().zip(keys::LINK.iter().chain(digits)) {
                *place = *byte;
            }
            F::tag(out, key.get(..len).unwrap_or_default(), self.scratch.link(&link));
        }
    }

    fn put_common_tags(&mut self, common: &Common<'a>, derived: &Derived) {
        let seen = &self.seen;
        let hidden =
            |tag: &CommonTag<'_>| derived.replaces(tag.role) || seen.contains(&tag.key, tag.fingerprint);
        if !common.tags.iter().any(hidden) {
            self.out.extend_from_slice(&common.bytes);
            return;
        }
        let mut start = 0;
        for tag in &common.tags {
            if !hidden(tag) {
                self.out.extend_from_slice(common.bytes.get(start..tag.end).unwrap_or_default());
            }
            start = tag.end;
        }
    }
}

/// The text of an `error` attribute, if it says more than yes or no. A span has it from a client of Zipkin, for whom it
/// means failure and says why; without it the span would look like a good one.
fn error_text<'a>(value: &AnyValueView<'a>) -> Option<&'a [u8]> {
    let text = value.as_text()?.as_bytes();
    (!matches!(text, b"true" | b"false")).then_some(text)
}

fn head<'t, 'v: 't>(span: &SpanView<'v>, scratch: &'t mut Scratch<'v>) -> Result<Head<'t>, &'static str> {
    let trace_id = <&[u8; 16]>::try_from(span.trace_id).ok().filter(|id| **id != [0; 16]);
    let id = <&[u8; 8]>::try_from(span.span_id).ok().filter(|id| **id != [0; 8]);
    let parent_id = <&[u8; 8]>::try_from(span.parent_span_id).ok().filter(|id| **id != [0; 8]);
    // An end before the start makes no duration.
    let duration = match span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano) {
        0 => 0,
        nanos => micros(nanos).max(1),
    };
    Ok(Head {
        trace_id: trace_id.ok_or("without a trace id")?,
        id: id.ok_or("without a span id")?,
        parent_id: parent_id.map_or(&[][..], |id| id),
        kind: span.kind,
        name: scratch.lowered(span.name.as_bytes()),
        timestamp: micros(span.start_time_unix_nano),
        duration,
    })
}

/// Rounded, half a microsecond upwards, but not to a time that has no nanoseconds in 64 bits.
fn micros(nanos: u64) -> u64 {
    (nanos / 1000 + u64::from(nanos % 1000 >= 500)).min(u64::MAX / 1000)
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn no_time_leaves_that_would_be_refused_when_it_comes_back() {
        assert_eq!((micros(1499), micros(1500)), (1, 2));
        assert_eq!(micros(u64::MAX), u64::MAX / 1000);
    }
}
