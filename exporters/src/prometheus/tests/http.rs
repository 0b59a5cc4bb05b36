//! Over a socket.

use std::{io::Read, net::SocketAddr, time::Duration};

use sluice_component::{Reason, Refusal, testkit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::{
    prometheus::Factory,
    stand::{Stand, nobody},
};

async fn started(yaml: &str) -> (Stand<Factory>, SocketAddr) {
    let address = nobody().await;
    let settings = parse(&format!("{{endpoint: '{address}', {yaml}}}")).unwrap();
    (Stand::new(&testkit::process(), Signal::Metrics, &settings).await, address)
}

/// Head and body of an answer.
async fn ask(address: SocketAddr, request: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request}host: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap(), body)
}

async fn get(address: SocketAddr, headers: &str) -> (String, Vec<u8>) {
    let (head, body) = ask(address, &format!("GET /metrics HTTP/1.0\r\n{headers}")).await;
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    (head.to_lowercase(), body)
}

#[tokio::test]
async fn a_scraper_gets_what_came_in_and_the_accounts_balance() {
    let (exporter, address) = started("enable_open_metrics: true").await;
    exporter.offer(of(&[], &json!([gauge("g", &[], 1.0, T), sum("d", 1, false, &[(1.0, T, T)])]))).await;
    let (head, body) = get(address, "").await;
    assert!(
        head.contains("content-type: text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
        "{head}"
    );
    assert_eq!(body, b"# TYPE g gauge\ng 1\n");
    let (head, body) = get(address, &format!("accept: {OPEN_METRICS}\r\n")).await;
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.ends_with(b"# EOF\n"));
    let (head, _) = get(address, &format!("accept: {PROTOBUF}\r\n")).await;
    assert!(head.contains("application/vnd.google.protobuf"), "{head}");
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.dropped.get(&Reason::Unconvertible)), (1, Some(&1)));
}

#[tokio::test]
async fn a_scraper_that_takes_gzip_gets_it() {
    let (exporter, address) = started("").await;
    exporter.offer(of(&[], &json!([gauge("g", &[], 1.0, T)]))).await;
    let (head, body) = get(address, "accept-encoding: gzip\r\n").await;
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
    assert_eq!(text, "# TYPE g gauge\ng 1\n");
}

#[tokio::test]
async fn other_paths_and_methods_are_told_what_there_is() {
    let (_exporter, address) = started("path: /federate").await;
    let (head, body) = ask(address, "GET /metrics HTTP/1.0\r\n").await;
    assert!(head.starts_with("HTTP/1.0 404") && body.ends_with(b"/federate"), "{head}");
    let (head, _) = ask(address, "POST /federate HTTP/1.0\r\n").await;
    assert!(head.starts_with("HTTP/1.0 405") && head.contains("GET, HEAD"), "{head}");
    let (head, body) = ask(address, "HEAD /federate?x=y HTTP/1.0\r\n").await;
    assert!(head.starts_with("HTTP/1.0 200") && body.is_empty(), "{head}");
}

#[tokio::test]
async fn a_scraper_that_stops_reading_holds_up_no_batch() {
    let (exporter, address) = started("").await;
    let long = "x".repeat(2000);
    let gauges: Vec<_> =
        (0..8000).map(|n| gauge(&format!("g{n}"), &[("long", long.as_str())], 1.0, T)).collect();
    // Far more than what the kernel buffers between two sockets.
    exporter.offer(of(&[], &json!(gauges))).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut begun = [0; 1000];
    slow.read_exact(&mut begun).await.unwrap();
    let taken = exporter.offer(of(&[], &json!([gauge("later", &[], 1.0, T)])));
    timeout(Duration::from_secs(20), taken).await.unwrap();
    let (_, body) = get(address, "").await;
    assert!(body.ends_with(b"later 1\n"), "another scraper is not held up, either");
}

#[tokio::test]
async fn after_the_end_a_batch_is_refused_and_a_second_start_serves_again() {
    use sluice_component::{ExporterFactory, Kind};
    let address = nobody().await;
    let settings = parse(&format!("{{endpoint: '{address}'}}")).unwrap();
    let process = testkit::process();
    let exporter =
        Factory::build(&settings, testkit::build_cx(&process, Kind::Exporter, "prometheus", Signal::Metrics))
            .unwrap();
    let host = testkit::host(&process, Kind::Exporter, "prometheus");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    exporter.shutdown(deadline).await.unwrap();
    let data = of(&[], &json!([gauge("g", &[], 1.0, T)]));
    let refused: Refusal =
        exporter.consume(sluice_component::Context::default(), data.clone()).await.unwrap_err();
    assert!(refused.is_retryable() && refused.reason == Reason::Stopping);
    for _ in 0..2 {
        exporter.start(&host).await.unwrap();
        exporter.consume(sluice_component::Context::default(), data.clone()).await.unwrap();
        assert_eq!(get(address, "").await.1, b"# TYPE g gauge\ng 1\n");
        exporter.shutdown(deadline).await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
