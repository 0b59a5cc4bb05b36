//! Against a server on a real socket that follows a script.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use sluice_component::{
    Context, Delivery, Exporter, ExporterFactory, Kind, PipelineId, Reason, Registry, State, host::Process,
    ledger::Balance, testkit,
};
use sluice_config::{Node, Problems, Section, decode_over};
use sluice_net::grpc::{Call, Code, Routes, Server, ServerSettings, Status, Unary, with_retry_delay};
use sluice_pdata::{
    Pdata, Signal,
    otlp::{
        ExportLogsServiceRequest,
        logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    },
};
use tokio::time::Instant;

use super::{Factory, Settings, exporter::Grpc};
use crate::{
    protocol::Payload,
    sending::{Outcome, Queue, Wire},
};

const PATH: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Answers by its script, then with success.
#[derive(Default)]
struct Backend {
    script: Mutex<VecDeque<Result<Bytes, Status>>>,
    seen: Mutex<Vec<Seen>>,
}

#[derive(Clone)]
struct Seen {
    at: Instant,
    message: Bytes,
    headers: HeaderMap,
}

#[async_trait]
impl Unary for Backend {
    async fn call(&self, call: Call) -> Result<Bytes, Status> {
        let seen = Seen { at: Instant::now(), message: call.message, headers: call.headers };
        self.seen.lock().unwrap().push(seen);
        self.script.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Bytes::new()))
    }
}

impl Backend {
    fn new(script: impl IntoIterator<Item = Result<Bytes, Status>>) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(script.into_iter().collect()), seen: Mutex::default() })
    }

    async fn serve(self: &Arc<Self>, process: &Arc<Process>, endpoint: &str) -> (Server, SocketAddr) {
        let host = testkit::host(process, Kind::Receiver, "backend");
        let routes = Routes::new().with(PATH, self.clone());
        let server = Server::start(&ServerSettings::at(endpoint), "", &host, routes).await.unwrap();
        let address = server.addresses()[0];
        (server, address)
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn parse(yaml: &str) -> Result<Settings, Vec<String>> {
    let node = Node::from_yaml("test.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let settings = decode_over(&Settings::default(), &node, "exporters.otlp", &mut problems);
    settings.ok_or_else(|| problems.iter().map(ToString::to_string).collect())
}

/// Plain text to `address`, with waits that suit a test.
fn settings(address: SocketAddr, more: &str) -> Settings {
    parse(&format!(
        "{{endpoint: '{address}', tls: {{insecure: true}},
           retry_on_failure: {{initial_interval: 10ms, max_interval: 20ms}}, {more}}}"
    ))
    .unwrap()
}

/// An exporter of log records in a pipeline of its own.
struct Rig {
    process: Arc<Process>,
    exporter: Arc<dyn Exporter>,
}

impl Rig {
    async fn new(process: &Arc<Process>, settings: &Settings) -> Self {
        let cx = testkit::build_cx(process, Kind::Exporter, "otlp", Signal::Logs);
        let exporter = Factory::build(settings, cx).unwrap();
        exporter.start(&testkit::host(process, Kind::Exporter, "otlp")).await.unwrap();
        Self { process: process.clone(), exporter }
    }

    async fn offer(&self, data: Pdata) {
        let account = self.process.ledger.account(&PipelineId::new(Signal::Logs, ""));
        let branch = account.branch(&testkit::component(Kind::Exporter, "otlp"));
        let items = data.items();
        self.exporter.consume(Context::default().on_branch(branch), data).await.unwrap();
        account.accepted(items);
    }

    async fn drained(self) -> Balance {
        self.exporter.shutdown(Instant::now() + Duration::from_secs(20)).await.unwrap();
        let balance = self.process.ledger.balances().remove(0);
        assert!(balance.is_even() && balance.held() == 0, "{balance:?}");
        balance
    }

