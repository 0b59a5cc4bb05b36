//! On real sockets, with clients that know nothing of our own code.

mod hostile;
mod status;

use std::time::Duration;

use sluice_component::{
    Class, Kind, Reason, Registry,
    factory::Described,
    host::Process,
    testkit::{component, host, load_examples, problems, process},
};
use sluice_config::Section;
use sluice_pdata::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest, Message,
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric},
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};

use super::*;
use crate::{
    otlp::HttpSettings,
    testing::{
        Mood, Sink,
        client::{grpc_call, http_call, post},
    },
};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

struct Stand {
    receiver: Arc<Otlp>,
    sink: Arc<Sink>,
    process: Arc<Process>,
    host: Host,
    grpc: SocketAddr,
    http: SocketAddr,
}

fn settings() -> Settings {
    let grpc = grpc::ServerSettings::at("127.0.0.1:0");
    let mut http = HttpSettings::default();
    "127.0.0.1:0".clone_into(&mut http.server.endpoint);
    let mut settings = Settings::default();
    settings.protocols.grpc = Section::on(grpc);
    settings.protocols.http = Section::on(http);
    settings
}

impl Stand {
    async fn new() -> Self {
        Self::with(settings(), &Signal::ALL).await
    }

    async fn with(settings: Settings, signals: &[Signal]) -> Self {
        let sink = Sink::new();
        let outputs =
            signals.iter().fold(Outputs::default(), |outputs, &signal| outputs.with(signal, sink.clone()));
        let receiver = Arc::new(Otlp::new(settings, outputs));
        let process = process();
        let host = host(&process, Kind::Receiver, "otlp");
        receiver.start(&host).await.unwrap();
        let (grpc, http) = receiver.addresses();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { receiver, sink, process, host, grpc: grpc.unwrap_or(nowhere), http: http.unwrap_or(nowhere) }
    }

    async fn stop(&self) {
        self.receiver.shutdown(Instant::now() + Duration::from_secs(10)).await.unwrap();
    }
}

/// An export request of `signal` with `items` items.
fn request(signal: Signal, items: usize) -> Vec<u8> {
    match signal {
        Signal::Traces => spans(vec![span(); items]),
        Signal::Metrics => {
            let point = NumberDataPoint { time_unix_nano: 1, ..NumberDataPoint::default() };
            let data = metric::Data::Gauge(Gauge { data_points: vec![point; items] });
            let metric = Metric { name: "up".to_owned(), data: Some(data), ..Metric::default() };
            let scope = ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() };
            let resource = ResourceMetrics { scope_metrics: vec![scope], ..ResourceMetrics::default() };
            ExportMetricsServiceRequest { resource_metrics: vec![resource] }.encode_to_vec()
        }
        Signal::Logs => {
            let record = LogRecord { time_unix_nano: 1, ..LogRecord::default() };
            let scope = ScopeLogs { log_records: vec![record; items], ..ScopeLogs::default() };
            let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
            ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec()
        }
    }
}

fn span() -> Span {
    Span { trace_id: vec![1; 16], span_id: vec![2; 8], name: "GET /".to_owned(), ..Span::default() }
}

fn spans(spans: Vec<Span>) -> Vec<u8> {
    let scope = ScopeSpans { spans, ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
}

fn http_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
    }
}

fn routes_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => TRACES,
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

#[tokio::test]
async fn both_ports_are_bound_when_start_returns_and_closed_when_shutdown_does() {
    let stand = Stand::new().await;
    for _ in 0..2 {
        let (grpc, http) = stand.receiver.addresses();
        assert!(grpc_call(grpc.unwrap(), TRACES, &[], &request(Signal::Traces, 1)).await.is_ok());
        assert_eq!(
            post(http.unwrap(), "/v1/traces", PROTOBUF, &request(Signal::Traces, 1)).await.status,
            200
        );
        stand.stop().await;
        stand.stop().await;
        assert!(tokio::net::TcpStream::connect(grpc.unwrap()).await.is_err());
        assert!(tokio::net::TcpStream::connect(http.unwrap()).await.is_err());
        stand.receiver.start(&stand.host).await.unwrap();
    }
    stand.stop().await;
}

