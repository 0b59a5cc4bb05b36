//! On real sockets: both versions, and the column of plain HTTP of the status table, row by row.

use std::{net::SocketAddr, time::Duration};

use sluice_component::{
    Budget, Kind, Level, Registry, Telemetry,
    factory::Described,
    host::Process,
    testkit::{host, load_examples, problems, process},
};
use sluice_config::ByteSize;
use sluice_net::http::ServerSettings;
use sluice_pdata::wire::Write;

use super::*;
use crate::testing::{
    Mood, REFUSALS, Sink,
    client::{Answer, http_call},
    metrics,
};

const PATH: &str = "/api/v1/write";
const V1: &str = "application/x-protobuf";
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

/// A request of version 1.0: a sample of each of these metrics, 5 at 1000.
fn v1(names: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for name in names {
        body.put_message_field(1, 50, |series| {
            series.put_message_field(1, 30, |label| {
                label.put_bytes_field(1, b"__name__");
                label.put_bytes_field(2, name.as_bytes());
            });
            series.put_bytes_field(2, &sample());
        });
    }
    body
}

fn sample() -> Vec<u8> {
    let mut sample = Vec::new();
    sample.put_fixed64_field(1, 5_f64.to_bits());
    sample.put_varint_field(2, 1000);
    sample
}

