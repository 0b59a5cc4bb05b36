//! Against a server on a real socket that follows a script.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use sluice_component::{Delivery, ExporterFactory, Registry, host::Process, testkit};
use sluice_formats::jaeger::decode_post_spans;
use sluice_net::grpc::{Code, Status, with_retry_delay};
use sluice_pdata::{Limits, Signal};

use super::{Factory, Settings};
use crate::stand::{
    self, Rows, Stand,
    backend::Seen,
    grpc::{Answer, Backend},
    spans, spans_of,
};

const PATH: &str = "/jaeger.api_v2.CollectorService/PostSpans";

fn parse(yaml: &str) -> Result<Settings, Vec<String>> {
    stand::parse("jaeger", yaml)
}

/// Plain text to `address`, with waits that suit a test.
fn settings(address: SocketAddr, more: &str) -> Settings {
    parse(&format!(
        "{{endpoint: '{address}', tls: {{insecure: true}},
           retry_on_failure: {{initial_interval: 10ms, max_interval: 20ms}}, {more}}}"
    ))
    .unwrap()
}

async fn exporter(process: &Arc<Process>, settings: &Settings) -> Stand<Factory> {
    Stand::new(process, Signal::Traces, settings).await
}

/// How many spans are in a request.
fn items(seen: &Seen) -> usize {
    decode_post_spans(&seen.body, &Limits::default()).unwrap().items
}

#[tokio::test]
async fn a_resource_arrives_as_a_batch() {
    let process = testkit::process();
    let backend = Backend::new(PATH, []);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter =
        exporter(&process, &settings(address, "headers: {x-tenant: blue}, compression: gzip")).await;
    exporter.offer(spans(3)).await;
    assert_eq!(exporter.drained().await.sent, 3);
    let seen = backend.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].header("x-tenant"), seen[0].header("grpc-encoding")), ("blue", "gzip"));
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
    rows().comes_later::<Answer>().await;
}

#[tokio::test]
async fn e5_retry_info_is_the_least_wait() {
    let pause = Duration::from_millis(300);
    let busy = with_retry_delay(Code::ResourceExhausted, "busy", pause);
    rows().waits_as_told::<Answer>(Err(busy), pause).await;
}

#[tokio::test]
async fn e6_unavailable_without_a_hint_is_retried() {
    let later = || Err(Status::unavailable("later"));
    rows().tries_again::<Answer>([later(), later()]).await;
}

#[tokio::test]
async fn e7_a_permanent_status_is_not_retried() {
    for code in [Code::Unknown, Code::InvalidArgument, Code::Unimplemented, Code::Internal] {
        rows().gives_up::<Answer>(Err(Status::new(code, "no"))).await;
    }
}

#[tokio::test]
async fn e9_a_message_that_looks_like_a_partial_success_is_none() {
    let process = testkit::process();
    let backend = Backend::new(PATH, [Ok(Bytes::from_static(b"\x0a\x07\x08\x03\x12\x03old"))]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = exporter(&process, &settings(address, "")).await;
    exporter.offer(spans(10)).await;
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.rejected), (10, 0), "Jaeger takes a batch or does not");
}

#[test]
fn the_defaults_are_otelcols() {
    let settings = parse("{endpoint: 'h:14250'}").unwrap();
    assert_eq!(settings.timeout.as_secs(), 5);
    assert!(settings.sending_queue.is_on() && settings.retry_on_failure.is_on());
    assert_eq!(Factory::delivery(&settings), Delivery::MemoryQueue);
}

#[test]
fn what_is_wrong_is_told() {
    let problems = |yaml: &str| parse(yaml).unwrap_err().join("\n");
    assert!(problems("{}").starts_with("exporters.jaeger.endpoint: must have a non-empty \"endpoint\""));
    assert!(problems("{endpoint: 'h:x'}").contains("exporters.jaeger.endpoint: invalid port \"x\""));
}

#[test]
fn the_examples_of_the_page_load() {
    let registry = Registry::default().exporter::<Factory>();
    let page = include_str!("../../../docs/components/exporters/jaeger.md");
    assert_eq!(testkit::load_examples(&registry, page), 2);
}
