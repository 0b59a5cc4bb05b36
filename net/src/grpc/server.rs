//! The server: routes unary calls to their handlers.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioIo, TokioTimer};
use sluice_component::{
    Budget, ComponentRef, Context, Host, OverBudget, Permit, Request, StartError,
    telemetry::{CallMetrics, Side},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{
    frame::{self, Head, Prefix},
    settings::ServerSettings,
    status::{Code, Status, name, with_retry_delay},
};
use crate::{
    body::{Flow, Gather, own},
    compression::{self, Codec, DecodeError},
    endpoint::Endpoint,
    serve::{Ages, Answered, Control, Drive, Protocol, Running, Tasks, run, shorten},
    tls,
};

/// The YAML key that raises the message limit.
const LIMIT_KEY: &str = "max_recv_msg_size_mib";
/// What a client is asked to wait when the process has no room for its request.
const NO_ROOM_DELAY: Duration = Duration::from_secs(1);
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("gzip,snappy,zstd");

/// One unary method.
#[async_trait]
pub trait Unary: Send + Sync {
    /// Answers one call with the bytes of the response message.
    ///
    /// The future is dropped when the client cancels, goes away, or its deadline passes; a panic costs this call
    /// only and is answered INTERNAL.
    ///
    /// # Errors
    /// The status is the answer.
    async fn call(&self, call: Call) -> Result<Bytes, Status>;
}

/// A call as it arrived.
#[derive(Debug)]
pub struct Call {
    /// The message, decompressed, in one buffer.
    pub message: Bytes,
    /// Holds the message's bytes in the budget: keep it as long as the message.
    pub permit: Permit,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The client's address; `None` on a unix socket.
    pub peer: Option<SocketAddr>,
    /// Until when the client waits (`grpc-timeout`).
    pub deadline: Option<Instant>,
    /// Whether the settings keep the headers for later components.
    pub include_metadata: bool,
}

impl Call {
    /// What travels beside the data: peer, deadline, and with `include_metadata` the headers.
    #[must_use]
    pub fn context(&self, receiver: &ComponentRef) -> Context {
        let mut request = Request::builder(receiver.clone(), "grpc").peer(self.peer);
        if let Some(value) = self.headers.get("traceparent").and_then(|value| value.to_str().ok()) {
            request = request.traceparent(Some(value.to_owned()));
        }
        if self.include_metadata {
            for (name, value) in &self.headers {
                request =
                    request.metadata(name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned());
            }
        }
        Context::new(request.build()).with_deadline(self.deadline)
    }
}

/// Which handler answers which path.
#[derive(Clone, Default)]
pub struct Routes(HashMap<String, Arc<dyn Unary>>);

impl Routes {
    /// No routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same routes with `handler` at `path`, for example `/grpc.health.v1.Health/Check`.
    #[must_use]
    pub fn with(mut self, path: &str, handler: Arc<dyn Unary>) -> Self {
        self.0.insert(path.to_owned(), handler);
        self
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A gRPC server that listens.
pub struct Server(Running);

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("grpc::Server").field(&self.0.addresses()).finish()
    }
}

impl Server {
    /// Binds the endpoint and serves `routes` on it until [`Server::shutdown`]. `key` is the YAML key of the
    /// settings block below the component (`protocols.grpc`), or empty.
    ///
    /// # Errors
    /// A [`StartError`] names the key: the endpoint cannot be bound, a certificate cannot be read.
    pub async fn start(
        settings: &ServerSettings,
        key: &str,
        host: &Host,
        routes: Routes,
    ) -> Result<Self, StartError> {
        let endpoint = Endpoint::of_server(&settings.endpoint, settings.transport, key, host)?;
        let tls = tls::ServerTls::for_section(&settings.tls, &[b"h2"], host.component(), key)?;
        let parameters = &settings.keepalive.value().server_parameters.value();
        let ages = Ages {
            idle: parameters.max_connection_idle.non_zero(),
            age: parameters.max_connection_age.non_zero(),
            grace: parameters.max_connection_age_grace.non_zero(),
            handshake: None,
            pings: settings.keepalive.value().ping_policy(),
        };
        let service = Arc::new(Service {
            routes,
            calls: host.telemetry().calls(Side::RpcServer),
            labels: endpoint.labels(),
            limit: settings.message_limit(),
            include_metadata: settings.include_metadata,
            budget: host.budget().clone(),
            streams: (settings.max_concurrent_streams > 0).then_some(settings.max_concurrent_streams),
            ping_every: parameters.time.non_zero().unwrap_or(Duration::from_secs(2 * 60 * 60)),
            ping_timeout: parameters.timeout.non_zero().unwrap_or(Duration::from_secs(20)),
        });
        run(host, key, &endpoint, tls, ages, service).await.map(Self)
    }

    /// The bound TCP addresses; empty for a unix socket.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.0.addresses()
    }

    /// Stops accepting, sends GOAWAY and waits for the calls in flight until `deadline`, when they are cut. True
    /// when all of them finished. Idempotent.
    pub async fn shutdown(&self, deadline: Instant) -> bool {
        self.0.shutdown(deadline).await
    }
}