/// What a series of version 2.0 has beside its labels: a field's number and its body.
type Parts<'a> = &'a [(u32, &'a [u8])];

/// A request of version 2.0, whose symbols are nothing, `__name__`, `a`, `b`.
fn v2(series: &[(&[u8], Parts<'_>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for symbol in [&b""[..], b"__name__", b"a", b"b"] {
        body.put_bytes_field(4, symbol);
    }
    for (references, parts) in series {
        body.put_message_field(5, 50, |out| {
            out.put_bytes_field(1, references);
            for (number, part) in *parts {
                out.put_bytes_field(*number, part);
            }
        });
    }
    body
}

/// A snappy block of literals: what any encoder may write.
fn snappy(body: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    block.put_varint(body.len() as u64);
    for chunk in body.chunks(60) {
        block.push(u8::try_from(chunk.len() - 1).unwrap() << 2);
        block.extend_from_slice(chunk);
    }
    block
}

struct Stand {
    receiver: RemoteWrite,
    sink: Arc<Sink>,
    process: Arc<Process>,
    at: SocketAddr,
}

fn settings() -> Settings {
    Settings { server: ServerSettings::at("127.0.0.1:0") }
}

impl Stand {
    async fn new() -> Self {
        Self::with(settings(), process()).await
    }

    async fn with(settings: Settings, process: Arc<Process>) -> Self {
        let sink = Sink::new();
        let receiver = RemoteWrite::new(settings, Outputs::default().with(Signal::Metrics, sink.clone()));
        receiver.start(&host(&process, Kind::Receiver, "prometheus_remote_write")).await.unwrap();
        let at = receiver.address().unwrap();
        Self { receiver, sink, process, at }
    }

    /// Posts a body as senders do.
    async fn write(&self, content_type: &str, body: &[u8]) -> Answer {
        self.call(&format!("Content-Type: {content_type}\r\nContent-Encoding: snappy\r\n"), &snappy(body))
            .await
    }

    async fn call(&self, headers: &str, body: &[u8]) -> Answer {
        http_call(self.at, &format!("POST {PATH} HTTP/1.1\r\n{headers}"), body).await
    }

    async fn stop(&self) {
        self.receiver.shutdown(Instant::now() + Duration::from_secs(10)).await.unwrap();
    }
}

/// The counts of samples, histograms and exemplars in an answer.
fn written(answer: &Answer) -> [&str; 3] {
    ["samples", "histograms", "exemplars"]
        .map(|what| answer.header(&format!("x-prometheus-remote-write-{what}-written")))
}

#[tokio::test]
async fn both_versions_are_taken_and_answered_204() {
    let stand = Stand::new().await;
    let two = v2(&[(&[1, 2], &[(2, &sample())]), (&[1, 3], &[(2, &sample())])]);
    for (content_type, body) in [
        (V1, &v1(&["a", "b"])),
        ("application/x-protobuf;proto=prometheus.WriteRequest", &v1(&["a", "b"])),
        ("Application/X-Protobuf; Proto=\"prometheus.WriteRequest\"; x=y", &v1(&["a", "b"])),
        (V2, &two),
    ] {
        let answer = stand.write(content_type, body).await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{content_type}");
        assert_eq!(written(&answer), ["2", "0", "0"], "{content_type}");
    }
    assert_eq!(stand.sink.items(), 8);
    assert_eq!(stand.sink.transports(), ["http"; 4]);
    stand.stop().await;
}

#[tokio::test]
async fn old_senders_say_neither_version_nor_encoding() {
    let stand = Stand::new().await;
    assert_eq!(stand.call("", &snappy(&v1(&["a"]))).await.status, 204);
    assert_eq!(stand.sink.items(), 1);
    stand.stop().await;
}

#[tokio::test]
async fn histograms_and_exemplars_are_counted() {
    let stand = Stand::new().await;
    let mut histogram = Vec::new();
    histogram.put_varint_field(1, 2);
    histogram.put_varint_field(6, 2);
    histogram.put_varint_field(15, 1000);
    let body = v2(&[
        (&[1, 2], &[(3, &histogram)]),
        (&[1, 3], &[(2, &sample()), (4, b"\x18\x01"), (4, b"\x18\x02")]),
    ]);
    let answer = stand.write(V2, &body).await;
    assert_eq!((answer.status, written(&answer)), (204, ["1", "1", "2"]), "{}", answer.text());
    assert_eq!(stand.sink.items(), 2);
    stand.stop().await;
}

#[tokio::test]
async fn requests_without_samples_are_204_and_go_no_further() {
    let stand = Stand::new().await;
    let metadata = b"\x1a\x06\x08\x01\x12\x02aa";
    let exemplar = v2(&[(&[1, 2], &[(4, b"\x18\x01")])]);
    for (content_type, body, exemplars) in
        [(V1, &b""[..], "0"), (V2, b"", "0"), (V1, metadata, "0"), (V2, &exemplar, "1")]
    {
        let answer = stand.write(content_type, body).await;
        assert_eq!((answer.status, written(&answer)), (204, ["0", "0", exemplars]), "{content_type}");
    }
    assert!(stand.sink.taken.lock().unwrap().is_empty());
    stand.stop().await;
}

#[tokio::test]
async fn a_bad_series_is_400_and_the_others_are_kept() {
    let stand = Stand::new().await;
    let bad_histogram = b"\x08\x07\x78\x01";
    let body = v2(&[
        (&[1, 2], &[(2, &sample())]),
        (&[2, 3], &[(2, &sample())]),
        (&[1, 3], &[(3, bad_histogram)]),
        (&[1, 3], &[(2, &sample()), (2, &sample())]),
    ]);
    let answer = stand.write(V2, &body).await;
    assert_eq!((answer.status, written(&answer)), (400, ["3", "0", "0"]));
    assert_eq!(
        answer.text(),
        "2 samples rejected, the others were written\n: 1, there is no metric name\n\
         b: 1, the count of a native histogram is not the sum of its buckets"
    );
    assert_eq!(stand.sink.items(), 3);
    let line = r#"sluice_receiver_rejected_items{reason="invalid",receiver="prometheus_remote_write",signal="metrics"} 2"#;
    assert!(metrics(&stand.process).contains(line), "{}", metrics(&stand.process));
    let by_name = r#"sluice_receiver_unconverted_points{metric="b",reason="the count of a native histogram is not the sum of its buckets",receiver="prometheus_remote_write"} 1"#;
    assert!(metrics(&stand.process).contains(by_name), "{}", metrics(&stand.process));
    stand.stop().await;
}

#[tokio::test]
async fn many_reasons_do_not_make_a_long_answer() {
    let stand = Stand::new().await;
    let mut body = Vec::new();
    for number in 0..200 {
        let name = format!("metric_{number}");
        body.put_message_field(1, 50, |series| {
            for _ in 0..2 {
                series.put_message_field(1, 30, |label| {
                    label.put_bytes_field(1, b"__name__");
                    label.put_bytes_field(2, name.as_bytes());
                });
            }
            series.put_bytes_field(2, &sample());
        });
    }
    let answer = stand.write(V1, &body).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().starts_with("200 samples rejected, the others were written\n"),
        "{}",
        answer.text()
    );
    assert!(answer.text().lines().count() < 10, "{}", answer.text());
    stand.stop().await;
}

#[tokio::test]
async fn undecodable_is_400() {
    let stand = Stand::new().await;
    for body in [&b"\x0a\x7f"[..], b"\x0a\x02\x12\x09"] {
        let answer = stand.write(V1, body).await;
        assert_eq!((answer.status, written(&answer)), (400, ["0"; 3]));
        assert!(answer.text().contains("at byte"), "{}", answer.text());
    }
    let corrupt =
        stand.call(&format!("Content-Type: {V1}\r\nContent-Encoding: snappy\r\n"), b"\x05\x00").await;
    assert_eq!(corrupt.status, 400, "{}", corrupt.text());
    assert_eq!(stand.sink.items(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn too_large_is_413_before_it_is_decompressed() {
    let mut small = settings();
    small.server.max_request_body_size = ByteSize::new(2000);
    let stand = Stand::with(small, process()).await;
    let names: Vec<_> = (0..100).map(|number| format!("metric_{number}")).collect();
    let large = v1(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(stand.write(V1, &large).await.status, 413);
    let headers = format!("Content-Type: {V1}\r\nContent-Encoding: snappy\r\n");
    // Six bytes that declare 4 GiB.
    let answer = stand.call(&headers, b"\xff\xff\xff\xff\x0f\x00").await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    stand.stop().await;
    // More to decode than the process has memory for.
    let little = Process::new(Budget::new(30 << 10), Telemetry::new(Level::Detailed));
    let stand = Stand::with(settings(), little).await;
    assert_eq!(stand.write(V1, &large).await.status, 413);
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

/// Few bytes whose OTLP would be many.
#[tokio::test]
async fn i3_what_would_grow_without_end_is_413() {
    let stand = Stand::new().await;
    let mut body = Vec::new();
    for symbol in [&b""[..], b"__name__", &[b'x'; 100_000]] {
        body.put_bytes_field(4, symbol);
    }
    for _ in 0..1000 {
        body.put_message_field(5, 20, |series| {
            series.put_bytes_field(1, &[1, 2]);
            series.put_bytes_field(2, &sample());
        });
    }
    assert_eq!(stand.write(V2, &body).await.status, 413);
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn unknown_media_types_and_encodings_are_415_whatever_the_body_is() {
    let stand = Stand::new().await;
    for headers in [
        "Content-Type: application/json\r\nContent-Encoding: snappy\r\n",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-protobuf;proto=io.prometheus.write.v3.Request\r\nContent-Encoding: snappy\r\n",
        "Content-Type: application/x-protobuf\r\nContent-Encoding: gzip\r\n",
        "Content-Type: application/x-protobuf\r\nContent-Encoding: zstd\r\n",
        "Content-Type: application/x-protobuf\r\nContent-Encoding: x-snappy-framed\r\n",
    ] {
        let answer = stand.call(headers, b"nonsense").await;
        assert_eq!(answer.status, 415, "{headers}");
        assert!(answer.text().contains("supported: ["), "{}", answer.text());
    }
    stand.stop().await;
}

#[tokio::test]
async fn what_the_pipelines_refuse_is_answered_as_the_table_says() {
    let stand = Stand::new().await;
    for (class, reason, _, status, waits) in REFUSALS {
        stand.sink.set(Mood::Refuse(class, reason));
        let answer = stand.write(V1, &v1(&["a"])).await;
        assert_eq!((answer.status, written(&answer)), (status, ["0"; 3]), "{reason:?}");
        assert_eq!(!answer.header("retry-after").is_empty(), waits, "{reason:?}");
        assert!(
            answer.text().starts_with("exporters.otlp/backend refused 1 data points"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn what_is_rejected_is_counted_once_although_the_rest_comes_again() {
    let stand = Stand::new().await;
    let body = v2(&[(&[1, 2], &[(2, &sample())]), (&[2, 3], &[(2, &sample())])]);
    let (class, reason, ..) = REFUSALS[0];
    stand.sink.set(Mood::Refuse(class, reason));
    assert_eq!(stand.write(V2, &body).await.status, 503);
    stand.sink.set(Mood::Take);
    assert_eq!(stand.write(V2, &body).await.status, 400);
    let line = r#"sluice_receiver_rejected_items{reason="invalid",receiver="prometheus_remote_write",signal="metrics"} 1"#;
    assert!(metrics(&stand.process).contains(line), "{}", metrics(&stand.process));
    stand.stop().await;
}

#[tokio::test]
async fn metadata_of_version_1_is_remembered() {
    let stand = Stand::new().await;
    let metadata = b"\x1a\x05\x08\x01\x12\x01a";
    assert_eq!(stand.write(V1, metadata).await.status, 204);
    assert_eq!(stand.write(V1, &v1(&["a"])).await.status, 204);
    let (_, mut data) = stand.sink.last();
    let text = format!("{:?}", data.metrics_mut());
    assert!(text.contains("is_monotonic: true"), "{text}");
    stand.stop().await;
}

#[tokio::test]
async fn wrong_paths_and_methods_are_404_and_405() {
    let stand = Stand::new().await;
    for path in ["/", "/api/v1/write/", "/api/v1/read"] {
        assert_eq!(
            http_call(stand.at, &format!("POST {path} HTTP/1.1\r\n"), b"").await.status,
            404,
            "{path}"
        );
    }
    let answer = http_call(stand.at, &format!("GET {PATH} HTTP/1.1\r\n"), b"").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    stand.stop().await;
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
        ("max_request_body: 1", "did you mean `max_request_body_size`?"),
    ] {
        let problems = problems(factory(&registry()), yaml).to_string();
        assert!(problems.contains(text), "{yaml}: {problems}");
    }
    assert!(problems(factory(&registry()), "{}").is_empty());
    let claims = Factory::claims(&Settings::default());
    assert!(claims.contains(&Claim::Tcp("127.0.0.1:9090".parse().unwrap())), "{claims:?}");
}

#[test]
fn the_page_loads() {
    let page = include_str!("../../../../docs/components/receivers/prometheus_remote_write.md");
    assert!(load_examples(&registry(), page) >= 2);
}
