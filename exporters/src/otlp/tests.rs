//! Against a server on a real socket that follows a script.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use sluice_component::{Context, Delivery, ExporterFactory, Kind, Reason, Registry, host::Process, testkit};
use sluice_config::Section;
use sluice_net::grpc::{Code, Status, with_retry_delay};
use sluice_pdata::Signal;

use super::{Factory, Settings, exporter::Grpc};
use crate::{
    call::Payload,
    sending::{Outcome, Queue, Wire},
    stand::{
        self, Rows,
        grpc::{Answer, Backend},
        logs,
    },
};

const PATH: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

fn parse(yaml: &str) -> Result<Settings, Vec<String>> {
    stand::parse("otlp", yaml)
}

/// Plain text to `address`, with waits that suit a test.
fn settings(address: SocketAddr, more: &str) -> Settings {
    parse(&format!(
        "{{endpoint: '{address}', tls: {{insecure: true}},
           retry_on_failure: {{initial_interval: 10ms, max_interval: 20ms}}, {more}}}"
    ))
    .unwrap()
}

async fn exporter(process: &Arc<Process>, settings: &Settings) -> stand::Stand<Factory> {
    stand::Stand::new(process, Signal::Logs, settings).await
}

/// One attempt against a server that answers so.
async fn outcome_of(answer: Answer) -> Outcome {
    let process = testkit::process();
    let backend = Backend::new(PATH, [answer]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    attempt(&process, address).await
}

async fn attempt(process: &Arc<Process>, address: SocketAddr) -> Outcome {
    let wire = Grpc::new(settings(address, "").client, Signal::Logs);
    wire.start(&testkit::host(process, Kind::Exporter, "otlp")).await.unwrap();
    wire.send(&Payload::protobuf(&logs(10)), &Context::default()).await
}

#[tokio::test]
async fn the_bytes_arrive_as_they_are() {
    let process = testkit::process();
    let backend = Backend::new(PATH, []);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let data = logs(3);
    let exporter = exporter(&process, &settings(address, "headers: {x-tenant: blue}")).await;
    exporter.offer(data.clone()).await;
    assert_eq!(exporter.drained().await.sent, 3);
    let seen = backend.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].body, data.wire().concat());
    assert_eq!((seen[0].header("x-tenant"), seen[0].header("grpc-encoding")), ("blue", "gzip"));
    assert!(seen[0].header("user-agent").starts_with("sluice/"));
    assert!(seen[0].headers.contains_key("grpc-timeout"));
}

fn rows() -> Rows<Factory> {
    Rows { signal: Signal::Logs, path: PATH, settings: |address| settings(address, "") }
}

#[tokio::test]
async fn e1_e2_a_backend_that_comes_later_gets_everything() {
    rows().comes_later::<Answer>().await;
}

#[tokio::test]
async fn e5_retry_info_is_the_least_wait() {
    let busy = with_retry_delay(Code::Unavailable, "busy", Duration::from_secs(7));
    let Outcome::Retry { after, reason, .. } = outcome_of(Err(busy)).await else { panic!() };
    assert_eq!((after, reason), (Some(Duration::from_secs(7)), Reason::Throttled));

    let pause = Duration::from_millis(300);
    let busy = with_retry_delay(Code::ResourceExhausted, "busy", pause);
    rows().waits_as_told::<Answer>(Err(busy), pause).await;
}

#[tokio::test]
async fn e6_unavailable_without_a_hint_is_retried_by_backoff_alone() {
    let Outcome::Retry { after, reason, cause } = outcome_of(Err(Status::unavailable("later"))).await else {
        panic!()
    };
    assert_eq!((after, reason), (None, Reason::Unavailable));
    assert_eq!(cause.to_string(), "rpc error: code = Unavailable desc = later");
}

#[tokio::test]
async fn e7_a_permanent_status_is_not_retried() {
    rows().gives_up::<Answer>(Err(Status::invalid_argument("no"))).await;
}

#[tokio::test]
async fn e9_a_partial_success_counts_what_was_rejected() {
    let process = testkit::process();
    let backend = Backend::new(
        PATH,
        [
            Ok(Bytes::from_static(b"\x0a\x07\x08\x03\x12\x03old")),
            Ok(Bytes::from_static(b"\x0a\x05\x12\x03old")),
            Ok(Bytes::from_static(b"\xff")),
        ],
    );
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = exporter(&process, &settings(address, "")).await;
    for _ in 0..3 {
        exporter.offer(logs(10)).await;
    }
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.rejected, balance.dropped.len()), (27, 3, 0));
    assert_eq!(backend.seen().len(), 3);
}

/// A server that sends `data` behind the head of an answer, again and again.
async fn endless(data: &'static [u8]) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let host = testkit::host(&testkit::process(), Kind::Receiver, "endless");
    drop(host.spawn("endless", async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(socket).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let head = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
            let mut body = respond.send_response(head, false).unwrap();
            while body.send_data(Bytes::from_static(data), false).is_ok() {
                body.reserve_capacity(data.len());
                tokio::select! {
                    capacity = std::future::poll_fn(|cx| body.poll_capacity(cx)) => {
                        if !matches!(capacity, Some(Ok(_))) { break }
                    }
                    // The connection only moves while it is polled.
                    next = connection.accept() => if next.is_none() { return },
                }
            }
        }
    }));
    address
}

#[tokio::test]
async fn e13_an_answer_of_4_gib_is_not_read_and_not_retried() {
    let process = testkit::process();
    let address = endless(b"\x00\xff\xff\xff\xff and so on and so on and so on").await;
    let outcome = attempt(&process, address).await;
    assert!(matches!(outcome, Outcome::Fatal { reason: Reason::Permanent, .. }), "{outcome:?}");
    assert!(process.budget.used() < 1 << 20);
}

#[test]
fn the_defaults_are_otelcols() {
    let settings = parse("{endpoint: 'h:4317'}").unwrap();
    assert_eq!(settings.client.compression, sluice_net::compression::Compression::Gzip);
    assert_eq!(settings.timeout.as_secs(), 5);
    assert_eq!(settings.sending_queue, Section::on(Queue::default()));
    assert_eq!(settings.retry_on_failure.value().max_interval.as_secs(), 30);
    assert_eq!(Factory::delivery(&settings), Delivery::MemoryQueue);
}

#[test]
fn what_is_wrong_is_told() {
    let problems = |yaml: &str| parse(yaml).unwrap_err().join("\n");
    assert_eq!(problems("{}"), "exporters.otlp.endpoint: requires a non-empty \"endpoint\"");
    assert!(problems("{endpoint: 'h:x'}").contains("exporters.otlp.endpoint: invalid port \"x\""));
    assert!(problems("{endpont: 'h:1'}").contains("endpont"));
    let several = problems("{compression: lz4, sending_queue: {queue_size: 0}, timeout: -1s}");
    for text in ["non-empty", "lz4", "`queue_size` must be positive", "negative"] {
        assert!(several.contains(text), "{text} in {several}");
    }
}

#[test]
fn the_examples_of_the_pages_load() {
    let registry = Registry::default().exporter::<Factory>();
    let page = include_str!("../../../docs/components/exporters/otlp.md");
    assert_eq!(testkit::load_examples(&registry, page), 2);
    assert_eq!(testkit::load_examples(&registry, include_str!("../../../docs/sending.md")), 2);
}
