//! Against a server on a real socket that follows a script.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sluice_component::{Delivery, ExporterFactory, Reason, Registry, host::Process, testkit};
use sluice_config::Section;
use sluice_net::{compression::Compression, http::Response};
use sluice_pdata::{
    Pdata, Signal,
    otlp::{
        ExportTraceServiceRequest,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
};

use super::{Factory, Format, Settings};
use crate::{
    sending::Queue,
    stand::{
        self, Rows, Stand,
        http::{Backend, answer},
        spans,
    },
};

const PATH: &str = "/api/v2/spans";

fn parse(yaml: &str) -> Result<Settings, Vec<String>> {
    stand::parse("zipkin", yaml)
}

/// To `address`, with waits that suit a test.
fn settings(address: SocketAddr, more: &str) -> Settings {
    let retry = "retry_on_failure: {initial_interval: 10ms, max_interval: 20ms}";
    parse(&format!("{{endpoint: 'http://{address}/api/v2/spans', {retry}, {more}}}")).unwrap()
}

async fn exporter(process: &Arc<Process>, settings: &Settings) -> Stand<Factory> {
    Stand::new(process, Signal::Traces, settings).await
}

#[tokio::test]
async fn spans_arrive_as_json() {
    let process = testkit::process();
    let backend = Backend::new(PATH, [answer(202, &[], b"")]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let settings = settings(address, "headers: {x-tenant: blue}, default_service_name: shop");
    let exporter = exporter(&process, &settings).await;
    exporter.offer(spans(3)).await;
    assert_eq!(exporter.drained().await.sent, 3);
    let seen = backend.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].header("content-type"), seen[0].header("x-tenant")), ("application/json", "blue"));
    let body: serde_json::Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(body.as_array().unwrap().len(), 3);
    assert_eq!(body[2]["name"], "s2");
    assert_eq!(body[0]["localEndpoint"]["serviceName"], "shop");
}

#[tokio::test]
async fn spans_arrive_as_protobuf() {
    let process = testkit::process();
    let backend = Backend::new(PATH, []);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = exporter(&process, &settings(address, "format: proto, compression: gzip")).await;
    exporter.offer(spans(3)).await;
    assert_eq!(exporter.drained().await.sent, 3);
    let seen = backend.seen();
    let headers = (seen[0].header("content-type"), seen[0].header("content-encoding"));
    assert_eq!(headers, ("application/x-protobuf", "gzip"));
    let names =
        seen[0].body.windows(2).filter(|two| [b"s0", b"s1", b"s2"].contains(&(*two).try_into().unwrap()));
    assert_eq!(names.count(), 3);
}

#[tokio::test]
async fn a_large_batch_becomes_requests_of_less_than_4_mib() {
    let process = testkit::process();
    let backend = Backend::new(PATH, []);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = exporter(&process, &settings(address, "")).await;
    exporter.offer(spans(60_000)).await;
    assert_eq!(exporter.drained().await.sent, 60_000);
    let sizes: Vec<_> = backend.seen().iter().map(|seen| seen.body.len()).collect();
    assert!(sizes.len() > 1 && sizes.iter().all(|&size| size < 4 << 20), "{sizes:?}");
}

#[tokio::test]
async fn a_span_without_an_id_is_dropped_alone() {
    let process = testkit::process();
    let backend = Backend::new(PATH, []);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = exporter(&process, &settings(address, "")).await;
    let good = Span { trace_id: vec![1; 16], span_id: vec![2; 8], ..Span::default() };
    let bad = Span { span_id: Vec::new(), ..good.clone() };
    let scope_spans = vec![ScopeSpans { spans: vec![good, bad], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    exporter.offer(Pdata::from_traces(ExportTraceServiceRequest { resource_spans })).await;
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.dropped[&Reason::Unconvertible]), (1, 1));
}

fn rows() -> Rows<Factory> {
    Rows { signal: Signal::Traces, path: PATH, settings: |address| settings(address, "") }
}

#[tokio::test]
async fn e1_e2_a_backend_that_comes_later_gets_everything() {
    rows().comes_later::<Response>().await;
}

#[tokio::test]
async fn e5_retry_after_is_the_least_wait() {
    let busy = answer(429, &[("retry-after", "1")], b"");
    rows().waits_as_told(busy, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn e6_503_bare_is_retried() {
    let script = [answer(503, &[], b""), answer(502, &[], b"")];
    rows().tries_again(script).await;
}

#[tokio::test]
async fn e7_a_permanent_status_is_not_retried() {
    for status in [400, 404, 500, 501] {
        rows().gives_up(answer(status, &[], b"no")).await;
    }
}

#[tokio::test]
async fn e9_a_body_that_looks_like_a_partial_success_is_none() {
    let process = testkit::process();
    let otlp = [("content-type", "application/x-protobuf")];
    let backend = Backend::new(PATH, [answer(202, &otlp, b"\x0a\x07\x08\x03\x12\x03old")]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = exporter(&process, &settings(address, "")).await;
    exporter.offer(spans(10)).await;
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.rejected), (10, 0), "Zipkin takes a request or does not");
}

#[test]
fn the_defaults_are_otelcols() {
    let settings = parse("{endpoint: 'http://h:9411/api/v2/spans'}").unwrap();
    assert_eq!(settings.client.timeout.as_secs(), 5);
    assert_eq!(settings.client.compression, Compression::Unset);
    assert_eq!(settings.format, Format::Json);
    assert_eq!(settings.default_service_name, "<missing service name>");
    assert_eq!(settings.sending_queue, Section::on(Queue::default()));
    assert_eq!(settings.retry_on_failure.value().max_interval.as_secs(), 30);
    assert_eq!(Factory::delivery(&settings), Delivery::MemoryQueue);
}

#[test]
fn what_is_wrong_is_told() {
    let problems = |yaml: &str| parse(yaml).unwrap_err().join("\n");
    assert!(problems("{}").starts_with("exporters.zipkin.endpoint: requires a non-empty"));
    assert!(problems("{endpoint: 'h:9411'}").starts_with("exporters.zipkin.endpoint: "));
    let format = problems("{endpoint: 'http://h', format: xml}");
    assert!(format.contains("exporters.zipkin.format") && format.contains("xml"), "{format}");
}

#[test]
fn the_examples_of_the_page_load() {
    let registry = Registry::default().exporter::<Factory>();
    let page = include_str!("../../../docs/components/exporters/zipkin.md");
    assert_eq!(testkit::load_examples(&registry, page), 2);
}
