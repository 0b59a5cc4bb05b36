//! Unary gRPC on hyper's HTTP/2, as little as it takes.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io::{Read as _, Write as _},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf as _, Bytes};
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, client::conn::http2, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;

pub(crate) const EXPORT_TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// Large enough that no transfer of the bench waits for a window.
const WINDOW: u32 = 8 << 20;
const FRAME: u32 = 1 << 20;
const PREFIX: usize = 5;

/// A body of chunks in memory, and gRPC's OK behind them if it is a response.
pub(crate) struct Chunks {
    chunks: VecDeque<Bytes>,
    trailers: bool,
}

impl Chunks {
    /// One uncompressed or compressed message of `chunks`.
    pub(crate) fn message(compressed: bool, chunks: impl IntoIterator<Item = Bytes>) -> Self {
        let mut all: VecDeque<_> = chunks.into_iter().collect();
        let length = u32::try_from(all.iter().map(Bytes::len).sum::<usize>()).unwrap_or(u32::MAX);
        let mut prefix = Vec::with_capacity(PREFIX);
        prefix.push(u8::from(compressed));
        prefix.extend(length.to_be_bytes());
        all.push_front(prefix.into());
        Self { chunks: all, trailers: false }
    }

    /// A body of HTTP without gRPC.
    pub(crate) fn plain(body: Bytes) -> Self {
        Self { chunks: VecDeque::from([body]), trailers: false }
    }

    fn ok() -> Self {
        Self { chunks: VecDeque::from([Bytes::from_static(&[0; PREFIX])]), trailers: true }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(chunk) = self.chunks.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if !std::mem::take(&mut self.trailers) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && !self.trailers
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.chunks.iter().map(|chunk| chunk.len() as u64).sum())
    }
}

/// A connection that requests are multiplexed on.
#[derive(Clone)]
pub(crate) struct Client {
    sender: http2::SendRequest<Chunks>,
    target: SocketAddr,
}

impl Client {
    pub(crate) async fn connect(target: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .handshake(TokioIo::new(stream))
            .await?;
        tokio::spawn(connection);
        Ok(Self { sender, target })
    }

    /// Sends one message and returns gRPC's status code.
    pub(crate) async fn export(&mut self, message: Chunks, gzip: bool) -> Result<u32, Failure> {
        let mut request = Request::post(format!("http://{}{EXPORT_TRACES}", self.target))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if gzip {
            request = request.header("grpc-encoding", "gzip");
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(message)?).await?;
        let mut status = status_of(response.headers());
        let body = response.into_body().collect().await?;
        if let Some(trailers) = body.trailers() {
            status = status.or(status_of(trailers));
        }
        status.ok_or_else(|| "an answer without grpc-status".into())
    }
}

fn status_of(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// What arrived in one request: the chunks of the message, without gRPC's prefix.
pub(crate) struct Message {
    pub(crate) chunks: Vec<Bytes>,
    pub(crate) gzip: bool,
}

/// Serves gRPC, and plain HTTP POST too, until the process ends. `take` returns when the message may be
/// acknowledged.
pub(crate) async fn serve<F, Fut>(listen: SocketAddr, take: F) -> Result<(), Failure>
where
    F: Fn(Message) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let take = take.clone();
        let service = service_fn(move |request: Request<Incoming>| answer(request, take.clone()));
        tokio::spawn(async move {
            let mut server = auto::Builder::new(TokioExecutor::new());
            server
                .http2()
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_frame_size(FRAME)
                .max_concurrent_streams(1024);
            // A peer that goes away is how every run ends.
            drop(server.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer<F, Fut>(request: Request<Incoming>, take: F) -> Result<Response<Chunks>, Failure>
where
    F: Fn(Message) -> Fut,
    Fut: Future<Output = ()>,
{
    let grpc = request.uri().path() == EXPORT_TRACES;
    let coded = request.headers().get("content-encoding").is_some_and(|encoding| encoding == "gzip");
    let mut body = request.into_body();
    let mut chunks = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            chunks.push(data);
        }
    }
    if !grpc {
        take(Message { chunks, gzip: coded }).await;
        return Ok(Response::builder()
            .header("content-type", "application/x-protobuf")
            .body(Chunks::plain(Bytes::new()))?);
    }
    let gzip = strip_prefix(&mut chunks)?;
    take(Message { chunks, gzip }).await;
    Ok(Response::builder().header("content-type", "application/grpc").body(Chunks::ok())?)
}

/// Takes gRPC's prefix off the chunks and returns its compressed flag.
fn strip_prefix(chunks: &mut Vec<Bytes>) -> Result<bool, Failure> {
    let mut compressed = false;
    let mut left = PREFIX;
    for chunk in chunks.iter_mut() {
        let taken = left.min(chunk.len());
        if left == PREFIX && taken > 0 {
            compressed = chunk.first() == Some(&1);
        }
        chunk.advance(taken);
        left -= taken;
        if left == 0 {
            chunks.retain(|chunk| !chunk.is_empty());
            return Ok(compressed);
        }
    }
    Err("a body without gRPC's prefix".into())
}

/// Compresses chunks to one gzip member.
pub(crate) fn gzip(chunks: &[Bytes], level: u32) -> Result<Bytes, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    for chunk in chunks {
        encoder.write_all(chunk)?;
    }
    Ok(encoder.finish()?.into())
}

/// Joins chunks, and decompresses them if they are compressed.
pub(crate) fn join(message: &Message) -> Result<Vec<u8>, Failure> {
    let joined = message.chunks.concat();
    if !message.gzip {
        return Ok(joined);
    }
    let mut plain = Vec::new();
    GzDecoder::new(joined.as_slice()).read_to_end(&mut plain)?;
    Ok(plain)
}
