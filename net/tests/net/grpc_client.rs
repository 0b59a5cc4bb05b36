//! The gRPC client against tonic's server, our own, and hostile ones.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::http::{HeaderMap, HeaderValue, Request, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Empty, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluice_net::grpc::{self, Client, ClientSettings, Code, Status};
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;

use crate::support::*;

fn client(endpoint: &str) -> Client {
    Client::new(&ClientSettings::insecure(endpoint), "", &host(64 << 20)).unwrap()
}

fn chunks(data: &Bytes) -> Vec<Bytes> {
    data.chunks(1000).map(Bytes::copy_from_slice).collect()
}

async fn unary(client: &Client, chunks: &[Bytes]) -> Result<grpc::Reply, Status> {
    within(client.unary(PATH, chunks, Some(Duration::from_secs(15)), &HeaderMap::new())).await
}

/// tonic's server over the raw codec: what it was told last goes into `seen`.
async fn tonic_echo(seen: Arc<Mutex<HeaderMap>>, request: Request<Incoming>) -> Response<tonic::body::Body> {
    struct Method(Arc<Mutex<HeaderMap>>);
    impl tonic::server::UnaryService<Bytes> for Method {
        type Response = Bytes;
        type Future = BoxFuture<'static, Result<tonic::Response<Bytes>, Status>>;

        fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
            *self.0.lock().unwrap() = request.metadata().clone().into_headers();
            Box::pin(async { Ok(tonic::Response::new(request.into_inner())) })
        }
    }
    let mut grpc = tonic::server::Grpc::new(Raw)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .send_compressed(CompressionEncoding::Gzip);
    grpc.unary(Method(seen), request).await
}

#[tokio::test]
async fn tonic_takes_what_we_send_and_we_take_what_it_answers() {
    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let told = seen.clone();
    let endpoint = serve(move |request| tonic_echo(told.clone(), request)).await;
    for compression in ["none", "gzip", "zstd"] {
        let yaml = format!(
            "{{endpoint: '{endpoint}', tls: {{insecure: true}}, compression: {compression}, headers: {{x-key: configured, x-tenant: configured}}}}"
        );
        let settings: ClientSettings = crate::settings::decode(&yaml);
        let client = Client::new(&settings, "", &host(64 << 20)).unwrap();
        for size in [0, 1, 70_000, 3_000_000] {
            let mut metadata = HeaderMap::new();
            metadata.insert("x-tenant", HeaderValue::from_static("acme"));
            let timeout = Some(Duration::from_secs(15));
            let reply = within(client.unary(PATH, &chunks(&data(size)), timeout, &metadata)).await.unwrap();
            assert_eq!(reply.message, data(size), "{compression} {size}");
        }
        let seen = seen.lock().unwrap();
        assert_eq!(seen["x-key"], "configured");
        assert_eq!(seen["x-tenant"], "acme", "metadata of the call wins");
        assert!(seen["user-agent"].to_str().unwrap().starts_with("sluice/"));
    }
}

#[tokio::test]
async fn our_server_takes_every_compression_of_our_client() {
    let host = host(64 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    for compression in ["none", "gzip", "snappy", "zstd"] {
        let endpoint = server.addresses()[0];
        let yaml =
            format!("{{endpoint: 'http://{endpoint}', tls: {{insecure: true}}, compression: {compression}}}");
        let client = Client::new(&crate::settings::decode(&yaml), "", &host).unwrap();
        for size in [0, 50_000, 3_000_000] {
            assert_eq!(
                unary(&client, &chunks(&data(size))).await.unwrap().message,
                data(size),
                "{compression}"
            );
        }
    }
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn a_unix_socket_works_and_its_file_goes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("otlp.sock");
    // Left behind by a process that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let yaml = format!("{{endpoint: '{}', transport: unix}}", path.display());
    let server =
        grpc_server(&crate::settings::decode(&yaml), &host(1 << 20), Arc::new(Echo::default())).await;
    let client = client(&format!("unix://{}", path.display()));
    assert_eq!(unary(&client, &[data(10)]).await.unwrap().message, data(10));
    drop(client);
    assert!(within(server.shutdown(soon())).await);
    until("the file is gone", || !path.exists()).await;
}

#[tokio::test]
async fn e1_a_backend_that_is_down_is_unavailable_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let status = unary(&client(&address.to_string()), &[data(10)]).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), format!("cannot connect to {address}: connection refused"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unavailable_with_the_reason() {
    let status = unary(&client("no-such-host.invalid:4317"), &[data(10)]).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("cannot resolve no-such-host.invalid"), "{}", status.message());
}