    async fn becomes(&self, state: State) {
        let component = testkit::component(Kind::Exporter, "otlp");
        for _ in 0..1000 {
            if self.process.health.reports()[&component].state == state {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never became {state:?}");
    }
}

fn batch(items: usize) -> Pdata {
    let record = |n: usize| LogRecord { severity_text: format!("s{n}"), ..LogRecord::default() };
    let log_records = (0..items).map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    Pdata::from_logs(ExportLogsServiceRequest { resource_logs })
}

/// One attempt against a server that answers so.
async fn outcome_of(answer: Result<Bytes, Status>) -> Outcome {
    let process = testkit::process();
    let backend = Backend::new([answer]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    attempt(&process, address).await
}

async fn attempt(process: &Arc<Process>, address: SocketAddr) -> Outcome {
    let wire = Grpc::new(settings(address, "").client, Signal::Logs);
    wire.start(&testkit::host(process, Kind::Exporter, "otlp")).await.unwrap();
    wire.send(&Payload::protobuf(&batch(10)), &Context::default()).await
}

#[tokio::test]
async fn the_bytes_arrive_as_they_are() {
    let process = testkit::process();
    let backend = Backend::new([]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let data = batch(3);
    let rig = Rig::new(&process, &settings(address, "headers: {x-tenant: blue}")).await;
    rig.offer(data.clone()).await;
    assert_eq!(rig.drained().await.sent, 3);
    let seen = backend.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].message, data.wire().concat());
    let header = |name: &str| seen[0].headers.get(name).unwrap().to_str().unwrap();
    assert_eq!((header("x-tenant"), header("grpc-encoding")), ("blue", "gzip"));
    assert!(header("user-agent").starts_with("sluice/"));
    assert!(seen[0].headers.contains_key("grpc-timeout"));
}

#[tokio::test]
async fn e1_e2_a_backend_that_comes_later_gets_everything() {
    let process = testkit::process();
    let address = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let rig = Rig::new(&process, &settings(address, "")).await;
    for _ in 0..20 {
        rig.offer(batch(5)).await;
    }
    rig.becomes(State::RecoverableError).await;
    let backend = Backend::new([]);
    let (_server, _) = backend.serve(&process, &address.to_string()).await;
    rig.becomes(State::Ok).await;
    assert_eq!(rig.drained().await.sent, 100);
    assert_eq!(backend.seen().len(), 20);
}

#[tokio::test]
async fn e5_retry_info_is_the_least_wait() {
    let busy = with_retry_delay(Code::Unavailable, "busy", Duration::from_secs(7));
    let Outcome::Retry { after, reason, .. } = outcome_of(Err(busy)).await else { panic!() };
    assert_eq!((after, reason), (Some(Duration::from_secs(7)), Reason::Throttled));

    let process = testkit::process();
    let pause = Duration::from_millis(300);
    let backend = Backend::new([Err(with_retry_delay(Code::ResourceExhausted, "busy", pause))]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let rig = Rig::new(&process, &settings(address, "")).await;
    rig.offer(batch(5)).await;
    assert_eq!(rig.drained().await.sent, 5);
    let seen = backend.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].at - seen[0].at >= pause);
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
    let process = testkit::process();
    let backend = Backend::new([Err(Status::invalid_argument("no"))]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let rig = Rig::new(&process, &settings(address, "")).await;
    rig.offer(batch(5)).await;
    let balance = rig.drained().await;
    assert_eq!((balance.sent, balance.dropped[&Reason::Permanent]), (0, 5));
    assert_eq!(backend.seen().len(), 1);
}

#[tokio::test]
async fn e9_a_partial_success_counts_what_was_rejected() {
    let process = testkit::process();
    let backend = Backend::new([
        Ok(Bytes::from_static(b"\x0a\x07\x08\x03\x12\x03old")),
        Ok(Bytes::from_static(b"\x0a\x05\x12\x03old")),
        Ok(Bytes::from_static(b"\xff")),
    ]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let rig = Rig::new(&process, &settings(address, "")).await;
    for _ in 0..3 {
        rig.offer(batch(10)).await;
    }
    let balance = rig.drained().await;
    assert_eq!((balance.sent, balance.rejected, balance.dropped.len()), (27, 3, 0));
    assert_eq!(backend.seen().len(), 3);
}

#[test]
fn every_code_is_retried_as_otlp_says() {
    use Code as C;
    let retried = [C::Cancelled, C::DeadlineExceeded, C::Aborted, C::OutOfRange, C::Unavailable, C::DataLoss];
    for number in 1..=16 {
        let code = Code::from_i32(number);
        let outcome = super::exporter::outcome(&Status::new(code, "x"));
        assert_eq!(
            matches!(outcome, Outcome::Retry { after: None, .. }),
            retried.contains(&code),
            "{code:?}"
        );
        let hinted = super::exporter::outcome(&with_retry_delay(code, "x", Duration::from_secs(7)));
        let may = retried.contains(&code) || code == C::ResourceExhausted;
        assert_eq!(matches!(hinted, Outcome::Retry { after: Some(_), .. }), may, "{code:?}");
    }
    let zero = with_retry_delay(C::ResourceExhausted, "x", Duration::ZERO);
    assert!(matches!(super::exporter::outcome(&zero), Outcome::Retry { after: None, .. }));
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
fn labels_are_host_and_port() {
    for (endpoint, address, port) in [
        ("h:4317", "h", "4317"),
        ("http://h:4317/", "h", "4317"),
        ("dns:///h:1", "h", "1"),
        ("dns:h:1", "h", "1"),
        ("[::1]:4317", "::1", "4317"),
        ("h", "h", ""),
        ("unix:///run/a.sock", "/run/a.sock", ""),
    ] {
        let settings = parse(&format!("{{endpoint: '{endpoint}'}}")).unwrap();
        let destination = settings.destination();
        assert_eq!((destination.address.as_str(), destination.port.as_str()), (address, port), "{endpoint}");
    }
}

#[test]
fn the_examples_of_the_pages_load() {
    let registry = Registry::default().exporter::<Factory>();
    let page = include_str!("../../../docs/components/exporters/otlp.md");
    assert_eq!(testkit::load_examples(&registry, page), 2);
    assert_eq!(testkit::load_examples(&registry, include_str!("../../../docs/sending.md")), 1);
}
