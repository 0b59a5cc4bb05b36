//! Against a server on a real socket that follows a script.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sluice_component::{Delivery, ExporterFactory, Registry, host::Process, testkit};
use sluice_formats::jaeger::{Protocol, decode_thrift_batch};
use sluice_net::http::Response;
use sluice_pdata::{Limits, Signal};

use super::{Factory, Settings};
use crate::stand::{
    self, Rows, Stand,
    backend::Seen,
    http::{Backend, answer},
    spans, spans_of,
};

const PATH: &str = "/api/traces";

fn parse(yaml: &str) -> Result<Settings, Vec<String>> {
    stand::parse("jaeger_thrift", yaml)
}

/// To `address`, with waits that suit a test.
fn settings(address: SocketAddr, more: &str) -> Settings {
    let retry = "retry_on_failure: {initial_interval: 10ms, max_interval: 20ms}";
    parse(&format!("{{endpoint: 'http://{address}/api/traces', {retry}, {more}}}")).unwrap()
}

async fn exporter(process: &Arc<Process>, settings: &Settings) -> Stand<Factory> {
    Stand::new(process, Signal::Traces, settings).await
}

/// How many spans are in a request.
fn items(seen: &Seen) -> usize {
    decode_thrift_batch(&seen.body, Protocol::Binary, &Limits::default()).unwrap().items
}

#[tokio::test]
async fn a_resource_arrives_as_a_batch() {
    let process = testkit::process();
    let backend = Backend::new(PATH, [answer(202, &[], b"")]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = exporter(&process, &settings(address, "headers: {x-tenant: blue}")).await;
    exporter.offer(spans(3)).await;
    assert_eq!(exporter.drained().await.sent, 3);
    let seen = backend.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].header("content-type"), seen[0].header("x-tenant")),
        ("application/x-thrift", "blue")
    );
    assert_eq!(items(&seen[0]), 3);
}

#[tokio::test]
async fn equal_resources_share_a_request() {
    let process = testkit::process();
    let backend = Backend::new(PATH, []);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = exporter(&process, &settings(address, "")).await;
    let mut joined = spans(3);
    joined.append(spans(4));
    joined.append(spans_of("shop", 5));
    joined.append(spans(6));
    exporter.offer(joined).await;
    assert_eq!(exporter.drained().await.sent, 18);
    let items = backend.seen().into_iter().map(|seen| items(&seen)).collect::<Vec<_>>();
    assert_eq!(items, [13, 5]);
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
    let busy = answer(503, &[("retry-after", "1")], b"");
    rows().waits_as_told(busy, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn e6_503_bare_is_retried() {
    let script = [answer(503, &[], b""), answer(503, &[], b"")];
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
    assert_eq!((balance.sent, balance.rejected), (10, 0), "Jaeger takes a batch or does not");
}

#[test]
fn the_defaults_are_otelcols() {
    let settings = parse("{endpoint: 'http://h:14268/api/traces'}").unwrap();
    assert_eq!(settings.client.timeout.as_secs(), 5);
    assert!(settings.sending_queue.is_on() && settings.retry_on_failure.is_on());
    assert_eq!(Factory::delivery(&settings), Delivery::MemoryQueue);
}

#[test]
fn what_is_wrong_is_told() {
    let problems = |yaml: &str| parse(yaml).unwrap_err().join("\n");
    assert!(problems("{}").starts_with("exporters.jaeger_thrift.endpoint: requires a non-empty"));
    assert!(problems("{endpoint: 'h:14268'}").starts_with("exporters.jaeger_thrift.endpoint: "));
}

#[test]
fn the_examples_of_the_page_load() {
    let registry = Registry::default().exporter::<Factory>();
    let page = include_str!("../../../docs/components/exporters/jaeger_thrift.md");
    assert_eq!(testkit::load_examples(&registry, page), 1);
}