#[tokio::test]
async fn shutdown_without_start_is_harmless() {
    let receiver = Otlp::new(settings(), Outputs::default());
    receiver.shutdown(Instant::now()).await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_stops_the_start_and_frees_the_other() {
    let stand = Stand::new().await;
    let mut settings = settings();
    let mut http = settings.protocols.http.value().clone();
    http.server.endpoint = stand.http.to_string();
    settings.protocols.http = Section::on(http);
    let second = Otlp::new(settings, Outputs::default());
    let error = second.start(&stand.host).await.unwrap_err().to_string();
    let expected = format!("receivers.otlp.protocols.http.endpoint: cannot listen on {}", stand.http);
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(second.addresses(), (None, None));
    stand.stop().await;
}

#[tokio::test]
async fn shutdown_waits_for_requests_in_flight() {
    let stand = Stand::new().await;
    stand.sink.set(Mood::Hang);
    let body = request(Signal::Logs, 1);
    let call = post(stand.http, "/v1/logs", PROTOBUF, &body);
    let stop = async {
        while stand.sink.items() == 0 {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        stand.receiver.shutdown(begun + Duration::from_millis(200)).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(200), "the request was still in flight");
    };
    tokio::join!(stop, async {
        // Cut at the deadline, without an answer.
        assert_eq!(call.await.status, 0);
    });
}

#[tokio::test]
async fn only_the_protocols_that_are_on_are_served() {
    let mut only_grpc = settings();
    only_grpc.protocols.http = Section::off();
    let stand = Stand::with(only_grpc, &Signal::ALL).await;
    assert!(stand.receiver.addresses().0.is_some() && stand.receiver.addresses().1.is_none());
    stand.stop().await;
}

#[tokio::test]
async fn the_context_tells_peer_transport_deadline_and_metadata() {
    let mut settings = settings();
    let mut grpc = settings.protocols.grpc.value().clone();
    let mut http = settings.protocols.http.value().clone();
    grpc.include_metadata = true;
    http.server.include_metadata = true;
    (settings.protocols.grpc, settings.protocols.http) = (Section::on(grpc), Section::on(http));
    let stand = Stand::with(settings, &Signal::ALL).await;
    let before = Instant::now();
    let headers = [("x-tenant", "a"), ("grpc-timeout", "10S")];
    grpc_call(stand.grpc, TRACES, &headers, &request(Signal::Traces, 1)).await.unwrap();
    let (cx, _) = stand.sink.last();
    assert_eq!(cx.request().transport(), "grpc");
    assert_eq!(cx.request().metadata("x-tenant"), ["a"]);
    assert!(cx.request().peer().unwrap().ip().is_loopback());
    assert_eq!(cx.request().receiver(), Some(&component(Kind::Receiver, "otlp")));
    let wait = cx.deadline().unwrap() - before;
    assert!(wait > Duration::from_secs(9) && wait < Duration::from_secs(11), "{wait:?}");

    let head = format!("POST /v1/traces HTTP/1.1\r\nContent-Type: {PROTOBUF}\r\nX-Tenant: b\r\n");
    assert_eq!(http_call(stand.http, &head, &request(Signal::Traces, 1)).await.status, 200);
    let (cx, _) = stand.sink.last();
    assert_eq!((cx.request().transport(), cx.deadline()), ("http", None));
    assert_eq!(cx.request().metadata("x-tenant"), ["b"]);
    assert!(cx.request().peer().is_some());
    stand.stop().await;
}

#[tokio::test]
async fn metadata_is_kept_only_when_asked_for() {
    let stand = Stand::new().await;
    grpc_call(stand.grpc, TRACES, &[("x-tenant", "a")], &request(Signal::Traces, 1)).await.unwrap();
    assert!(stand.sink.last().0.request().metadata("x-tenant").is_empty());
    stand.stop().await;
}

#[tokio::test]
async fn the_bytes_of_a_request_stay_in_the_budget_as_long_as_its_data() {
    let stand = Stand::new().await;
    let body = request(Signal::Traces, 100);
    grpc_call(stand.grpc, TRACES, &[], &body).await.unwrap();
    assert!(stand.process.budget.used() >= body.len());
    stand.sink.taken.lock().unwrap().clear();
    assert_eq!(post(stand.http, "/v1/traces", PROTOBUF, &body).await.status, 200);
    assert!(stand.process.budget.used() >= body.len());
    stand.sink.taken.lock().unwrap().clear();
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn paths_are_configurable_and_get_their_leading_slash() {
    let mut settings = settings();
    let mut http = settings.protocols.http.value().clone();
    "in/spans".clone_into(&mut http.traces_url_path);
    settings.protocols.http = Section::on(http);
    let stand = Stand::with(settings, &Signal::ALL).await;
    let body = request(Signal::Traces, 1);
    assert_eq!(post(stand.http, "/in/spans", PROTOBUF, &body).await.status, 200);
    assert_eq!(post(stand.http, "/v1/traces", PROTOBUF, &body).await.status, 404);
    stand.stop().await;
}

fn registry() -> Registry {
    Registry::empty().receiver::<Factory>()
}

fn told(yaml: &str) -> Vec<String> {
    let registry = registry();
    let factory: &dyn Described = registry.describe(Kind::Receiver)[0];
    problems(factory, yaml).iter().map(ToString::to_string).collect()
}

#[test]
fn the_examples_of_the_page_load() {
    let page = include_str!("../../../../docs/components/receivers/otlp.md");
    assert_eq!(load_examples(&registry(), page), 3);
}

#[test]
fn settings_that_serve_nothing_or_have_unknown_keys_are_refused() {
    let text = "must specify at least one protocol when using the OTLP receiver";
    for yaml in ["", "{protocols: }", "{protocols: {grpc: {enabled: false}}}"] {
        let told = told(yaml);
        assert!(told.len() == 1 && told[0].ends_with(text), "{yaml}: {told:?}");
    }
    let unknown = told("{protocols: {grpc: {endpont: x}, http: {traces_path: /x}}}");
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    let paths = told("{protocols: {http: {traces_url_path: /v1/logs, metrics_url_path: '/a?b'}}}");
    assert_eq!(paths.len(), 2, "{paths:?}");
}

#[test]
fn defaults_are_otelcols_also_for_a_section_that_is_written_in_part() {
    let registry = registry();
    let factory = registry.receivers.get("otlp").unwrap();
    let yaml = "{protocols: {grpc: {include_metadata: true}, http: }}";
    let node = sluice_config::Node::from_yaml("test.yaml", yaml).unwrap();
    let parsed = factory.parse(&node, "receivers.otlp", &mut sluice_config::Problems::new()).unwrap();
    let claims: Vec<_> = parsed.claims.iter().map(|claim| format!("{claim:?}")).collect();
    assert!(claims.contains(&"Tcp(127.0.0.1:4317)".to_owned()), "{claims:?}");
    assert!(claims.contains(&"Tcp(127.0.0.1:4318)".to_owned()), "{claims:?}");
    let effective = parsed.effective(sluice_component::factory::Secrets::Redacted);
    let http = effective.get("protocols").and_then(|protocols| protocols.get("http")).unwrap();
    assert_eq!(http.get("idle_timeout").and_then(sluice_config::Node::as_str), Some("0s"));
}