struct Service {
    routes: Routes,
    calls: CallMetrics,
    /// Host and port.
    labels: (String, String),
    limit: usize,
    include_metadata: bool,
    budget: Budget,
    streams: Option<u32>,
    ping_every: Duration,
    ping_timeout: Duration,
}

impl Protocol for Service {
    async fn serve<I>(self: Arc<Self>, io: I, peer: Option<SocketAddr>, control: Control)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let window = control.window.bytes();
        let activity = control.activity.clone();
        let mut builder = hyper::server::conn::http2::Builder::new(Tasks(control.tasks.clone()));
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            // A client that fills such a frame saves us the joining of its message.
            .max_frame_size(window)
            .keep_alive_interval(self.ping_every)
            .keep_alive_timeout(self.ping_timeout)
            .auto_date_header(false);
        if let Some(streams) = self.streams {
            builder.max_concurrent_streams(streams);
        }
        let answer = hyper::service::service_fn(move |request| {
            let (service, busy) = (self.clone(), activity.begin());
            async move {
                let response = service.answer(request, peer).await;
                drop(busy);
                Answered::Ok(response)
            }
        });
        let connection = builder.serve_connection(TokioIo::new(io), answer);
        control.drive(connection).await;
    }
}

impl<I, S, E> Drive for hyper::server::conn::http2::Connection<I, S, E>
where
    S: hyper::service::HttpService<Incoming>,
    Self: Future<Output = Result<(), hyper::Error>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::ResBody: Body + 'static,
    <S::ResBody as Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, S::ResBody>,
{
    type Error = hyper::Error;

    fn say_goodbye(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl Service {
    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        peer: Option<SocketAddr>,
    ) -> hyper::Response<Answer> {
        let (head, body) = request.into_parts();
        if head.method != Method::POST || !is_grpc(&head.headers) {
            return not_grpc(&head.method);
        }
        // A path that nobody serves could be any text.
        let method = self.routes.0.get_key_value(head.uri.path()).map_or("_OTHER", |(path, _)| path);
        let timed = self.calls.begin(method.trim_start_matches('/'), &self.labels.0, &self.labels.1, "grpc");
        let deadline =
            head.headers.get("grpc-timeout").and_then(timeout_of).map(|wait| Instant::now() + wait);
        let work = AssertUnwindSafe(self.call(head, body, peer, deadline)).catch_unwind();
        let result = match deadline {
            None => work.await,
            Some(deadline) => match tokio::time::timeout_at(deadline, work).await {
                Ok(result) => result,
                Err(_) => Ok(Err(Status::deadline_exceeded("the deadline of the call has passed"))),
            },
        };
        let result = result.unwrap_or_else(|_| {
            tracing::error!("a handler of a gRPC call panicked");
            Err(Status::internal("the handler of the call panicked"))
        });
        let frame = result.and_then(|message| {
            frame::encode_short(&message).ok_or_else(|| Status::internal("the answer is too large"))
        });
        timed.answered(name(frame.as_ref().err().map_or(Code::Ok, Status::code)));
        match frame {
            Ok(frame) => Answer::ok(frame),
            Err(status) => Answer::status(&status),
        }
    }

    async fn call(
        &self,
        head: http::request::Parts,
        body: Incoming,
        peer: Option<SocketAddr>,
        deadline: Option<Instant>,
    ) -> Result<Bytes, Status> {
        let path = head.uri.path();
        let Some(handler) = self.routes.0.get(path) else {
            return Err(Status::unimplemented(format!("unknown method {}", shorten(path))));
        };
        let codec = codec_of(&head.headers)?;
        let (message, permit) = self.message(body, codec).await?;
        let include_metadata = self.include_metadata;
        handler.call(Call { message, permit, headers: head.headers, peer, deadline, include_metadata }).await
    }

    /// Reads the one message of a unary call.
    async fn message(&self, body: Incoming, codec: Option<Codec>) -> Result<(Bytes, Permit), Status> {
        let flow = Flow::default();
        let (prefix, gathered) = flow
            .watch(self.gather(body, &flow))
            .await
            .map_err(|_| Status::deadline_exceeded("the message stopped arriving, or came too slowly"))??;
        let (message, permit) = gathered.finish();
        if !prefix.compressed {
            return Ok((own(message), permit));
        }
        let codec = codec.ok_or_else(|| {
            Status::internal("the message is compressed, but the request names no grpc-encoding")
        })?;
        compression::decompress(codec, message, permit, self.limit, &self.budget)
            .await
            .map_err(|error| self.undecodable(error))
    }

    /// The prefix, and the message in one buffer.
    async fn gather(&self, mut body: Incoming, flow: &Flow) -> Result<(Prefix, Gather), Status> {
        let mut gathered = Gather::new(&self.budget).map_err(no_room)?;
        let mut head = Head::default();
        let mut prefix = None;
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|error| Status::cancelled(format!("the request ended early: {error}")))?;
            let Ok(mut data) = frame.into_data() else { continue };
            flow.add(data.len());
            if prefix.is_none() {
                prefix = self.prefix(&mut head, &mut data)?;
            }
            let Some(Prefix { length, .. }) = prefix else { continue };
            if data.len() > length - gathered.len() {
                return Err(Status::internal("the request has more than the one message of a unary call"));
            }
            gathered.push(data, length).map_err(no_room)?;
        }
        let prefix = prefix.ok_or_else(|| Status::invalid_argument("the request has no whole message"))?;
        if gathered.len() < prefix.length {
            return Err(Status::invalid_argument(format!(
                "the message declares {} bytes and has {}",
                prefix.length,
                gathered.len()
            )));
        }
        Ok((prefix, gathered))
    }

    fn prefix(&self, head: &mut Head, data: &mut Bytes) -> Result<Option<Prefix>, Status> {
        let prefix = head.take(data).map_err(|flag| {
            Status::invalid_argument(format!("invalid compressed flag {flag} before the message"))
        })?;
        match prefix {
            Some(prefix) if prefix.length > self.limit => Err(self.too_large(prefix.length)),
            prefix => Ok(prefix),
        }
    }

    fn too_large(&self, length: usize) -> Status {
        Status::resource_exhausted(format!(
            "the message of {length} bytes is larger than {}; raise {LIMIT_KEY} to take it",
            self.limit
        ))
    }

    fn undecodable(&self, error: DecodeError) -> Status {
        match error {
            DecodeError::TooLarge => Status::resource_exhausted(format!(
                "the decompressed message is larger than {} bytes; raise {LIMIT_KEY} to take it",
                self.limit
            )),
            DecodeError::OverBudget(error) => no_room(error),
            DecodeError::Corrupt { codec, cause } => {
                Status::invalid_argument(format!("cannot decompress the message as {codec}: {cause}"))
            }
        }
    }
}

