//! On real sockets: the formats, and the column "Zipkin" of the status table, row by row.

use std::{net::SocketAddr, time::Duration};

use sluice_component::{
    Budget, Kind, Level, Registry, Telemetry,
    factory::Described,
    host::Process,
    testkit::{host, load_examples, problems, process},
};
use sluice_config::ByteSize;
use sluice_net::http::ServerSettings;

use super::*;
use crate::{
    testing::{
        Mood, REFUSALS, Sink,
        client::{Answer, http_call, post},
        gzip, metrics, structs,
    },
    zipkin::Names,
};

const JSON: &str = "application/json";
const PROTO: &str = "application/x-protobuf";
const THRIFT: &str = "application/x-thrift";
const V1: &str = "/api/v1/spans";
const V2: &str = "/api/v2/spans";

const SPAN: &str = r#"{"traceId":"000000000000000100000000000000a2","id":"0000000000000003","name":"op","kind":"SERVER",
    "timestamp":1000,"duration":5,"localEndpoint":{"serviceName":"svc","ipv4":"127.0.0.1","port":8080},
    "tags":{"n":"25","error":"boom"}}"#;

const V1_SPAN: &str = r#"{"traceId":"000000000000000100000000000000a2","id":"0000000000000003","name":"op",
    "timestamp":1000,"duration":5,"annotations":[{"timestamp":1000,"value":"sr",
    "endpoint":{"serviceName":"svc","ipv4":"127.0.0.1","port":8080}}]}"#;

/// One span as thriftpy2 writes it: trace 1/2, id 3, `op`, `sr` of `svc`, at 1000, for 5.
const V1_THRIFT: &[u8] = b"\x0c\0\0\0\x01\x0a\0\x01\0\0\0\0\0\0\0\xa2\x0b\0\x03\0\0\0\x02op\x0a\0\x04\0\0\0\0\0\0\0\x03\
    \x0f\0\x06\x0c\0\0\0\x01\x0a\0\x01\0\0\0\0\0\0\x03\xe8\x0b\0\x02\0\0\0\x02sr\
    \x0c\0\x03\x08\0\x01\x7f\0\0\x01\x06\0\x02\x1f\x90\x0b\0\x03\0\0\0\x03svc\0\0\
    \x0f\0\x08\x0c\0\0\0\0\x02\0\x09\0\x0a\0\x0a\0\0\0\0\0\0\x03\xe8\x0a\0\x0b\0\0\0\0\0\0\0\x05\x0a\0\x0c\0\0\0\0\0\0\0\x01\0";

#[derive(Clone, PartialEq, prost::Message)]
struct Spans {
    #[prost(message, repeated, tag = "1")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Span {
    #[prost(bytes, tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes, tag = "3")]
    id: Vec<u8>,
    #[prost(int32, tag = "4")]
    kind: i32,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "6")]
    timestamp: u64,
    #[prost(uint64, tag = "7")]
    duration: u64,
}

fn proto() -> Vec<u8> {
    let trace_id = [&1_u64.to_be_bytes()[..], &0xa2_u64.to_be_bytes()].concat();
    let id = 3_u64.to_be_bytes().to_vec();
    let span = Span { trace_id, id, kind: 2, name: "op".to_owned(), timestamp: 1000, duration: 5 };
    prost::Message::encode_to_vec(&Spans { spans: vec![span] })
}

fn array(spans: &[&str]) -> String {
    format!("[{}]", spans.join(","))
}

struct Stand {
    receiver: Zipkin,
    sink: Arc<Sink>,
    process: Arc<Process>,
    at: SocketAddr,
}

fn settings() -> Settings {
    Settings { server: ServerSettings::at("127.0.0.1:0"), ..Settings::default() }
}

impl Stand {
    async fn new() -> Self {
        Self::with(settings(), process()).await
    }

    async fn with(settings: Settings, process: Arc<Process>) -> Self {
        let sink = Sink::new();
        let receiver = Zipkin::new(settings, Outputs::default().with(Signal::Traces, sink.clone()));
        receiver.start(&host(&process, Kind::Receiver, "zipkin")).await.unwrap();
        let at = receiver.address().unwrap();
        Self { receiver, sink, process, at }
    }

    async fn post(&self, path: &str, media_type: &str, body: &[u8]) -> Answer {
        post(self.at, path, media_type, body).await
    }

    async fn stop(&self) {
        self.receiver.shutdown(Instant::now() + Duration::from_secs(10)).await.unwrap();
    }
}

