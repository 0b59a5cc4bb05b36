//! The HTTP server against reqwest and raw sockets, and our client against it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use sluice_component::{ComponentRef, Host, Kind};
use sluice_config::GoDuration;
use sluice_net::{
    compression::{self, Codec},
    http::{
        self, Body, Client, ClientError, ClientSettings, HeaderMap, Incoming, Response, Server,
        ServerSettings,
    },
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::*;

/// Answers with the body as it was read, or with the status of the error.
async fn echo(mut request: Incoming) -> Response {
    match request.read().await {
        Ok((body, permit)) => {
            assert!(permit.bytes() >= body.len(), "the body is reserved");
            Response::new(body.into())
        }
        Err(error) => {
            let mut response = Response::new(error.to_string().into());
            *response.status_mut() = error.status();
            response
        }
    }
}

async fn start(settings: &ServerSettings, host: &Host) -> Server {
    Server::start(settings, "protocols.http", host, Arc::new(Answers(echo))).await.unwrap()
}

fn local() -> ServerSettings {
    ServerSettings::at("127.0.0.1:0")
}

fn url(server: &Server) -> String {
    format!("http://{}/v1/traces", server.addresses()[0])
}

pub(crate) fn browser() -> reqwest::Client {
    sluice_net::tls::install_provider();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn encoded(url: &str, encoding: &str, body: impl Into<reqwest::Body>) -> (u16, Bytes) {
    let response = browser().post(url).header("content-encoding", encoding).body(body).send();
    let response = within(response).await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap())
}

#[tokio::test]
async fn every_encoding_is_read_alone_and_stacked() {
    let host = host(64 << 20);
    let server = start(&local(), &host).await;
    let plain = data(100_000);
    for codec in Codec::ALL {
        let body = compression::compress(codec, 0, std::slice::from_ref(&plain)).await.unwrap();
        assert_eq!(encoded(&url(&server), codec.as_str(), body).await, (200, plain.clone()), "{codec}");
    }
    let inner = compression::compress(Codec::Gzip, 0, std::slice::from_ref(&plain)).await.unwrap();
    let outer = compression::compress(Codec::Zstd, 0, &[inner]).await.unwrap();
    assert_eq!(encoded(&url(&server), "gzip, zstd", outer).await, (200, plain));
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn i1_a_body_above_the_limit_is_413_with_or_without_a_length() {
    let host = host(64 << 20);
    let settings = ServerSettings { max_request_body_size: 1000.into(), ..local() };
    let server = start(&settings, &host).await;
    let (status, _) = encoded(&url(&server), "identity", data(1000)).await;
    assert_eq!(status, 200);
    let (status, text) = encoded(&url(&server), "identity", data(1001)).await;
    assert_eq!(status, 413);
    assert!(String::from_utf8_lossy(&text).contains("max_request_body_size"));
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let endless = tokio_stream::iter(std::iter::repeat_with(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from_static(&[0; 100]))
    }));
    let body = reqwest::Body::wrap_stream(endless);
    match within(browser().post(url(&server)).body(body).send()).await {
        Ok(response) => assert_eq!(response.status(), 413),
        // The server closed the connection while the client was still sending.
        Err(error) => assert!(error.is_request() || error.is_body(), "{error:?}"),
    }
    assert!(sent.load(Ordering::SeqCst) > 10);
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_a_client_that_goes_on_sending_still_reads_its_413() {
    use std::io::{Read, Write};
    let server = start(&local(), &host(64 << 20)).await;
    let address = server.addresses()[0];
    for _ in 0..3 {
        let client = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 33554432\r\n\r\n").unwrap();
            let chunk = vec![0; 1 << 20];
            for _ in 0..32 {
                if stream.write_all(&chunk).is_err() {
                    break;
                }
            }
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).map(|()| answer)
        });
        assert_eq!(&within(client).await.unwrap().unwrap(), b"HTTP/1.1 413");
    }
}

