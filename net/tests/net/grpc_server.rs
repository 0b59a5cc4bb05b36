//! The gRPC server against tonic's client and against raw HTTP/2.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ::http::{Method, Request, uri::PathAndQuery};
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluice_component::{ComponentRef, Kind, Reason, Refusal};
use sluice_net::grpc::{self, Code, Status};
use sluice_pdata::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::{
    client::Grpc,
    codec::CompressionEncoding,
    transport::{Channel, Endpoint},
};

use crate::support::*;

async fn channel(server: &grpc::Server) -> Channel {
    let address = server.addresses()[0];
    Endpoint::try_from(format!("http://{address}")).unwrap().connect().await.unwrap()
}

async fn call(mut client: Grpc<Channel>, message: Bytes) -> Result<Bytes, Status> {
    within(client.ready()).await.map_err(|error| Status::unknown(error.to_string()))?;
    let path = PathAndQuery::from_static(PATH);
    let reply = within(client.unary(tonic::Request::new(message), path, Raw)).await;
    reply.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn tonic_messages_of_every_size_come_back() {
    let host = host(64 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let channel = channel(&server).await;
    for size in [0, 1, 16_379, 16_384, 65_535, 65_536, 1_000_000, 4 << 20] {
        let client = Grpc::new(channel.clone()).max_decoding_message_size(8 << 20);
        assert_eq!(call(client, data(size)).await.unwrap(), data(size), "{size}");
    }
    drop(channel);
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn tonic_gzip_and_zstd_are_taken() {
    let host = host(64 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let channel = channel(&server).await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        for size in [0, 100, 300_000] {
            let client = Grpc::new(channel.clone()).send_compressed(encoding);
            assert_eq!(call(client, data(size)).await.unwrap(), data(size), "{encoding:?} {size}");
        }
    }
}

#[tokio::test]
async fn i1_a_message_above_the_limit_is_resource_exhausted_without_retry_info() {
    let host = host(64 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let status = call(Grpc::new(channel(&server).await), data((4 << 20) + 1)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("max_recv_msg_size_mib"), "{}", status.message());
    assert_eq!(grpc::retry_delay(&status), None);
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn i2_a_bomb_is_resource_exhausted_without_retry_info() {
    let host = host(64 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let zeros = Bytes::from(vec![0; 32 << 20]);
    let client = Grpc::new(channel(&server).await).send_compressed(CompressionEncoding::Gzip);
    let status = call(client, zeros).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("max_recv_msg_size_mib"), "{}", status.message());
    assert_eq!(grpc::retry_delay(&status), None);
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn no_room_in_the_budget_is_unavailable_with_retry_info() {
    let host = host(1 << 20);
    let echo = Arc::new(Echo::default());
    let server = grpc_server(&plain_server(), &host, echo.clone()).await;
    let channel = channel(&server).await;
    let gzip = Grpc::new(channel.clone()).send_compressed(CompressionEncoding::Gzip);
    for client in [Grpc::new(channel.clone()), gzip] {
        let status = call(client, Bytes::from(vec![0; 2 << 20])).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert_eq!(grpc::retry_delay(&status), Some(Duration::from_secs(1)));
    }
    until("the budget is empty", || host.budget().used() == 0).await;
    assert_eq!(echo.calls.load(Ordering::SeqCst), 0);
    assert!(call(Grpc::new(channel), data(1000)).await.is_ok(), "the connection still serves");
}

#[tokio::test]
async fn a_refusal_reaches_tonic_with_its_delay() {
    let handler = Answers(|_| async {
        let exporter = ComponentRef::new(Kind::Exporter, "otlp/backend".parse().unwrap());
        let refusal = Refusal::retryable(exporter, Signal::Traces, 5, Reason::QueueFull);
        Err(grpc::status_of(&refusal.throttle(Duration::from_secs(7))))
    });
    let server = grpc_server(&plain_server(), &host(1 << 20), Arc::new(handler)).await;
    let status = call(Grpc::new(channel(&server).await), data(10)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(grpc::retry_delay(&status), Some(Duration::from_secs(7)));
    assert!(status.message().contains("exporters.otlp/backend"), "{}", status.message());
}

#[tokio::test]
async fn a_panic_costs_its_call_only() {
    let handler = Answers(|call: grpc::Call| async move {
        assert!(call.message.len() < 100, "on purpose");
        Ok(call.message)
    });
    let server = grpc_server(&plain_server(), &host(1 << 20), Arc::new(handler)).await;
    let channel = channel(&server).await;
    let status = call(Grpc::new(channel.clone()), data(100)).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(call(Grpc::new(channel), data(99)).await.unwrap(), data(99));
}

#[tokio::test]
async fn a_deadline_drops_the_handler_and_is_answered() {
    let gate = Arc::new(Gate::default());
    let server = grpc_server(&plain_server(), &host(1 << 20), gate.clone()).await;
    let mut client = Grpc::new(channel(&server).await);
    within(client.ready()).await.unwrap();
    let mut request = tonic::Request::new(data(10));
    request.set_timeout(Duration::from_millis(50));
    let path = PathAndQuery::from_static(PATH);
    let status = within(client.unary::<_, Bytes, _>(request, path, Raw)).await.unwrap_err();
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status}");
    until("the handler is dropped", || gate.left() == 1).await;
}

#[tokio::test]
async fn a_client_that_goes_away_drops_the_handler() {
    let host = host(1 << 20);
    let gate = Arc::new(Gate::default());
    let server = grpc_server(&plain_server(), &host, gate.clone()).await;
    let pending = tokio::task::spawn(call(Grpc::new(channel(&server).await), data(10)));
    until("the call is in flight", || gate.entered() == 1).await;
    pending.abort();
    until("the handler is dropped", || gate.left() == 1).await;
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_and_refuses_what_is_new() {
    let gate = Arc::new(Gate::default());
    let server = Arc::new(grpc_server(&plain_server(), &host(1 << 20), gate.clone()).await);
    let address = server.addresses()[0];
    let pending = tokio::task::spawn(call(Grpc::new(channel(&server).await), data(10)));
    until("the call is in flight", || gate.entered() == 1).await;
    let draining = tokio::task::spawn({
        let server = server.clone();
        async move { server.shutdown(soon()).await }
    });
    let mut refused = false;
    while !refused {
        refused = within(tokio::net::TcpStream::connect(address)).await.is_err();
    }
    assert!(!draining.is_finished());
    gate.open.notify_one();
    assert_eq!(pending.await.unwrap().unwrap(), data(10));
    assert!(within(draining).await.unwrap(), "all calls finished");
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let gate = Arc::new(Gate::default());
    let server = grpc_server(&plain_server(), &host(1 << 20), gate.clone()).await;
    let pending = tokio::task::spawn(call(Grpc::new(channel(&server).await), data(10)));
    until("the call is in flight", || gate.entered() == 1).await;
    assert!(!within(server.shutdown(tokio::time::Instant::now() + Duration::from_millis(50))).await);
    assert!(within(pending).await.unwrap().is_err());
    until("the handler is dropped", || gate.left() == 1).await;
}

/// Sends raw HTTP/2 and returns the status, wherever it came.
async fn raw(
    server: &grpc::Server,
    edit: impl FnOnce(&mut ::http::request::Parts),
    body: Vec<Bytes>,
) -> Result<Status, ::http::StatusCode> {
    let stream = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::task::spawn(connection);
    let frames = body.into_iter().map(|data| Ok::<_, std::convert::Infallible>(Frame::data(data)));
    let body = StreamBody::new(tokio_stream::iter(frames));
    let request = Request::builder().method(Method::POST).uri(format!("http://test{PATH}"));
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    let (mut parts, body) = request.body(body).unwrap().into_parts();
    edit(&mut parts);
    let response = within(sender.send_request(Request::from_parts(parts, body))).await.unwrap();
    let (head, body) = response.into_parts();
    let trailers = within(body.collect()).await.unwrap().trailers().cloned().unwrap_or_default();
    connection.abort();
    Status::from_header_map(&head.headers).or_else(|| Status::from_header_map(&trailers)).ok_or(head.status)
}

fn framed(flag: u8, declared: u32, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(flag);
    frame.put_u32(declared);
    frame.put_slice(message);
    frame.freeze()
}

#[tokio::test]
async fn what_is_no_unary_call_is_told_so() {
    let host = host(1 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let good = || vec![framed(0, 3, b"abc")];
    let code =
        async |edit: fn(&mut ::http::request::Parts), body| raw(&server, edit, body).await.unwrap().code();
    assert_eq!(code(|_| {}, good()).await, Code::Ok);
    assert_eq!(
        code(|p| p.uri = "http://test/test.Service/Nope".parse().unwrap(), good()).await,
        Code::Unimplemented
    );
    assert_eq!(code(|_| {}, vec![]).await, Code::InvalidArgument);
    assert_eq!(code(|_| {}, vec![framed(0, 4, b"abc")]).await, Code::InvalidArgument);
    assert_eq!(code(|_| {}, vec![framed(2, 3, b"abc")]).await, Code::InvalidArgument);
    assert_eq!(code(|_| {}, vec![framed(0, 3, b"abcd")]).await, Code::Internal);
    assert_eq!(code(|_| {}, vec![framed(0, 3, b"abc"), framed(0, 3, b"abc")]).await, Code::Internal);
    assert_eq!(code(|_| {}, vec![framed(1, 3, b"abc")]).await, Code::Internal);
    let gzip: fn(&mut ::http::request::Parts) =
        |p| drop(p.headers.insert("grpc-encoding", "gzip".parse().unwrap()));
    assert_eq!(code(gzip, vec![framed(1, 3, b"abc")]).await, Code::InvalidArgument);
    assert_eq!(code(gzip, good()).await, Code::Ok);
    let status =
        raw(&server, |p| drop(p.headers.insert("grpc-encoding", "br".parse().unwrap())), good()).await;
    let status = status.unwrap();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.metadata().get("grpc-accept-encoding").unwrap(), "gzip,snappy,zstd");
    let plain: fn(&mut ::http::request::Parts) =
        |p| drop(p.headers.insert("content-type", "text/plain".parse().unwrap()));
    assert_eq!(raw(&server, plain, good()).await.unwrap().code(), Code::Unimplemented);
    let get = raw(&server, |p| p.method = Method::GET, vec![]).await;
    assert_eq!(get.unwrap().code(), Code::Unimplemented);
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn a_message_in_many_small_frames_arrives_whole() {
    let host = host(1 << 20);
    let seen = Arc::new(std::sync::Mutex::new(Bytes::new()));
    let handler = Answers({
        let seen = seen.clone();
        move |call: grpc::Call| {
            *seen.lock().unwrap() = call.message.clone();
            async { Ok(Bytes::new()) }
        }
    });
    let server = grpc_server(&plain_server(), &host, Arc::new(handler)).await;
    let body = framed(0, 2000, &data(2000)).chunks(3 << 5).map(Bytes::copy_from_slice).collect();
    assert_eq!(raw(&server, |_| {}, body).await.unwrap().code(), Code::Ok);
    assert_eq!(*seen.lock().unwrap(), data(2000));
}

#[tokio::test]
async fn a_declared_length_reserves_nothing_before_it_arrives() {
    let host = host(64 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let stream = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::task::spawn(connection);
    // Two frames of a message that declares 4 MiB, and then silence.
    let (feed, frames) = tokio::sync::mpsc::channel(4);
    for frame in [framed(0, 4 << 20, b"a"), Bytes::from_static(b"b")] {
        feed.send(Ok::<_, std::convert::Infallible>(Frame::data(frame))).await.unwrap();
    }
    let body = StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(frames));
    let request = Request::post(format!("http://test{PATH}")).header("content-type", "application/grpc");
    let pending = tokio::task::spawn(sender.send_request(request.body(body).unwrap()));
    until("the bytes are reserved", || host.budget().used() > 0).await;
    for _ in 0..50 {
        assert!(host.budget().used() <= 128 << 10, "{}", host.budget().used());
        tokio::task::yield_now().await;
    }
    pending.abort();
    connection.abort();
    drop(feed);
    until("the budget is empty", || host.budget().used() == 0).await;
}

#[tokio::test]
async fn i11_a_message_that_stops_arriving_is_refused_and_gives_its_memory_back() {
    let host = host(64 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let stream = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::task::spawn(connection);
    let (feed, frames) = tokio::sync::mpsc::channel(4);
    feed.send(Ok::<_, std::convert::Infallible>(Frame::data(framed(0, 4 << 20, b"a")))).await.unwrap();
    let body = StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(frames));
    let request = Request::post(format!("http://test{PATH}")).header("content-type", "application/grpc");
    let pending = tokio::task::spawn(sender.send_request(request.body(body).unwrap()));
    until("the bytes are reserved", || host.budget().used() > 0).await;
    pass_seconds(22).await;
    let response = within(pending).await.unwrap().unwrap();
    assert_eq!(Status::from_header_map(response.headers()).unwrap().code(), Code::DeadlineExceeded);
    until("the budget is empty", || host.budget().used() == 0).await;
    connection.abort();
    drop(feed);
}

#[tokio::test]
async fn i11_a_peer_that_says_nothing_is_cut_and_holds_no_drain_up() {
    let server = grpc_server(&plain_server(), &host(64 << 20), Arc::new(Echo::default())).await;
    let mut silent = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    let mut halting = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    halting.write_all(b"PRI * HT").await.unwrap();
    // Both were accepted when a later connection has been served.
    raw(&server, |_| {}, vec![framed(0, 0, b"")]).await.unwrap();
    pass_seconds(11).await;
    let mut heard = Vec::new();
    drop(within(silent.read_to_end(&mut heard)).await);
    drop(within(halting.read_to_end(&mut heard)).await);

    let _silent = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    raw(&server, |_| {}, vec![framed(0, 0, b"")]).await.unwrap();
    assert!(within(server.shutdown(soon() + Duration::from_secs(3600))).await);
}

#[tokio::test]
async fn i11_connections_that_no_window_is_left_for_are_refused_by_all_servers() {
    let host = host(1 << 20);
    let full = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let other = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let mut open = Vec::new();
    for _ in 0..64 {
        let mut stream = tokio::net::TcpStream::connect(full.addresses()[0]).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        within(stream.read_exact(&mut [0; 9])).await.unwrap();
        open.push(stream);
    }
    for server in [&full, &other] {
        let mut refused = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
        assert_eq!(within(refused.read(&mut [0; 9])).await.unwrap_or(0), 0);
    }
    drop(open);
    until("the windows are back", || host.budget().windows().granted.load(Ordering::SeqCst) == 0).await;
    assert_eq!(raw(&other, |_| {}, vec![framed(0, 0, b"")]).await.unwrap().code(), Code::Ok);
}

#[tokio::test]
async fn i11_idle_connections_make_room_for_one_that_is_refused() {
    let host = host(1 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let mut idle = Vec::new();
    for _ in 0..63 {
        let mut stream = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        within(stream.read_exact(&mut [0; 9])).await.unwrap();
        idle.push(stream);
    }
    pass_seconds(11).await;
    let busy = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(busy)).await.unwrap();
    let connection = tokio::task::spawn(connection);
    let (feed, frames) = tokio::sync::mpsc::channel(1);
    feed.send(Ok::<_, std::convert::Infallible>(Frame::data(framed(0, 4 << 20, b"a")))).await.unwrap();
    let body = StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(frames));
    let request = Request::post(format!("http://test{PATH}")).header("content-type", "application/grpc");
    let call = tokio::task::spawn(sender.send_request(request.body(body).unwrap()));
    until("the call is there", || host.budget().used() > 0).await;
    let mut refused = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    assert_eq!(within(refused.read(&mut [0; 9])).await.unwrap_or(0), 0);
    for mut stream in idle {
        let mut last_words = Vec::new();
        drop(within(stream.read_to_end(&mut last_words)).await);
    }
    assert_eq!(raw(&server, |_| {}, vec![framed(0, 0, b"")]).await.unwrap().code(), Code::Ok);
    assert!(!call.is_finished() && !connection.is_finished());
}

#[tokio::test]
async fn a_peer_that_ignores_the_goodbye_holds_no_drain_up() {
    let server = grpc_server(&plain_server(), &host(64 << 20), Arc::new(Echo::default())).await;
    let mut deaf = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    deaf.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    // The server's SETTINGS: it has read ours, or will.
    within(deaf.read_exact(&mut [0; 9])).await.unwrap();
    assert!(within(server.shutdown(soon() + Duration::from_secs(3600))).await);
}

#[tokio::test]
async fn a_connection_without_calls_is_closed_after_max_connection_idle() {
    let yaml = "{endpoint: '127.0.0.1:0', keepalive: {server_parameters: {max_connection_idle: 50ms}}}";
    let settings: grpc::ServerSettings = crate::settings::decode(yaml);
    let server = grpc_server(&settings, &host(1 << 20), Arc::new(Echo::default())).await;
    let stream = tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap();
    let (sender, connection) = hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(
        TokioExecutor::new(),
        TokioIo::new(stream),
    )
    .await
    .unwrap();
    let ended = within(tokio::task::spawn(connection)).await.unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    assert!(sender.is_closed());
}

#[tokio::test]
async fn metadata_is_kept_only_when_asked() {
    for (include, wanted) in [(false, None), (true, Some("acme".to_owned()))] {
        let seen = Arc::new(std::sync::Mutex::new(None));
        let handler = Answers({
            let seen = seen.clone();
            move |call: grpc::Call| {
                let receiver = ComponentRef::new(Kind::Receiver, "otlp".parse().unwrap());
                *seen.lock().unwrap() = Some(call.context(&receiver));
                async { Ok(Bytes::new()) }
            }
        });
        let settings = grpc::ServerSettings { include_metadata: include, ..plain_server() };
        let server = grpc_server(&settings, &host(1 << 20), Arc::new(handler)).await;
        let edit =
            |p: &mut ::http::request::Parts| drop(p.headers.insert("x-tenant", "acme".parse().unwrap()));
        raw(&server, edit, vec![framed(0, 0, b"")]).await.unwrap();
        let context = seen.lock().unwrap().take().unwrap();
        assert_eq!(context.request().metadata("x-tenant").first().cloned(), wanted);
        assert!(context.request().peer().is_some_and(|peer| peer.ip().is_loopback()));
    }
}

#[tokio::test]
async fn an_endpoint_that_is_taken_fails_the_start_and_names_the_key() {
    let host = host(1 << 20);
    let server = grpc_server(&plain_server(), &host, Arc::new(Echo::default())).await;
    let taken = grpc::ServerSettings::at(&server.addresses()[0].to_string());
    let error = grpc::Server::start(&taken, "protocols.grpc", &host, grpc::Routes::new()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("receivers.test.protocols.grpc.endpoint: cannot listen on 127.0.0.1:"),
        "{text}"
    );
    assert!(text.ends_with("address in use") || text.ends_with("address already in use"), "{text}");
}

#[tokio::test]
async fn localhost_listens_on_both_loopback_addresses() {
    let server =
        grpc_server(&grpc::ServerSettings::at("localhost:0"), &host(1 << 20), Arc::new(Echo::default()))
            .await;
    let addresses = server.addresses();
    assert!(addresses[0].ip().is_loopback() && addresses[0].is_ipv4());
    if let Some(second) = addresses.get(1) {
        assert_eq!((second.port(), second.is_ipv6()), (addresses[0].port(), true));
    }
}

#[tokio::test]
async fn the_unspecified_ipv6_address_takes_ipv4_as_well() {
    for endpoint in ["[::]:0", ":0"] {
        let server =
            grpc_server(&grpc::ServerSettings::at(endpoint), &host(1 << 20), Arc::new(Echo::default())).await;
        let [address] = server.addresses() else { panic!("{:?}", server.addresses()) };
        let ipv4 = (std::net::Ipv4Addr::LOCALHOST, address.port());
        tokio::net::TcpStream::connect(ipv4).await.expect(endpoint);
    }
}
