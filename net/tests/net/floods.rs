//! Clients that keep a connection busy and send nothing, by the ids of the rows.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use sluice_net::grpc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Echo, PATH, grpc_server, host, plain_server, within};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0whatever";

async fn h2_client(
    server: &grpc::Server,
) -> (h2::client::SendRequest<Bytes>, h2::client::Connection<TcpStream>) {
    let stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    h2::client::handshake(stream).await.unwrap()
}

fn policy(yaml: &str) -> grpc::ServerSettings {
    let yaml = format!("{{endpoint: '127.0.0.1:0', keepalive: {{enforcement_policy: {yaml}}}}}");
    crate::settings::decode(&yaml)
}

/// Pings `times` times; how the connection ended, if it did.
async fn ping(server: &grpc::Server, times: usize) -> Option<h2::Error> {
    let (_sender, mut connection) = h2_client(server).await;
    let mut pings = connection.ping_pong().unwrap();
    let work = async {
        for _ in 0..times {
            if pings.ping(h2::Ping::opaque()).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        end = connection => Some(end.unwrap_err()),
        () = work => None,
    }
}

#[tokio::test]
async fn i12_a_client_that_pings_too_often_is_told_so_and_sent_away() {
    for strict in ["{}", "{min_time: 1h}", "{min_time: 1h, permit_without_stream: true}"] {
        let server = grpc_server(&policy(strict), &host(64 << 20), Arc::new(Echo::default())).await;
        let end = within(ping(&server, 100)).await.expect("the connection goes on");
        assert!(end.is_go_away() && end.is_remote(), "{strict}: {end:?}");
        assert_eq!(end.reason(), Some(h2::Reason::ENHANCE_YOUR_CALM));
        assert!(format!("{end:?}").contains("too_many_pings"), "{end:?}");
        assert!(within(ping(&server, 2)).await.is_none(), "{strict}: two are forgiven");
    }
}

#[tokio::test]
async fn i12_pings_within_the_policy_and_without_one_are_answered() {
    let lenient = policy("{min_time: 1ns, permit_without_stream: true}");
    for settings in [lenient, plain_server()] {
        let server = grpc_server(&settings, &host(64 << 20), Arc::new(Echo::default())).await;
        assert!(within(ping(&server, 100)).await.is_none());
    }
}

/// A gRPC client that measures its connection pings after each answer.
#[tokio::test]
async fn i12_a_ping_after_each_answer_is_no_breach() {
    let server = grpc_server(&policy("{}"), &host(64 << 20), Arc::new(Echo::default())).await;
    let (mut sender, mut connection) = h2_client(&server).await;
    let mut pings = connection.ping_pong().unwrap();
    let calls = async move {
        for _ in 0..100 {
            let request = ::http::Request::post(format!("http://localhost{PATH}"))
                .header("content-type", "application/grpc");
            sender = sender.ready().await.unwrap();
            let (answer, mut body) = sender.send_request(request.body(()).unwrap(), false).unwrap();
            body.send_data(Bytes::from_static(b"\0\0\0\0\x03abc"), true).unwrap();
            let mut answer = answer.await.unwrap().into_body();
            let data = answer.data().await.unwrap().unwrap();
            assert_eq!(&data.chunk()[5..], b"abc");
            pings.ping(h2::Ping::opaque()).await.unwrap();
        }
    };
    within(async {
        tokio::select! {
            end = connection => panic!("{end:?}"),
            () = calls => {}
        }
    })
    .await;
}

/// Sends `flood` again and again until the server ends the connection, at most 20 s; what it said last.
async fn flood(server: &grpc::Server, flood: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    write.write_all(PREFACE).await.unwrap();
    let mut said = Vec::new();
    let hears = async {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(got @ 1..) = read.read(&mut buffer).await {
            said.drain(..said.len().saturating_sub(100));
            said.extend_from_slice(&buffer[..got]);
        }
    };
    let floods = async {
        for n in 0.. {
            if write.write_all(&flood(n)).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    within(async {
        tokio::select! {
            () = hears => {}
            () = floods => {}
        }
    })
    .await;
    said
}

#[tokio::test]
async fn i12_a_flood_of_frames_without_data_ends_the_connection() {
    let server = grpc_server(&plain_server(), &host(64 << 20), Arc::new(Echo::default())).await;
    // Nothing is answered to these, so that the goodbye has room.
    let said = flood(&server, |_| b"\0\0\x05\x02\0\0\0\0\x01\0\0\0\x03\0".repeat(1000)).await;
    let goodbye = b"too_many_frames_without_data";
    assert!(said.windows(goodbye.len()).any(|bytes| bytes == goodbye), "priorities: {said:?}");
    flood(&server, |_| PING.repeat(1000)).await;
    flood(&server, |_| b"\0\0\0\x04\0\0\0\0\0".repeat(1000)).await;
    // A stream that stays open, and DATA of one byte each.
    let head = [b"\0\0\x01\x01\x04\0\0\0\x01\x83".to_vec(), b"\0\0\x01\0\0\0\0\0\x01x".repeat(1000)].concat();
    flood(&server, |n| if n == 0 { head.clone() } else { head[10..].to_vec() }).await;
    // Rapid reset.
    flood(&server, |n| {
        let stream = (2 * n + 1).to_be_bytes();
        [&b"\0\0\x01\x01\x05"[..], &stream, b"\x83", b"\0\0\x04\x03\0", &stream, b"\0\0\0\x08"].concat()
    })
    .await;
}
