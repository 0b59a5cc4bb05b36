//! On real sockets.

use std::{net::SocketAddr, time::Duration};

use prost::Message;
use sluice_component::{
    Kind, Registry,
    factory::Described,
    testkit::{host, load_examples, problems, process},
};
use sluice_config::{GoDuration, Section};
use sluice_net::{grpc::Client, http::HeaderMap};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::jaegerremotesampling::{
    Source,
    messages::{Parameters, Strategy},
};

const STRATEGIES: &str = r#"{"service_strategies": [{"service": "foo", "type": "ratelimiting", "param": 5}],
    "default_strategy": {"type": "probabilistic", "param": 0.5}}"#;

fn settings(source: Source) -> Settings {
    let mut settings = Settings { source, ..Settings::default() };
    settings.servers.http = Section::on(http::ServerSettings::at("127.0.0.1:0"));
    settings.servers.grpc = Section::on(grpc::ServerSettings::at("127.0.0.1:0"));
    settings
}

fn contents(text: &str) -> Source {
    Source { contents: text.to_owned(), ..Source::default() }
}

async fn start(source: Source) -> (RemoteSampling, SocketAddr, SocketAddr) {
    let extension = RemoteSampling::new(settings(source));
    extension.start(&host(&process(), Kind::Extension, "jaegerremotesampling")).await.unwrap();
    let (http, grpc) = extension.addresses();
    (extension, http.unwrap(), grpc.unwrap())
}

async fn stop(extension: &RemoteSampling) {
    extension.shutdown(Instant::now() + Duration::from_secs(10)).await.unwrap();
}

