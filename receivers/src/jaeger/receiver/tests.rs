//! On real sockets, with bytes written by hand.

mod hostile;
mod status;
mod wire;

use std::{net::UdpSocket, time::Duration};

use sluice_component::{
    Kind, Registry,
    factory::Described,
    host::Process,
    testkit::{component, host, load_examples, problems, process},
};
use sluice_config::Section;

use super::*;
use crate::testing::{
    Mood, Sink,
    client::{grpc_call, post},
    metrics, structs, until,
};
use wire::{COMPACT, batch, call, post_spans, proto_span, span};

const THRIFT: &str = "application/x-thrift";
const PATH: &str = "/api/traces";
const METHOD: &str = "/jaeger.api_v2.CollectorService/PostSpans";

struct Stand {
    receiver: Jaeger,
    sink: Arc<Sink>,
    process: Arc<Process>,
    client: UdpSocket,
    grpc: SocketAddr,
    http: SocketAddr,
    compact: SocketAddr,
    binary: SocketAddr,
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let protocols = &mut settings.protocols;
    protocols.grpc = Section::on(grpc::ServerSettings::at("127.0.0.1:0"));
    protocols.thrift_http = Section::on(http::ServerSettings::at("127.0.0.1:0"));
    protocols.thrift_compact = Section::on(udp::ServerSettings::at("127.0.0.1:0"));
    protocols.thrift_binary = Section::on(udp::ServerSettings::at("127.0.0.1:0"));
    settings
}

impl Stand {
    async fn new() -> Self {
        Self::with(settings(), process()).await
    }

    async fn with(settings: Settings, process: Arc<Process>) -> Self {
        let sink = Sink::new();
        let receiver = Jaeger::new(settings, Outputs::default().with(Signal::Traces, sink.clone()));
        receiver.start(&host(&process, Kind::Receiver, "jaeger")).await.unwrap();
        let at = receiver.addresses();
        let (Some(grpc), Some(http), Some(compact), Some(binary)) = (at.grpc, at.http, at.compact, at.binary)
        else {
            panic!("a server is missing: {at:?}")
        };
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        Self { receiver, sink, process, client, grpc, http, compact, binary }
    }

    fn send(&self, packet: &[u8], to: SocketAddr) {
        self.client.send_to(packet, to).unwrap();
    }

    /// The value of a series of dropped packets.
    fn dropped(&self, transport: &str, reason: &str) -> u64 {
        let head = format!(
            "sluice_receiver_dropped_packets{{reason=\"{reason}\",receiver=\"jaeger\",transport=\"{transport}\"}} "
        );
        let text = metrics(&self.process);
        let value =
            text.lines().find_map(|line| line.strip_prefix(&head)).unwrap_or_else(|| panic!("{text}"));
        value.parse().unwrap()
    }

    async fn stop(&self) {
        self.receiver.shutdown(Instant::now() + Duration::from_secs(10)).await.unwrap();
    }
}

#[tokio::test]
async fn one_batch_is_the_same_otlp_over_all_four_transports() {
    let stand = Stand::new().await;
    stand.send(COMPACT, stand.compact);
    until("the compact one", || stand.sink.items() == 1).await;
    stand.send(&call("emitBatch", &batch(&[span()])), stand.binary);
    until("the binary one", || stand.sink.items() == 2).await;
    assert_eq!(post(stand.http, PATH, THRIFT, &batch(&[span()])).await.status, 202);
    grpc_call(stand.grpc, METHOD, &[], &post_spans(vec![proto_span()])).await.unwrap();
    assert_eq!(
        stand.sink.transports(),
        ["udp_thrift_compact", "udp_thrift_binary", "collector_http", "grpc"]
    );
    let taken = stand.sink.taken.lock().unwrap().clone();
    let first = structs(&taken[0].1);
    for (_, data) in &taken {
        assert_eq!(structs(data), first);
    }
    let resource = first.resource_spans[0].resource.as_ref().unwrap();
    assert_eq!(resource.attributes[0].key, "service.name");
    let span = &first.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((&*span.name, span.start_time_unix_nano), ("op", 1_581_452_772_000_321_000));
    assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 1_000_468_000);
    stand.stop().await;
}