#[tokio::test]
async fn e2_a_call_that_waits_for_ready_outlasts_the_backends_absence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = ClientSettings { wait_for_ready: true, ..ClientSettings::insecure(&address.to_string()) };
    let host = host(1 << 20);
    let client = Client::new(&settings, "", &host).unwrap();
    let pending = tokio::task::spawn(async move { unary(&client, &[data(10)]).await });
    let down = grpc::Client::new(&ClientSettings::insecure(&address.to_string()), "", &host).unwrap();
    assert!(unary(&down, &[data(1)]).await.is_err());
    let settings = grpc::ServerSettings::at(&address.to_string());
    let _server = grpc_server(&settings, &host, Arc::new(Echo::default())).await;
    assert_eq!(within(pending).await.unwrap().unwrap().message, data(10));
}

#[tokio::test]
async fn a_backend_that_came_back_is_called_again() {
    let host = host(1 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let address = server.addresses()[0].to_string();
    let client = client(&address);
    assert!(unary(&client, &[data(1)]).await.is_ok());
    assert!(within(server.shutdown(soon())).await);
    drop(server);
    let _server = grpc_server(&grpc::ServerSettings::at(&address), &host, Arc::new(Echo::default())).await;
    let deadline = soon();
    while unary(&client, &[data(1)]).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline);
    }
}

#[tokio::test]
async fn e12_goaway_loses_and_duplicates_nothing() {
    let yaml = "{endpoint: '127.0.0.1:0', keepalive: {server_parameters: {max_connection_age: 20ms}}}";
    let settings: grpc::ServerSettings = crate::settings::decode(yaml);
    let echo = Arc::new(Echo::default());
    let server = grpc_server(&settings, &host(16 << 20), echo.clone()).await;
    let client = client(&server.addresses()[0].to_string());
    let mut sent = 0;
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_millis(500) {
        let calls = (0..8).map(|_| unary(&client, std::slice::from_ref(&STATIC)));
        for result in futures_util::future::join_all(calls).await {
            assert!(result.is_ok(), "{result:?}");
            sent += 1;
        }
    }
    assert_eq!(echo.calls.load(Ordering::SeqCst), sent);
}

static STATIC: Bytes = Bytes::from_static(b"message");

#[tokio::test]
async fn a_timeout_is_deadline_exceeded_and_cancels_the_call() {
    let gate = Arc::new(Gate::default());
    let server = grpc_server(&plain_server(), &host(1 << 20), gate.clone()).await;
    let client = client(&server.addresses()[0].to_string());
    within(client.warm_up()).await.unwrap();
    let timeout = Some(Duration::from_millis(50));
    let status = within(client.unary(PATH, &[data(1)], timeout, &HeaderMap::new())).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    until("the server's handler is gone", || gate.entered() == gate.left()).await;
}