/// Status and body of an answer.
async fn call(at: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn ask(at: SocketAddr, service: &str) -> Strategy {
    let host = host(&process(), Kind::Exporter, "client");
    let client = Client::new(&grpc::ClientSettings::insecure(&at.to_string()), "", &host).unwrap();
    let question = Parameters { service_name: service.to_owned() }.encode_to_vec().into();
    let wait = Some(Duration::from_secs(20));
    let reply = client.unary(GET, &[question], wait, &HeaderMap::new()).await.unwrap();
    Strategy::decode(reply.message).unwrap()
}

const FOO: &str = r#""probabilisticSampling":null,"rateLimitingSampling":{"maxTracesPerSecond":5},"operationSampling":null}"#;

#[tokio::test]
async fn strategies_are_served_over_both_transports() {
    let (extension, http, grpc) = start(contents(STRATEGIES)).await;
    for path in ["/sampling", "/api/sampling"] {
        let answer = call(http, &format!("GET {path}?service=foo")).await;
        assert_eq!(answer, (200, format!("{{\"strategyType\":\"RATE_LIMITING\",{FOO}")));
    }
    assert_eq!(call(http, "GET /?service=foo").await, (200, format!("{{\"strategyType\":1,{FOO}")));
    assert!(call(http, "GET /sampling?service=x").await.1.contains(r#""samplingRate":0.5"#));
    assert_eq!(call(http, "GET /sampling").await.0, 400);
    assert_eq!(call(http, "GET /other?service=foo").await.0, 404);
    assert_eq!(call(http, "DELETE /sampling?service=foo").await.0, 405);
    assert_eq!(ask(grpc, "foo").await, Strategy::rate_limiting(5));
    assert_eq!(ask(grpc, "").await, Strategy::probabilistic(0.5));
    stop(&extension).await;
    stop(&extension).await;
    assert!(TcpStream::connect(http).await.is_err());
}

#[tokio::test]
async fn a_file_is_read_again_and_a_bad_one_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("strategies.json");
    std::fs::write(&path, STRATEGIES).unwrap();
    let file = path.to_str().unwrap().to_owned();
    let reload_interval = GoDuration::from_millis(5);
    let (extension, http, _) = start(Source { file, reload_interval, ..Source::default() }).await;
    let rate = async || call(http, "GET /sampling?service=x").await.1;
    assert!(rate().await.contains("0.5"));
    std::fs::write(&path, "{").unwrap();
    std::fs::write(&path, STRATEGIES.replace("0.5", "0.25")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !rate().await.contains("0.25") {
        assert!(Instant::now() < deadline, "the new file is never read");
    }
    std::fs::write(&path, "{").unwrap();
    let before = Instant::now();
    while before.elapsed() < 4 * Duration::from_millis(5) {
        assert!(rate().await.contains("0.25"));
    }
    stop(&extension).await;
}

#[tokio::test]
async fn a_remote_server_is_asked_once_and_its_last_answer_outlives_it() {
    let (origin, _, grpc) = start(contents(STRATEGIES)).await;
    let remote = |reload_interval| Source {
        remote: Section::on(grpc::ClientSettings::insecure(&grpc.to_string())),
        reload_interval,
        ..Source::default()
    };
    let (cached, http, _) = start(remote(GoDuration::from_millis(1))).await;
    let (uncached, http_of_uncached, _) = start(remote(GoDuration::ZERO)).await;
    let foo = (200, format!("{{\"strategyType\":\"RATE_LIMITING\",{FOO}"));
    assert_eq!(call(http, "GET /sampling?service=foo").await, foo);
    assert_eq!(call(http_of_uncached, "GET /sampling?service=foo").await, foo);
    stop(&origin).await;
    assert_eq!(call(http, "GET /sampling?service=foo").await, foo, "what was kept is better than nothing");
    let (status, text) = call(http_of_uncached, "GET /sampling?service=foo").await;
    assert_eq!(status, 500);
    assert!(text.starts_with("collector error: "), "{text}");
    stop(&cached).await;
    stop(&uncached).await;
}

#[tokio::test]
async fn a_file_that_is_not_there_stops_the_start() {
    let source = Source { file: "/nowhere/strategies.json".to_owned(), ..Source::default() };
    let extension = RemoteSampling::new(settings(source));
    let host = host(&process(), Kind::Extension, "jaegerremotesampling");
    let error = extension.start(&host).await.unwrap_err().to_string();
    let expected = "extensions.jaegerremotesampling.source.file: cannot read /nowhere/strategies.json";
    assert!(error.starts_with(expected), "{error}");
}

fn registry() -> Registry {
    Registry::empty().extension::<Factory>()
}

fn factory(registry: &Registry) -> &dyn Described {
    registry.describe(Kind::Extension).into_iter().next().unwrap()
}

#[test]
fn what_the_settings_cannot_mean_is_told() {
    for (yaml, text) in [
        ("{}", "no sources specified"),
        ("source: {contents: '{}', remote: {endpoint: 'a:1'}}", "too many sources specified"),
        ("source: {contents: '[]'}", "no file of sampling strategies"),
        ("source: {file: 'http://x/y'}", "write a path"),
        ("source: {remote: }", "source.remote.endpoint"),
        ("{source: {contents: '{}'}, http: {endpoint: nowhere}}", "no port"),
    ] {
        let problems = problems(factory(&registry()), yaml).to_string();
        assert!(problems.contains(text), "{yaml}: {problems}");
    }
    assert!(problems(factory(&registry()), "source: {contents: '{}'}").is_empty());
}

#[test]
fn both_ports_are_claimed_unless_one_is_written() {
    let mut settings = Settings::default();
    assert_eq!(Factory::claims(&settings).len(), 4);
    settings.servers.http = Section::on(settings.servers.http.value().clone());
    let claims = Factory::claims(&settings);
    assert!(claims.contains(&Claim::Tcp("127.0.0.1:5778".parse().unwrap())), "{claims:?}");
    assert_eq!(claims.len(), 2);
}

#[test]
fn the_page_loads() {
    let page = include_str!("../../../../docs/components/extensions/jaegerremotesampling.md");
    assert!(load_examples(&registry(), page) >= 3);
}