#[tokio::test]
async fn every_format_is_taken_and_answered_202() {
    let stand = Stand::new().await;
    let (v1, v2) = (array(&[V1_SPAN]), array(&[SPAN]));
    for (path, media_type, body) in [
        (V2, JSON, v2.as_bytes()),
        (V2, "Application/JSON; charset=utf-8", v2.as_bytes()),
        (V2, "", v2.as_bytes()),
        ("/", JSON, v2.as_bytes()),
        (V2, PROTO, &proto()),
        (V1, JSON, v1.as_bytes()),
        (V1, "", v1.as_bytes()),
        (V1, THRIFT, V1_THRIFT),
    ] {
        let answer = stand.post(path, media_type, body).await;
        assert_eq!((answer.status, answer.text().as_str()), (202, ""), "{path} {media_type}");
    }
    let [json, proto, v1, thrift] = ["http_v2_json", "http_v2_proto", "http_v1_json", "http_v1_thrift"];
    assert_eq!(stand.sink.transports(), [json, json, json, json, proto, v1, v1, thrift]);
    for span in stand.sink.spans() {
        assert_eq!(span.trace_id, [[0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0xa2]].concat());
        assert_eq!((&*span.name, span.kind), ("op", 2));
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000_000, 1_005_000));
    }
    stand.stop().await;
}

#[tokio::test]
async fn bodies_without_spans_are_202_and_go_no_further() {
    let stand = Stand::new().await;
    for (path, media_type, body) in [
        (V2, JSON, &b"[]"[..]),
        (V2, JSON, b""),
        (V2, PROTO, b""),
        (V1, JSON, b"[]"),
        (V1, THRIFT, b"\x0c\0\0\0\0"),
    ] {
        assert_eq!(stand.post(path, media_type, body).await.status, 202, "{path} {media_type}");
    }
    assert!(stand.sink.taken.lock().unwrap().is_empty());
    stand.stop().await;
}

#[tokio::test]
async fn compressed_bodies_and_the_debug_flag_are_taken() {
    let stand = Stand::new().await;
    let body = array(&[SPAN]);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut zlib, body.as_bytes()).unwrap();
    let zlib = zlib.finish().unwrap();
    for (encoding, body) in [("gzip", &gzip(body.as_bytes())), ("zlib", &zlib), ("deflate", &zlib)] {
        let head = format!("POST {V2} HTTP/1.1\r\nContent-Type: {JSON}\r\nContent-Encoding: {encoding}\r\n");
        assert_eq!(http_call(stand.at, &head, body).await.status, 202, "{encoding}");
    }
    let head = format!("POST {V2} HTTP/1.1\r\nContent-Type: {PROTO}\r\nX-B3-Flags: 1\r\n");
    assert_eq!(http_call(stand.at, &head, &proto()).await.status, 202);
    assert_eq!(stand.sink.items(), 4);
    stand.stop().await;
}