#[tokio::test]
async fn i2_bombs_are_413_damage_400_and_what_is_unknown_415() {
    let host = host(64 << 20);
    let settings = ServerSettings { max_request_body_size: 100_000.into(), ..local() };
    let server = start(&settings, &host).await;
    let zeros = Bytes::from(vec![0; 4 << 20]);
    for codec in Codec::ALL {
        let bomb = compression::compress(codec, 0, std::slice::from_ref(&zeros)).await.unwrap();
        if bomb.len() <= 100_000 {
            assert_eq!(encoded(&url(&server), codec.as_str(), bomb).await.0, 413, "{codec}");
        }
        let half = compression::compress(codec, 0, &[data(1000)]).await.unwrap();
        let half = half.slice(..half.len() / 2);
        assert_eq!(encoded(&url(&server), codec.as_str(), half).await.0, 400, "{codec}");
    }
    let once = compression::compress(Codec::Gzip, 0, &[zeros]).await.unwrap();
    let twice = compression::compress(Codec::Gzip, 0, &[once]).await.unwrap();
    assert_eq!(encoded(&url(&server), "gzip, gzip", twice).await.0, 413);
    assert_eq!(encoded(&url(&server), "br", data(10)).await.0, 415);
    assert_eq!(encoded(&url(&server), "gzip,gzip,gzip,gzip,gzip", data(10)).await.0, 415);
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn compression_algorithms_restrict_and_an_empty_list_passes_on() {
    let host = host(64 << 20);
    let gzip = compression::compress(Codec::Gzip, 0, &[data(10)]).await.unwrap();
    let only = ServerSettings { compression_algorithms: ["zstd"].into_iter().collect(), ..local() };
    let server = start(&only, &host).await;
    assert_eq!(encoded(&url(&server), "gzip", gzip.clone()).await.0, 415);
    let none = ServerSettings { compression_algorithms: [].into_iter().collect(), ..local() };
    let server = start(&none, &host).await;
    assert_eq!(encoded(&url(&server), "gzip", gzip.clone()).await, (200, gzip));
}

#[tokio::test]
async fn no_room_in_the_budget_is_503() {
    let host = host(100_000);
    let server = start(&local(), &host).await;
    assert_eq!(encoded(&url(&server), "identity", data(200_000)).await.0, 503);
    let bomb = compression::compress(Codec::Gzip, 0, &[Bytes::from(vec![0; 1 << 20])]).await.unwrap();
    assert_eq!(encoded(&url(&server), "gzip", bomb).await.0, 503);
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn cors_and_response_headers_are_on_the_answers() {
    let yaml = "{endpoint: '127.0.0.1:0', cors: {allowed_origins: ['https://app']}, response_headers: {x-server: us}}";
    let server = start(&crate::settings::decode(yaml), &host(1 << 20)).await;
    let preflight = browser()
        .request(reqwest::Method::OPTIONS, url(&server))
        .header("origin", "https://app")
        .header("access-control-request-method", "POST");
    let answer = within(preflight.send()).await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://app");
    let post = |origin: &'static str| browser().post(url(&server)).header("origin", origin).body("x").send();
    let answer = within(post("https://app")).await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://app");
    assert_eq!(answer.headers()["x-server"], "us");
    let answer = within(post("https://evil")).await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn h2_with_prior_knowledge_and_metadata_with_host() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handler = Answers({
        let seen = seen.clone();
        move |request: Incoming| {
            let receiver = ComponentRef::new(Kind::Receiver, "otlp".parse().unwrap());
            let context = request.context(&receiver, "http");
            seen.lock().unwrap().push(context.request().metadata("host").len());
            async { Response::default() }
        }
    });
    let settings = ServerSettings { include_metadata: true, ..local() };
    let server = Server::start(&settings, "", &host(1 << 20), Arc::new(handler)).await.unwrap();
    sluice_net::tls::install_provider();
    for builder in [reqwest::Client::builder(), reqwest::Client::builder().http2_prior_knowledge()] {
        let response = builder.no_proxy().build().unwrap().get(url(&server)).send();
        assert_eq!(within(response).await.unwrap().status(), 200);
    }
    assert_eq!(*seen.lock().unwrap(), [1, 1]);
}

#[tokio::test]
async fn a_panic_costs_its_request_only() {
    let handler = Answers(|request: Incoming| async move {
        assert_ne!(request.path(), "/panic", "on purpose");
        Response::default()
    });
    let server = Server::start(&local(), "", &host(1 << 20), Arc::new(handler)).await.unwrap();
    let base = format!("http://{}", server.addresses()[0]);
    let client = browser();
    assert_eq!(within(client.get(format!("{base}/panic")).send()).await.unwrap().status(), 500);
    assert_eq!(within(client.get(format!("{base}/")).send()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight() {
    let gate = Arc::new(Gate::default());
    let handler = Answers({
        let gate = gate.clone();
        move |_| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Response::default()
            }
        }
    });
    let server = Arc::new(Server::start(&local(), "", &host(1 << 20), Arc::new(handler)).await.unwrap());
    let pending = tokio::task::spawn(browser().get(url(&server)).send());
    // An idle connection does not hold the drain up.
    let mut idle = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    until("the request is in flight", || gate.entered() == 1).await;
    let draining = tokio::task::spawn({
        let server = server.clone();
        async move { server.shutdown(soon()).await }
    });
    assert_eq!(within(idle.read(&mut [0; 10])).await.unwrap(), 0);
    gate.open.notify_one();
    let answer = within(pending).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    assert!(within(draining).await.unwrap());
    assert!(tokio::net::TcpStream::connect(server.addresses()[0]).await.is_err());
}

#[tokio::test]
async fn i11_heads_and_bodies_that_do_not_come_end_the_request() {
    let timeout = Duration::from_millis(100);
    let settings =
        ServerSettings { read_header_timeout: timeout.into(), read_timeout: timeout.into(), ..local() };
    let host = host(1 << 20);
    let server = start(&settings, &host).await;
    let mut slow = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nHost:").await.unwrap();
    let mut text = String::new();
    drop(within(slow.read_to_string(&mut text)).await);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    let mut slow = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").await.unwrap();
    let mut start = [0; 12];
    within(slow.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 408");
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn i11_a_first_head_that_does_not_come_ends_the_connection_without_a_timeout_too() {
    let none = Duration::ZERO.into();
    let settings = ServerSettings { read_header_timeout: none, idle_timeout: none, ..local() };
    let host = host(1 << 20);
    let server = start(&settings, &host).await;
    let connect = async || tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    let (mut slow, mut kept) = (connect().await, connect().await);
    slow.write_all(b"POST /a/path/that/takes/a/while HTTP/1.1\r\nHost:").await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    kept.write_all(request).await.unwrap();
    within(kept.read_exact(&mut [0; 12])).await.unwrap();
    pass_seconds(11).await;
    drop(within(slow.read_to_end(&mut Vec::new())).await);
    // A connection on which there was a request may wait for the next one.
    kept.write_all(request).await.unwrap();
    within(kept.read_exact(&mut [0; 12])).await.unwrap();
}

#[tokio::test]
async fn i11_a_body_that_stops_arriving_is_408_without_a_read_timeout() {
    let host = host(1 << 20);
    let settings = ServerSettings { read_timeout: Duration::ZERO.into(), ..local() };
    let server = start(&settings, &host).await;
    let mut slow = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").await.unwrap();
    until("the bytes are reserved", || host.budget().used() > 0).await;
    pass_seconds(22).await;
    let mut start = [0; 12];
    within(slow.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 408");
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn a_handler_is_told_to_be_done_before_write_timeout() {
    for (limit, wanted) in [(0, None), (2000, Some(1500)), (30_000, Some(29_000))] {
        let seen = Arc::new(Mutex::new(None));
        let handler = Answers({
            let seen = seen.clone();
            move |request: Incoming| {
                let receiver = ComponentRef::new(Kind::Receiver, "otlp".parse().unwrap());
                *seen.lock().unwrap() = request.context(&receiver, "http").deadline();
                async { Response::default() }
            }
        });
        let settings = ServerSettings { write_timeout: Duration::from_millis(limit).into(), ..local() };
        let server = Server::start(&settings, "", &host(1 << 20), Arc::new(handler)).await.unwrap();
        let before = tokio::time::Instant::now();
        assert_eq!(within(browser().get(url(&server)).send()).await.unwrap().status(), 200);
        let (deadline, wanted) = (seen.lock().unwrap().take(), wanted.map(Duration::from_millis));
        assert_eq!(deadline.is_some(), wanted.is_some(), "{limit}");
        if let (Some(deadline), Some(wanted)) = (deadline, wanted) {
            assert!(
                deadline >= before + wanted && deadline <= tokio::time::Instant::now() + wanted,
                "{limit}"
            );
        }
    }
}

fn client(yaml: &str) -> Client {
    Client::new(&crate::settings::decode::<ClientSettings>(yaml), "", &host(1 << 20)).unwrap()
}

async fn post(client: &Client, url: &str, chunks: &[Bytes]) -> Result<http::Answer, ClientError> {
    within(client.post(url, "application/x-protobuf", chunks, &HeaderMap::new())).await
}

#[tokio::test]
async fn our_client_sends_every_compression_from_chunks() {
    let server = start(&local(), &host(64 << 20)).await;
    let chunks: Vec<Bytes> = data(50_000).chunks(999).map(Bytes::copy_from_slice).collect();
    for name in ["none", "gzip", "zstd", "snappy", "x-snappy-framed", "zlib", "deflate", "lz4"] {
        let answer = post(&client(&format!("compression: {name}")), &url(&server), &chunks).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.body, answer.truncated),
            (200, data(50_000), false),
            "{name}"
        );
    }
}

/// A server that records the heads of its requests and answers what `answer` makes of the path.
async fn recording(
    answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static,
) -> (Server, Arc<Mutex<Vec<(String, HeaderMap)>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handler = Answers({
        let seen = seen.clone();
        move |request: Incoming| {
            let entry = (format!("{} {}", request.method, request.path()), request.headers.clone());
            seen.lock().unwrap().push(entry);
            let answer = answer(request.path());
            async move { answer }
        }
    });
    let server = Server::start(&local(), "", &host(1 << 20), Arc::new(handler)).await.unwrap();
    (server, seen)
}

fn redirect(status: u16, to: &str) -> Response {
    ::http::Response::builder().status(status).header("location", to).body(Bytes::new().into()).unwrap()
}

#[tokio::test]
async fn headers_of_the_settings_win_and_host_sets_the_host() {
    let (server, seen) = recording(|_| Response::default()).await;
    let client = client("{headers: {x-key: secret, Host: front, user-agent: me}, timeout: 10s}");
    let mut headers = HeaderMap::new();
    headers.insert("x-key", "component".parse().unwrap());
    within(client.post(&url(&server), "application/json", &[data(5)], &headers)).await.unwrap();
    let seen = seen.lock().unwrap();
    let (_, headers) = &seen[0];
    assert_eq!(headers["x-key"], "secret");
    assert_eq!(headers["host"], "front");
    assert_eq!(headers["user-agent"], "me");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["content-length"], "5");
}

#[tokio::test]
async fn e15_a_redirect_to_another_host_is_never_followed() {
    let (other, others) = recording(|_| Response::default()).await;
    let to = url(&other).replace("127.0.0.1", "localhost");
    let (server, _) = recording(move |_| redirect(307, &to)).await;
    let client = client("headers: {api-key: secret}");
    let answer = post(&client, &url(&server), &[data(5)]).await.unwrap();
    assert_eq!(answer.status, 307);
    assert!(others.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_307_and_a_308_stay_a_post_and_a_302_is_the_answer() {
    for (status, followed) in [(307, true), (308, true), (302, false), (301, false), (303, false)] {
        let (server, seen) = recording(move |path| match path {
            "/v1/traces" => redirect(status, "/elsewhere"),
            _ => Response::default(),
        })
        .await;
        let answer = post(&client("{}"), &url(&server), &[data(3), data(4)]).await.unwrap();
        assert_eq!(answer.status.as_u16() == 200, followed, "{status}");
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), if followed { 2 } else { 1 });
        assert!(seen.iter().all(|(line, _)| line.starts_with("POST ")), "{seen:?}");
        assert!(seen.iter().all(|(_, headers)| headers["content-length"] == "7"), "{seen:?}");
    }
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let (server, seen) = recording(|_| redirect(308, "/v1/traces")).await;
    let error = post(&client("{}"), &url(&server), &[data(3)]).await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 10);
}

#[tokio::test]
async fn e13_an_answer_is_read_to_64_kib() {
    let (server, _) = recording(|_| Response::new(data(1 << 20).into())).await;
    let answer = post(&client("{}"), &url(&server), &[data(3)]).await.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (64 << 10, true));
}

#[tokio::test]
async fn no_answer_is_a_retryable_error_with_the_reason() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:pass@{}/v1/traces?key=secret", listener.local_addr().unwrap());
    let error = post(&client("timeout: 50ms"), &url, &[data(3)]).await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }) && error.is_retryable(), "{error}");
    drop(listener);
    let error = post(&client("{}"), &url, &[data(3)]).await.unwrap_err();
    let text = error.to_string().to_lowercase();
    assert!(error.is_retryable() && text.contains("connection refused"), "{text}");
    assert!(!text.contains("pass") && !text.contains("secret"), "{text}");
    assert!(!post(&client("{}"), "no url", &[]).await.unwrap_err().is_retryable());
}

