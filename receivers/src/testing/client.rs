//! Clients on bare sockets.

use std::{collections::HashMap, net::SocketAddr};

use bytes::Bytes;
use sluice_net::grpc::Status;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An HTTP answer. Status 0 stands for a connection that ended without one.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

pub(crate) async fn post(address: SocketAddr, path: &str, media_type: &str, body: &[u8]) -> Answer {
    http_call(address, &format!("POST {path} HTTP/1.1\r\nContent-Type: {media_type}\r\n"), body).await
}

/// Sends `head`, which lacks Host, Content-Length and the empty line, and `body`.
pub(crate) async fn http_call(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let head = format!("{head}Host: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    raw(address, &[head.as_bytes(), body].concat()).await
}

/// Writes `bytes` and reads what comes back.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let mut answer = Vec::new();
    // A server that has its answer ready need not read the rest.
    let send = async { write.write_all(bytes).await.is_ok() };
    let (_sent, _received) = tokio::join!(send, read.read_to_end(&mut answer));
    parse(&answer)
}

fn parse(bytes: &[u8]) -> Answer {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Answer { status: 0, headers: HashMap::new(), body: Vec::new() };
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Answer { status, headers, body: bytes[end + 4..].to_vec() }
}

/// Calls a unary method with an uncompressed message.
pub(crate) async fn grpc_call(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    message: &[u8],
) -> Result<Bytes, Status> {
    grpc_frame(address, path, headers, &frame(false, message)).await
}

/// The five bytes before a message, and the message.
pub(crate) fn frame(compressed: bool, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[u8::from(compressed)], &length[..], message].concat()
}

/// Calls a unary method with the bytes of a whole request body; gives the message of the answer.
pub(crate) async fn grpc_frame(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Bytes, Status> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let mut request = http::Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).unwrap();
    let body = Bytes::copy_from_slice(body);
    let call = async move {
        let (response, mut stream) = sender.ready().await.unwrap().send_request(request, false).unwrap();
        // Fails when the answer is there before the whole request is.
        let _sent = stream.send_data(body, true).is_ok();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        if let Some(status) = Status::from_header_map(response.headers()) {
            return Err(status);
        }
        let mut body = response.into_body();
        let mut received = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            received.extend_from_slice(&data);
        }
        let trailers = body.trailers().await.unwrap().expect("trailers");
        match Status::from_header_map(&trailers) {
            Some(status) if status.code() == sluice_net::grpc::Code::Ok => {
                assert_eq!(received[0], 0, "answers are not compressed");
                Ok(Bytes::from(received).slice(5..))
            }
            status => Err(status.expect("a status")),
        }
    };
    tokio::select! {
        result = call => result,
        end = connection => panic!("the connection ended early: {end:?}"),
    }
}