#[tokio::test]
async fn round_robin_spreads_over_the_addresses() {
    let host = host(1 << 20);
    let (one, two) = (Arc::new(Echo::default()), Arc::new(Echo::default()));
    let first = grpc_server(&plain_server(), &host, one.clone()).await;
    let port = first.addresses()[0].port();
    let v6 = grpc::ServerSettings::at(&format!("[::1]:{port}"));
    let routes = grpc::Routes::new().with(PATH, two.clone());
    // A machine without IPv6, or with the port taken there, has but one address to spread over.
    let Ok(_second) = grpc::Server::start(&v6, "", &host, routes).await else { return };
    let client = client(&format!("localhost:{port}"));
    let deadline = soon();
    while one.calls.load(Ordering::SeqCst) == 0 || two.calls.load(Ordering::SeqCst) == 0 {
        assert!(unary(&client, &[data(1)]).await.is_ok());
        if tokio::net::lookup_host(("localhost", port)).await.unwrap().count() < 2 {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline);
    }
    let before = (one.calls.load(Ordering::SeqCst), two.calls.load(Ordering::SeqCst));
    for _ in 0..20 {
        unary(&client, &[data(1)]).await.unwrap();
    }
    assert_eq!(one.calls.load(Ordering::SeqCst) - before.0, 10);
    assert_eq!(two.calls.load(Ordering::SeqCst) - before.1, 10);
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Serves HTTP/2 with `answer` and returns where.
async fn serve<F, R, B>(answer: F) -> String
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::task::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            let service = hyper::service::service_fn(move |request| {
                let answer = answer(request);
                async { Ok::<_, Infallible>(answer.await) }
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::task::spawn(builder.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// A server that answers whatever `answer` makes.
async fn hostile(answer: impl Fn() -> Answer + Clone + Send + Sync + 'static) -> String {
    serve(move |request| {
        let answer = answer();
        async move {
            drop(request.into_body().collect().await);
            answer
        }
    })
    .await
}

fn grpc_answer(frames: impl Iterator<Item = Frame<Bytes>> + Send + Sync + 'static) -> Answer {
    let body = StreamBody::new(tokio_stream::iter(frames.map(Ok::<_, Infallible>)));
    Response::builder().header("content-type", "application/grpc").body(BoxBody::new(body)).unwrap()
}

fn prefix(length: u32) -> Frame<Bytes> {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(length);
    Frame::data(frame.freeze())
}

#[tokio::test]
async fn e13_an_endless_answer_is_not_read_and_not_retryable() {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = read.clone();
    let address = hostile(move || {
        let counted = counted.clone();
        let zeros = std::iter::repeat_with(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Frame::data(Bytes::from_static(&[0; 16 << 10]))
        });
        // 10 GiB do not fit a gRPC frame: as many as do, and more behind them.
        grpc_answer(std::iter::once(prefix(u32::MAX)).chain(zeros.take(10 << 16)))
    })
    .await;
    let status = unary(&client(&address), &[data(1)]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(grpc::retry_delay(&status), None);
    assert!(read.load(Ordering::SeqCst) < 100, "the server was not stopped");
}

#[tokio::test]
async fn e13_a_huge_header_or_trailer_ends_the_call() {
    let address = hostile(|| {
        let mut trailers = HeaderMap::new();
        for n in 0..200 {
            let name = ::http::HeaderName::try_from(format!("x-{n}")).unwrap();
            trailers.insert(name, HeaderValue::try_from("y".repeat(1000)).unwrap());
        }
        grpc_answer([prefix(0), Frame::trailers(trailers)].into_iter())
    })
    .await;
    let status = unary(&client(&address), &[data(1)]).await.unwrap_err();
    assert!(status.message().len() < 1000, "{} bytes", status.message().len());
}

#[tokio::test]
async fn e13_details_with_a_giant_length_are_no_delay() {
    let address = hostile(|| {
        let body = BoxBody::new(Empty::new());
        let response = Response::builder().header("content-type", "application/grpc");
        // A status whose details declare 4 GiB, in base64.
        response
            .header("grpc-status", "14")
            .header("grpc-status-details-bin", "CA4a/////w8A")
            .body(body)
            .unwrap()
    })
    .await;
    let status = unary(&client(&address), &[data(1)]).await.unwrap_err();
    assert_eq!((status.code(), grpc::retry_delay(&status)), (Code::Unavailable, None));
}

#[tokio::test]
async fn e10_an_answer_without_an_end_is_retryable() {
    let address = hostile(|| grpc_answer(std::iter::once(prefix(0)))).await;
    assert_eq!(unary(&client(&address), &[data(1)]).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn an_http_error_becomes_its_grpc_status() {
    for (http, code) in [
        (400, Code::Internal),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (429, Code::Unavailable),
        (503, Code::Unavailable),
        (500, Code::Unknown),
    ] {
        let address =
            hostile(move || Response::builder().status(http).body(BoxBody::new(Empty::new())).unwrap()).await;
        assert_eq!(unary(&client(&address), &[data(1)]).await.unwrap_err().code(), code, "{http}");
    }
}

#[tokio::test]
async fn e11_a_peer_that_falls_silent_is_detected_by_keepalive() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap();
    let silent = tokio::task::spawn(async move {
        // Takes connections and everything that they send, and never says a word beyond its settings.
        let mut held = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, &[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
            held.push(stream);
        }
    });
    let yaml = format!(
        "{{endpoint: '{endpoint}', tls: {{insecure: true}}, keepalive: {{time: 100ms, timeout: 100ms}}}}"
    );
    let client = Client::new(&crate::settings::decode(&yaml), "", &host(1 << 20)).unwrap();
    let status = within(client.unary(PATH, &[data(1)], None, &HeaderMap::new())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    silent.abort();
}

#[test]
fn nothing_is_compressed_while_nobody_listens() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    // The only thread that could compress is taken.
    let (release, taken) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || taken.recv());
    let status = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = ClientSettings::insecure(&listener.local_addr().unwrap().to_string());
        drop(listener);
        settings.compression = sluice_net::compression::Compression::Gzip;
        let client = Client::new(&settings, "", &host(64 << 20)).unwrap();
        unary(&client, &[data(1 << 20)]).await.unwrap_err()
    });
    drop(release);
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}