#[tokio::test]
async fn i10_one_bad_span_in_a_hundred_costs_itself() {
    let stand = Stand::new().await;
    for bad in [
        SPAN.replace("0000000000000003", "0000000000000000"),
        SPAN.replace("0000000000000003", "xyz"),
        SPAN.replace(r#""duration":5"#, r#""duration":-5"#),
    ] {
        let before = stand.sink.items();
        let mut spans = vec![SPAN; 100];
        spans[40] = &bad;
        let answer = stand.post(V2, JSON, array(&spans).as_bytes()).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(stand.sink.items() - before, 99, "{bad}");
    }
    let line = r#"sluice_receiver_rejected_items{reason="invalid",receiver="zipkin",signal="traces"} 3"#;
    assert!(metrics(&stand.process).contains(line), "{}", metrics(&stand.process));
    stand.stop().await;
}

#[tokio::test]
async fn i10_timestamps_with_a_fraction_are_no_reason_to_lose_neighbours() {
    let stand = Stand::new().await;
    let float = SPAN.replace(r#""timestamp":1000"#, r#""timestamp":1000.5"#);
    let answer = stand.post(V2, JSON, array(&[SPAN, &float, SPAN]).as_bytes()).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert!(stand.sink.items() >= 2, "{}", stand.sink.items());
    stand.stop().await;
}

#[tokio::test]
async fn undecodable_is_400_with_its_place() {
    let stand = Stand::new().await;
    let (v1, v2) = (array(&[V1_SPAN]), array(&[SPAN]));
    for (path, media_type, body, place) in [
        (V2, JSON, &b"[{]"[..], "line 1, column"),
        (V2, JSON, b"{}", "line 1, column"),
        (V2, JSON, &v2.as_bytes()[..v2.len() - 1], "line "),
        (V2, PROTO, b"\x0a\x7f", "at byte"),
        (V1, JSON, b"nonsense", "line 1, column"),
        (V1, THRIFT, &V1_THRIFT[..30], "at byte"),
        (V1, THRIFT, b"\x0c\x7f\xff\xff\xff", "at byte"),
        (V1, THRIFT, b"\x0c\xff\xff\xff\xff", "at byte"),
        (V2, JSON, v1.as_bytes(), "line "),
        (V1, JSON, v2.as_bytes(), "line "),
    ] {
        let answer = stand.post(path, media_type, body).await;
        assert_eq!(answer.status, 400, "{path} {media_type} {}", String::from_utf8_lossy(body));
        assert!(answer.text().contains(place), "{}", answer.text());
    }
    let head = format!("POST {V2} HTTP/1.1\r\nContent-Type: {JSON}\r\nContent-Encoding: gzip\r\n");
    assert_eq!(http_call(stand.at, &head, b"[]").await.status, 400);
    assert_eq!(stand.sink.items(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn too_large_is_413() {
    let mut small = settings();
    small.server.max_request_body_size = ByteSize::new(2000);
    let stand = Stand::with(small, process()).await;
    let large = array(&[SPAN; 100]);
    assert_eq!(stand.post(V2, JSON, large.as_bytes()).await.status, 413);
    let head = format!("POST {V2} HTTP/1.1\r\nContent-Type: {JSON}\r\nContent-Encoding: gzip\r\n");
    assert_eq!(http_call(stand.at, &head, &gzip(large.as_bytes())).await.status, 413);
    stand.stop().await;
    // More to decode than the process has memory for.
    let little = Process::new(Budget::new(100 << 10), Telemetry::new(Level::Detailed));
    let stand = Stand::with(settings(), little).await;
    assert_eq!(stand.post(V2, JSON, large.as_bytes()).await.status, 413);
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn unknown_media_types_and_encodings_are_415() {
    let stand = Stand::new().await;
    for (path, media_type) in [(V2, THRIFT), (V1, PROTO), (V2, "text/plain"), (V1, "application/xml")] {
        let answer = stand.post(path, media_type, array(&[SPAN]).as_bytes()).await;
        assert_eq!(answer.status, 415, "{path} {media_type}");
        assert!(answer.text().contains("application/json"), "{}", answer.text());
    }
    let head = format!("POST {V2} HTTP/1.1\r\nContent-Type: {JSON}\r\nContent-Encoding: br\r\n");
    assert_eq!(http_call(stand.at, &head, b"[]").await.status, 415);
    stand.stop().await;
}

#[tokio::test]
async fn what_the_pipelines_refuse_is_answered_as_the_table_says() {
    let stand = Stand::new().await;
    for (class, reason, _, status, waits) in REFUSALS {
        stand.sink.set(Mood::Refuse(class, reason));
        let answer = stand.post(V2, JSON, array(&[SPAN]).as_bytes()).await;
        assert_eq!(answer.status, status, "{reason:?}");
        assert_eq!(!answer.header("retry-after").is_empty(), waits, "{reason:?}");
        assert!(answer.text().starts_with("exporters.otlp/backend refused 1 spans"), "{}", answer.text());
    }
    stand.stop().await;
}

#[tokio::test]
async fn wrong_paths_and_methods_are_404_and_405() {
    let stand = Stand::new().await;
    for path in ["/api/v3/spans", "/api/v2/spans/x", "/api/v2"] {
        assert_eq!(stand.post(path, JSON, b"[]").await.status, 404, "{path}");
    }
    for path in ["/", V1, V2] {
        let answer = http_call(stand.at, &format!("GET {path} HTTP/1.1\r\n"), b"").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{path}");
    }
    stand.stop().await;
}

#[tokio::test]
async fn the_settings_decide_how_tags_are_read() {
    let settings = Settings {
        parse_string_tags: true,
        attribute_names: Names::Legacy,
        error_tag_is_message: true,
        ..settings()
    };
    for (settings, number, address, message) in [
        (super::tests::settings(), r#"StringValue("25")"#, "network.local.address", ""),
        (settings, "IntValue(25)", "net.host.ip", "boom"),
    ] {
        let stand = Stand::with(settings, process()).await;
        assert_eq!(stand.post(V2, JSON, array(&[SPAN]).as_bytes()).await.status, 202);
        let (_, data) = stand.sink.last();
        let text = format!("{:?}", structs(&data));
        assert!(text.contains(number), "{text}");
        assert!(text.contains(address), "{text}");
        let span = stand.sink.spans().remove(0);
        assert_eq!(span.status.unwrap_or_default().message, message);
        stand.stop().await;
    }
}

#[tokio::test]
async fn shutdown_is_idempotent_and_closes_the_port() {
    let stand = Stand::new().await;
    stand.stop().await;
    stand.stop().await;
    assert!(tokio::net::TcpStream::connect(stand.at).await.is_err());
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
        ("endpoint: nowhere", "`nowhere` has no port"),
        ("parse_string_tag: true", "did you mean `parse_string_tags`?"),
        ("attribute_names: old", "legacy"),
    ] {
        let problems = problems(factory(&registry()), yaml).to_string();
        assert!(problems.contains(text), "{yaml}: {problems}");
    }
    assert!(problems(factory(&registry()), "{}").is_empty());
    let claims = Factory::claims(&Settings::default());
    assert!(claims.contains(&Claim::Tcp("127.0.0.1:9411".parse().unwrap())), "{claims:?}");
}

#[test]
fn the_page_loads() {
    let page = include_str!("../../../../docs/components/receivers/zipkin.md");
    assert!(load_examples(&registry(), page) >= 2);
}
