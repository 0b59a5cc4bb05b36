//! What happens when somebody visits the shop: a tree of calls, as spans with the attributes of OpenTelemetry's semantic
//! conventions for HTTP and databases.

use std::sync::Arc;

use rand::{Rng, rngs::StdRng};
use sluice_pdata::otlp::{
    common::v1::KeyValue,
    trace::v1::{Span, Status, span, span::SpanKind, status::StatusCode},
};

use super::{
    attributes::{int, text},
    shop::{Purpose, Service, Shop, Store},
};

/// W3C's sampled flag, and that it is known whether the parent is remote.
const SAMPLED: u32 = 0x101;
const REMOTE_PARENT: u32 = 0x200;

const MICROSECOND: u64 = 1000;

/// A span, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    /// The service, by index.
    pub(super) service: usize,
    pub(super) span: Span,
}

/// One story after the other.
#[derive(Debug)]
pub(super) struct Stories {
    shop: Arc<Shop>,
    rng: StdRng,
}

impl Stories {
    pub(super) fn new(shop: Arc<Shop>) -> Self {
        let rng = shop.rng(Purpose::Stories);
        Self { shop, rng }
    }

    /// A whole tree of at most `most` spans, at least 1, in the order of their ends. The last one, the root, ends at
    /// `now`, in nanoseconds since the Unix epoch.
    pub(super) fn next(&mut self, now: u64, most: usize) -> Vec<Told> {
        let trace_id = self.rng.random::<[u8; 16]>().to_vec();
        let mut teller =
            Teller { shop: &self.shop, rng: &mut self.rng, trace_id, left: most.max(1), spans: Vec::new() };
        let visit = teller.serve(0, &[], 0);
        let mut spans = teller.spans;
        // It was told from 0 on.
        let shift = now.saturating_sub(visit.end);
        for Told { span, .. } in &mut spans {
            span.start_time_unix_nano += shift;
            span.end_time_unix_nano += shift;
            span.events.iter_mut().for_each(|event| event.time_unix_nano += shift);
        }
        spans
    }
}

struct Teller<'a> {
    shop: &'a Shop,
    rng: &'a mut StdRng,
    trace_id: Vec<u8>,
    /// How many more spans there may be.
    left: usize,
    spans: Vec<Told>,
}

/// How something ended.
struct Ended {
    end: u64,
    failed: bool,
}