#[tokio::test]
async fn every_port_is_bound_when_start_returns_and_closed_when_shutdown_does() {
    let stand = Stand::new().await;
    stand.stop().await;
    stand.stop().await;
    for address in [stand.grpc, stand.http] {
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
    for address in [stand.compact, stand.binary] {
        UdpSocket::bind(address).unwrap();
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_frees_the_others() {
    let stand = Stand::new().await;
    let mut settings = settings();
    settings.protocols.thrift_binary = Section::on(udp::ServerSettings::at(&stand.binary.to_string()));
    let second = Jaeger::new(settings, Outputs::default().with(Signal::Traces, stand.sink.clone()));
    let error =
        second.start(&host(&stand.process, Kind::Receiver, "jaeger/2")).await.unwrap_err().to_string();
    let expected =
        format!("receivers.jaeger/2.protocols.thrift_binary.endpoint: cannot listen on {}", stand.binary);
    assert!(error.starts_with(&expected), "{error}");
    assert!(second.addresses().grpc.is_none());
    stand.stop().await;
}

#[tokio::test]
async fn shutdown_without_start_is_harmless() {
    Jaeger::new(settings(), Outputs::default()).shutdown(Instant::now()).await.unwrap();
}

#[tokio::test]
async fn packets_that_wait_at_the_shutdown_are_handed_on() {
    let stand = Stand::new().await;
    for _ in 0..50 {
        stand.send(COMPACT, stand.compact);
    }
    stand.stop().await;
    assert_eq!(stand.sink.items(), 50);
}

#[tokio::test]
async fn packets_that_the_pipelines_do_not_take_are_counted() {
    let stand = Stand::new().await;
    stand.sink.set(Mood::Refuse(sluice_component::Class::Retryable, sluice_component::Reason::QueueFull));
    stand.send(COMPACT, stand.compact);
    until("it is counted", || stand.dropped("udp_thrift_compact", "pipeline") == 1).await;
    stand.sink.set(Mood::Take);
    stand.send(COMPACT, stand.compact);
    until("the next one passes", || stand.sink.items() == 1).await;
    let (cx, _) = stand.sink.last();
    assert!(cx.is_owned(), "nobody will send it again");
    assert_eq!(cx.request().receiver(), Some(&component(Kind::Receiver, "jaeger")));
    stand.stop().await;
}

#[tokio::test]
async fn packets_that_a_pipeline_panics_on_are_counted() {
    let stand = Stand::new().await;
    stand.sink.set(Mood::Panic);
    stand.send(COMPACT, stand.compact);
    until("it is counted", || stand.dropped("udp_thrift_compact", "panic") == 1).await;
    stand.sink.set(Mood::Take);
    stand.send(COMPACT, stand.compact);
    until("the next one passes", || stand.sink.items() == 1).await;
    stand.stop().await;
}

#[test]
fn every_port_is_claimed() {
    let yaml = "protocols: {grpc: , thrift_http: , thrift_compact: , thrift_binary: }";
    let problems = problems(factory(&registry()), yaml);
    assert!(!problems.has_errors(), "{problems}");
    let mut settings = Settings::default();
    settings.protocols.grpc = Section::on(settings.protocols.grpc.value().clone());
    settings.protocols.thrift_compact = Section::on(settings.protocols.thrift_compact.value().clone());
    let claims = Factory::claims(&settings);
    assert!(claims.contains(&Claim::Tcp("127.0.0.1:14250".parse().unwrap())), "{claims:?}");
    assert!(claims.contains(&Claim::Udp("127.0.0.1:6831".parse().unwrap())), "{claims:?}");
    assert_eq!(claims.len(), 4, "both loopback addresses of two ports: {claims:?}");
}

fn registry() -> Registry {
    Registry::empty().receiver::<Factory>()
}

fn factory(registry: &Registry) -> &dyn Described {
    registry.describe(Kind::Receiver).into_iter().next().unwrap()
}

#[test]
fn what_the_settings_cannot_mean_is_told() {
    for (yaml, text) in [
        ("{}", "must specify at least one protocol when using the Jaeger receiver"),
        ("protocols: {grpc: {endpoint: nowhere}}", "`nowhere` has no port"),
        ("protocols: {thrift_compact: {queue_size: 0}}", "queue_size: must be at least 1 packet"),
        ("protocols: {thrift_compact: {que_size: 1}}", "unknown key `que_size`"),
        ("{protocols: {grpc: }, remote_sampling: {host_endpoint: x}}", "the extension jaegerremotesampling"),
        ("protocols: {thrift_binary: }", "UDP cannot refuse"),
    ] {
        let problems = problems(factory(&registry()), yaml).to_string();
        assert!(problems.contains(text), "{yaml}: {problems}");
    }
}

#[test]
fn the_page_loads() {
    let page = include_str!("../../../../docs/components/receivers/jaeger.md");
    assert!(load_examples(&registry(), page) >= 2);
}
