//! Against a server on a real socket that follows a script.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::StatusCode;
use sluice_component::{
    Component, Consume, Context, ExporterFactory, Kind, Reason, Registry, host::Process,
    telemetry::Destination, testkit,
};
use sluice_config::ByteSize;
use sluice_net::http::{Encoding as MediaType, Response, status_response};
use sluice_pdata::{Limits, Signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Factory, Settings, exporter::Http, settings::Encoding};
use crate::{
    call::Payload,
    sending::{Options, Outcome, Sending, Wire},
    stand::{
        self, Rows,
        http::{Backend, answer},
        logs,
    },
};

const PATH: &str = "/v1/logs";
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

fn parse(yaml: &str) -> Result<Settings, Vec<String>> {
    stand::parse("otlphttp", yaml)
}

/// To `address`, with waits that suit a test.
fn settings(address: SocketAddr, more: &str) -> Settings {
    let retry = "retry_on_failure: {initial_interval: 10ms, max_interval: 20ms}";
    parse(&format!("{{endpoint: 'http://{address}', {retry}, {more}}}")).unwrap()
}

async fn exporter(process: &Arc<Process>, settings: &Settings) -> stand::Stand<Factory> {
    stand::Stand::new(process, Signal::Logs, settings).await
}

/// One attempt against a server that answers so.
async fn outcome_of(answer: Response) -> Outcome {
    let process = testkit::process();
    let backend = Backend::new(PATH, [answer]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    attempt(&process, &format!("http://{address}/v1/logs")).await
}

async fn attempt(process: &Arc<Process>, url: &str) -> Outcome {
    let wire = Http::new(Settings::default().client, Encoding::Proto, url.to_owned());
    wire.start(&testkit::host(process, Kind::Exporter, "otlphttp")).await.unwrap();
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
    assert_eq!((seen[0].header("x-tenant"), seen[0].header("content-encoding")), ("blue", "gzip"));
    assert_eq!(seen[0].header("content-type"), "application/x-protobuf");
    assert!(seen[0].header("user-agent").starts_with("sluice/"));
}

#[tokio::test]
async fn json_says_the_same() {
    let process = testkit::process();
    let backend = Backend::new(PATH, []);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let data = logs(3);
    let exporter = exporter(&process, &settings(address, "encoding: json, compression: none")).await;
    exporter.offer(data.clone()).await;
    assert_eq!(exporter.drained().await.sent, 3);
    let seen = backend.seen();
    assert_eq!(seen[0].headers.get("content-type").unwrap(), "application/json");
    assert!(!seen[0].headers.contains_key("content-encoding"));
    let wire = sluice_pdata::json::decode_request(Signal::Logs, &seen[0].body, &Limits::default()).unwrap();
    assert_eq!(wire, data.wire().concat());
}

#[tokio::test]
async fn a_json_request_is_cut_by_its_own_size() {
    let process = testkit::process();
    let backend = Backend::new(PATH, []);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let cx = testkit::build_cx(&process, Kind::Exporter, "otlphttp", Signal::Logs);
    let options = Options {
        timeout: None,
        retry: None,
        queue: None,
        max_request: ByteSize::kib(16),
        destination: Destination::default(),
    };
    let wire = Http::new(Settings::default().client, Encoding::Json, format!("http://{address}/v1/logs"));
    let sending = Sending::new(&cx, options, wire).unwrap();
    sending.start(&testkit::host(&process, Kind::Exporter, "otlphttp")).await.unwrap();
    let data = logs(2000);
    assert!(data.size() < 24 << 10, "two requests of protobuf would do: {}", data.size());
    sending.consume(Context::default(), data).await.unwrap();
    let sizes: Vec<usize> = backend.seen().iter().map(|seen| seen.body.len()).collect();
    assert!(sizes.len() > 2 && sizes.iter().all(|&size| size <= 16 << 10), "{sizes:?}");
    let items = backend
        .seen()
        .iter()
        .map(|seen| seen.body.windows(12).filter(|w| w == b"severityText").count())
        .sum::<usize>();
    assert_eq!(items, 2000);
}

fn rows() -> Rows<Factory> {
    Rows { signal: Signal::Logs, path: PATH, settings: |address| settings(address, "") }
}

#[tokio::test]
async fn e1_e2_a_backend_that_comes_later_gets_everything() {
    rows().comes_later::<Response>().await;
}

#[tokio::test]
async fn e5_retry_after_is_the_least_wait() {
    for status in [429, 503] {
        let outcome = outcome_of(answer(status, &[("retry-after", "7")], b"")).await;
        let Outcome::Retry { after, reason, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((after, reason), (Some(Duration::from_secs(7)), Reason::Throttled));

        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let outcome = outcome_of(answer(status, &[("retry-after", &date)], b"")).await;
        let Outcome::Retry { after, .. } = outcome else { panic!("{outcome:?}") };
        let after = after.unwrap().as_secs();
        assert!((30..=60).contains(&after), "{after}");
    }
    for status in [502, 504] {
        let outcome = outcome_of(answer(status, &[("retry-after", "7")], b"")).await;
        assert!(matches!(outcome, Outcome::Retry { after: None, .. }), "{outcome:?}");
    }

    let busy = answer(503, &[("retry-after", "1")], b"");
    rows().waits_as_told(busy, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn e6_503_bare_is_retried_by_backoff_alone() {
    let outcome = outcome_of(answer(503, &[], b"")).await;
    let Outcome::Retry { after, reason, cause } = outcome else { panic!("{outcome:?}") };
    assert_eq!((after, reason), (None, Reason::Unavailable));
    assert!(cause.to_string().ends_with("/v1/logs responded with HTTP Status Code 503"), "{cause}");
}

#[tokio::test]
async fn e7_every_other_status_is_permanent() {
    for status in [400, 404, 408, 409, 500, 501, 505] {
        let outcome = outcome_of(answer(status, &[], b"")).await;
        assert!(matches!(outcome, Outcome::Fatal { reason: Reason::Permanent, .. }), "{status} {outcome:?}");
    }
    for (status, expected) in
        [(401, Reason::Unauthenticated), (403, Reason::PermissionDenied), (413, Reason::TooLarge)]
    {
        let outcome = outcome_of(answer(status, &[], b"")).await;
        assert!(
            matches!(outcome, Outcome::Fatal { reason, .. } if reason == expected),
            "{status} {outcome:?}"
        );
    }
}

#[tokio::test]
async fn e7_a_permanent_status_is_not_retried() {
    rows().gives_up(answer(400, &[], b"no")).await;
}

#[tokio::test]
async fn the_error_tells_what_the_body_says() {
    let text = async |answer| match outcome_of(answer).await {
        Outcome::Fatal { cause, .. } => cause.to_string(),
        outcome => panic!("{outcome:?}"),
    };
    for encoding in [MediaType::Protobuf, MediaType::Json] {
        let status = status_response(encoding, StatusCode::BAD_REQUEST, 3, "too old", None);
        let text = text(status).await;
        assert!(text.ends_with("responded with HTTP Status Code 400, Message=too old, Details=[]"), "{text}");
        assert!(text.starts_with("error exporting items, request to http://127.0.0.1:"), "{text}");
    }
    let text = text(answer(404, &[("content-type", "text/plain")], b"page not found")).await;
    assert!(text.ends_with("HTTP Status Code 404, Body=page not found"), "{text}");
}

#[tokio::test]
async fn e9_a_partial_success_counts_what_was_rejected() {
    let process = testkit::process();
    let backend = Backend::new(
        PATH,
        [
            answer(200, &[PROTOBUF], b"\x0a\x07\x08\x03\x12\x03old"),
            answer(200, &[JSON], br#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"old"}}"#),
            answer(202, &[PROTOBUF], b"\x0a\x05\x12\x03old"),
        ],
    );
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = exporter(&process, &settings(address, "")).await;
    for _ in 0..3 {
        exporter.offer(logs(10)).await;
    }
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.rejected, balance.dropped.len()), (25, 5, 0));
    assert_eq!(backend.seen().len(), 3);
}

#[tokio::test]
async fn a_success_with_a_body_that_cannot_be_read_is_a_success() {
    for answer in
        [answer(200, &[PROTOBUF], b"<html>"), answer(200, &[JSON], b"<html>"), answer(204, &[], b"")]
    {
        let outcome = outcome_of(answer).await;
        assert!(matches!(outcome, Outcome::Accepted { rejected: 0, message: None }), "{outcome:?}");
    }
}

/// A server that answers `head` and then sends without end.
async fn endless(head: &'static str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let host = testkit::host(&testkit::process(), Kind::Receiver, "endless");
    drop(host.spawn("endless", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 64 << 10];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        socket.write_all(head.as_bytes()).await.unwrap();
        while socket.write_all(&[b'x'; 8192]).await.is_ok() {}
    }));
    address
}

#[tokio::test]
async fn e13_an_answer_without_end_is_read_up_to_64_kib() {
    let process = testkit::process();
    let url = |address: SocketAddr| format!("http://{address}/v1/logs");
    let address = endless("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n").await;
    let outcome = attempt(&process, &url(address)).await;
    assert!(matches!(outcome, Outcome::Accepted { rejected: 0, .. }), "{outcome:?}");

    let address = endless("HTTP/1.1 400 Bad\r\ncontent-length: 10737418240\r\n\r\n").await;
    let Outcome::Fatal { cause, .. } = attempt(&process, &url(address)).await else { panic!() };
    let text = cause.to_string();
    assert!(text.len() > 64 << 10 && text.len() < 65 << 10, "{}", text.len());
}

#[test]
fn urls_follow_otelcols_rules() {
    let url = |yaml: &str, signal| parse(yaml).unwrap().url(signal);
    let base = "{endpoint: 'http://h:4318/base/'}";
    assert_eq!(url(base, Signal::Traces).unwrap(), "http://h:4318/base/v1/traces");
    assert_eq!(url("{endpoint: 'http://h:4318'}", Signal::Logs).unwrap(), "http://h:4318/v1/logs");
    let own = "{endpoint: 'http://h:4318', metrics_endpoint: 'https://m/put/'}";
    assert_eq!(url(own, Signal::Metrics).unwrap(), "https://m/put/");
    assert_eq!(url("{logs_endpoint: 'http://h/l'}", Signal::Traces), None);
}

#[test]
fn a_signal_without_a_url_is_not_built() {
    let settings = parse("{logs_endpoint: 'http://h/l'}").unwrap();
    let cx = testkit::build_cx(&testkit::process(), Kind::Exporter, "otlphttp/a", Signal::Traces);
    let error = Factory::build(&settings, cx).err().unwrap();
    assert_eq!(
        error.to_string(),
        "exporters.otlphttp/a.traces_endpoint: either endpoint or traces_endpoint must be specified"
    );
}

#[test]
fn what_is_wrong_is_told() {
    let problems = |yaml: &str| parse(yaml).unwrap_err().join("\n");
    assert_eq!(problems("{}"), "exporters.otlphttp: at least one endpoint must be specified");
    assert!(problems("{endpoint: 'h:4318'}").starts_with("exporters.otlphttp.endpoint: "));
    assert!(problems("{traces_endpoint: 'ftp://h'}").starts_with("exporters.otlphttp.traces_endpoint: "));
    assert!(problems("{endpoint: 'http://h', encoding: xml}").contains("exporters.otlphttp.encoding"));
}

#[test]
fn the_defaults_are_otelcols() {
    let settings = parse("{endpoint: 'http://h:4318'}").unwrap();
    assert_eq!(settings.client.timeout.as_secs(), 30);
    assert_eq!(settings.client.compression, sluice_net::compression::Compression::Gzip);
    assert_eq!(settings.encoding, Encoding::Proto);
    assert!(settings.sending_queue.is_on() && settings.retry_on_failure.is_on());
}

#[test]
fn the_examples_of_the_page_load() {
    let registry = Registry::default().exporter::<Factory>();
    let page = include_str!("../../../docs/components/exporters/otlphttp.md");
    assert_eq!(testkit::load_examples(&registry, page), 2);
}