fn no_room(error: OverBudget) -> Status {
    with_retry_delay(Code::Unavailable, format!("refused for lack of memory: {error}"), NO_ROOM_DELAY)
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return false };
    let rest = value.as_bytes().strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest, [] | [b';', ..] | b"+proto") || rest.starts_with(b"+proto;"))
}

/// The encoding of compressed messages. `None` for `identity` and where no encoding is named.
fn codec_of(headers: &HeaderMap) -> Result<Option<Codec>, Status> {
    match headers.get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"identity" | b"") => Ok(None),
        Some(b"gzip") => Ok(Some(Codec::Gzip)),
        Some(b"snappy") => Ok(Some(Codec::Snappy)),
        Some(b"zstd") => Ok(Some(Codec::Zstd)),
        Some(other) => {
            let name = String::from_utf8_lossy(other);
            let name = shorten(&name);
            let mut status = Status::unimplemented(format!(
                "unknown grpc-encoding `{name}`; this server takes gzip, snappy, zstd and identity"
            ));
            let value = tonic::metadata::MetadataValue::from_static("gzip,snappy,zstd");
            status.metadata_mut().insert("grpc-accept-encoding", value);
            Err(status)
        }
    }
}

/// `grpc-timeout`: at most eight digits and a unit. Anything else is no deadline.
fn timeout_of(value: &HeaderValue) -> Option<Duration> {
    let (digits, unit) = value.to_str().ok()?.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 60 * 60),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The answer to what is no gRPC call at all.
/// A gRPC client reads the status, everybody else that of HTTP.
fn not_grpc(method: &Method) -> hyper::Response<Answer> {
    let (code, text) = if method == Method::POST {
        (http::StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type must be application/grpc")
    } else {
        (http::StatusCode::METHOD_NOT_ALLOWED, "the method must be POST")
    };
    let mut response = Answer::status(&Status::unimplemented(text));
    *response.status_mut() = code;
    response
}

/// The body of an answer: one message and its trailers, or nothing.
enum Answer {
    Message(Bytes),
    Trailers,
    Done,
}

impl Answer {
    fn ok(frame: Bytes) -> hyper::Response<Self> {
        let mut response = hyper::Response::new(Self::Message(frame));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        response
    }

    /// Headers alone, which are trailers at the same time.
    fn status(status: &Status) -> hyper::Response<Self> {
        let mut response = hyper::Response::new(Self::Done);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-accept-encoding", ACCEPT_ENCODING);
        if status.add_header(headers).is_err() {
            headers.insert("grpc-status", HeaderValue::from_static("13"));
        }
        response
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match std::mem::replace(&mut *self, Self::Done) {
            Self::Message(frame) => {
                *self = Self::Trailers;
                Poll::Ready(Some(Ok(Frame::data(frame))))
            }
            Self::Trailers => {
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Self::Done => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Done => SizeHint::with_exact(0),
            Self::Message(_) | Self::Trailers => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_eight_digits_and_a_unit() {
        let parse = |text: &'static str| timeout_of(&HeaderValue::from_static(text));
        assert_eq!(parse("10S"), Some(Duration::from_secs(10)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for text in ["", "S", "1", "123456789S", "-1S", "1x", "+1S"] {
            let wanted = if text == "S" { None } else { None::<Duration> };
            assert_eq!(parse(text), wanted, "{text}");
        }
    }
}