impl Teller<'_> {
    /// `service` serves one request: calls others, asks its store. Takes one span at least.
    fn serve(&mut self, service: usize, parent: &[u8], start: u64) -> Ended {
        let shop = self.shop;
        let Some(is) = shop.services.get(service) else { return Ended { end: start, failed: false } };
        self.left -= 1;
        let id = self.id();
        let mut now = start + self.work();
        let mut failed = false;
        for &callee in &is.callees {
            if self.left >= 2 && self.rng.random_bool(0.8) {
                let call = self.call(service, callee, &id, now);
                // Some failures can be lived with.
                failed |= call.failed && self.rng.random_bool(0.7);
                now = call.end + self.work();
            }
        }
        if self.left >= 1 && (is.callees.is_empty() || self.rng.random_bool(0.5)) {
            let query = self.query(service, is, &id, now);
            failed |= query.failed;
            now = query.end + self.work();
        }
        let route = self.rng.random_range(0..is.routes.len().max(1));
        let (method, route) = is.routes.get(route).map_or(("GET", "/"), |(method, route)| (*method, route));
        let mut attributes = vec![
            text("http.request.method", method),
            text("http.route", route),
            text("url.scheme", "http"),
            text("url.path", route.replace("{id}", &self.rng.random_range(1..5000).to_string())),
            int("http.response.status_code", if failed { 500 } else { 200 }),
            text("server.address", &is.name),
            int("server.port", 8080),
            text("network.protocol.version", "1.1"),
        ];
        if parent.is_empty() {
            attributes
                .push(text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"));
        }
        if failed {
            attributes.push(text("error.type", "500"));
        }
        let span = Span {
            span_id: id,
            parent_span_id: parent.to_vec(),
            flags: if parent.is_empty() { SAMPLED } else { SAMPLED | REMOTE_PARENT },
            name: format!("{method} {route}"),
            kind: SpanKind::Server.into(),
            attributes,
            ..Span::default()
        };
        self.ends(service, span, start, now, failed)
    }

    /// `service` calls `callee` over HTTP. Takes two spans at least.
    fn call(&mut self, service: usize, callee: usize, parent: &[u8], start: u64) -> Ended {
        self.left -= 1;
        let id = self.id();
        let before = self.spans.len();
        let there = start + self.on_the_wire();
        let served = self.serve(callee, &id, there);
        let end = served.end + self.on_the_wire();
        // What was asked for is what the callee says it served, which it told last.
        let asked =
            self.spans.get(before..).and_then(<[Told]>::last).map(|told| told.span.attributes.as_slice());
        let asked_for = |key: &str| asked.and_then(|attributes| find(attributes, key)).unwrap_or_default();
        let (method, path) = (asked_for("http.request.method"), asked_for("url.path"));
        let host = self.shop.services.get(callee).map_or("", |callee| callee.name.as_str());
        let mut attributes = vec![
            text("http.request.method", method),
            text("url.full", format!("http://{host}:8080{path}")),
            text("server.address", host),
            int("server.port", 8080),
            int("http.response.status_code", if served.failed { 500 } else { 200 }),
        ];
        if served.failed {
            attributes.push(text("error.type", "500"));
        }
        let span = Span {
            span_id: id,
            parent_span_id: parent.to_vec(),
            flags: SAMPLED,
            name: method.to_owned(),
            kind: SpanKind::Client.into(),
            attributes,
            ..Span::default()
        };
        self.ends(service, span, start, end, served.failed)
    }

    /// `service` asks its store, which fails now and then. Takes one span.
    fn query(&mut self, service: usize, is: &Service, parent: &[u8], start: u64) -> Ended {
        self.left -= 1;
        let (id, end) = (self.id(), start + self.work());
        let failed = self.rng.random_bool(0.02);
        let table = is.name.replace('-', "_");
        let (system, port, operation, query) = match is.store {
            Store::Postgresql => {
                ("postgresql", 5432, "SELECT", format!("SELECT * FROM {table} WHERE id = $1"))
            }
            Store::Redis => ("redis", 6379, "HGETALL", format!("HGETALL {table}:?")),
        };
        let mut attributes = vec![
            text("db.system.name", system),
            text("db.namespace", "shop"),
            text("db.collection.name", &table),
            text("db.operation.name", operation),
            text("db.query.text", query),
            text("server.address", format!("{system}.shop.example")),
            int("server.port", port),
        ];
        let mut events = Vec::new();
        if failed {
            attributes.push(text("error.type", "TimeoutError"));
            events.push(exception(end, system));
        }
        let span = Span {
            span_id: id,
            parent_span_id: parent.to_vec(),
            flags: SAMPLED,
            name: format!("{operation} {table}"),
            kind: SpanKind::Client.into(),
            attributes,
            events,
            ..Span::default()
        };
        self.ends(service, span, start, end, failed)
    }

    fn ends(&mut self, service: usize, mut span: Span, start: u64, end: u64, failed: bool) -> Ended {
        span.trace_id.clone_from(&self.trace_id);
        span.start_time_unix_nano = start;
        span.end_time_unix_nano = end;
        if failed {
            span.status = Some(Status { code: StatusCode::Error.into(), message: String::new() });
        }
        self.spans.push(Told { service, span });
        Ended { end, failed }
    }

    fn id(&mut self) -> Vec<u8> {
        self.rng.random::<[u8; 8]>().to_vec()
    }

    /// Time that a service spends; now and then a lot.
    fn work(&mut self) -> u64 {
        let slow = if self.rng.random_bool(0.03) { 20 } else { 1 };
        self.rng.random_range(50..1500) * slow * MICROSECOND
    }

    fn on_the_wire(&mut self) -> u64 {
        self.rng.random_range(100..400) * MICROSECOND
    }
}

/// The text of an attribute.
pub(super) fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    use sluice_pdata::otlp::common::v1::any_value::Value::StringValue;
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?;
    match value.value.as_ref()? {
        StringValue(text) => Some(text),
        _ => None,
    }
}

fn exception(time_unix_nano: u64, system: &str) -> span::Event {
    let message = format!("{system} did not answer within 1000 ms");
    let stack = format!(
        "TimeoutError: {message}\n    at Store.query (store.js:42:11)\n    at handle (server.js:17:5)"
    );
    span::Event {
        time_unix_nano,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "TimeoutError"),
            text("exception.message", message),
            text("exception.stacktrace", stack),
        ],
        ..span::Event::default()
    }
}