/// Answers with pieces of 64 KiB without end, and counts them.
fn endless(made: &Arc<AtomicUsize>) -> impl Fn(&str) -> Response + Clone + Send + Sync + 'static {
    let made = made.clone();
    move |_| {
        let made = made.clone();
        Response::new(Body::pieces(std::iter::repeat_with(move || {
            made.fetch_add(1, Ordering::SeqCst);
            data(64 << 10)
        })))
    }
}

#[tokio::test]
async fn pieces_are_made_as_the_client_takes_them() {
    let made = Arc::new(AtomicUsize::new(0));
    let (server, _) = recording(endless(&made)).await;
    let mut stream = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut taken = vec![0; 1 << 20];
    within(stream.read_exact(&mut taken)).await.unwrap();
    // What the kernel and the connection buffer is all that is ahead of the client.
    let mut before = 0;
    while made.load(Ordering::SeqCst) != before {
        before = made.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((16..1000).contains(&before), "{before} pieces were made");
    within(stream.read_exact(&mut taken)).await.unwrap();
}

#[tokio::test]
async fn pieces_end_with_write_timeout_and_the_client_sees_that_some_are_missing() {
    let made = Arc::new(AtomicUsize::new(0));
    let settings = ServerSettings { write_timeout: GoDuration::from_millis(200), ..local() };
    let answer = endless(&made);
    let handler = Answers(move |request: Incoming| {
        let answer = answer(request.path());
        async move { answer }
    });
    let server = Server::start(&settings, "", &host(1 << 20), Arc::new(handler)).await.unwrap();
    let response = within(browser().get(url(&server)).send()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(within(response.bytes()).await.is_err(), "a cut body is no whole one");
    assert!(made.load(Ordering::SeqCst) > 0);
}
