//! The server: hands each request to its handler.

use std::{fmt, net::SocketAddr, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use sluice_component::{
    Budget, ComponentRef, Context, Host, Permit, Request, StartError,
    telemetry::{CallMetrics, Side},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{answer_body::Body, cors, settings::ServerSettings};
use crate::{
    body::{BodyError, Flow, own, read_all},
    compression::{self, Codec, DecodeError},
    endpoint::Endpoint,
    serve::{Ages, Answered, Control, Drive, Protocol, Running, Tasks, join, run},
    tls,
};

/// The YAML key that raises the body limit.
const LIMIT_KEY: &str = "max_request_body_size";
/// Of `write_timeout`, what is left for the answer.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Encodings on top of each other: more than anyone sends.
const MOST_ENCODINGS: usize = 4;

/// An answer; its body is there, or is made as the client takes it.
pub type Response = http::Response<Body>;

/// Answers requests.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Answers one request.
    ///
    /// The future is dropped when the client goes away or `write_timeout` passes; a panic costs this request only
    /// and is answered 500.
    async fn handle(&self, request: Incoming) -> Response;
}

/// A request whose body is still to be read.
#[derive(Debug)]
pub struct Incoming {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The client's address; `None` on a unix socket.
    pub peer: Option<SocketAddr>,
    body: hyper::body::Incoming,
    rules: Arc<Rules>,
    until: Option<Instant>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Rules {
    limit: usize,
    budget: Budget,
    /// `None` passes bodies on as they came.
    codecs: Option<Vec<Codec>>,
    plain: bool,
    include_metadata: bool,
}

impl Incoming {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// What stands behind the `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    /// What travels beside the data: peer, deadline, and with `include_metadata` the headers and Host. `transport` is
    /// the metric label, `http` for most. The deadline is a little before `write_timeout`, so that there is time to
    /// write why.
    #[must_use]
    pub fn context(&self, receiver: &ComponentRef, transport: &'static str) -> Context {
        let mut request = Request::builder(receiver.clone(), transport).peer(self.peer);
        if let Some(value) = self.headers.get("traceparent").and_then(|value| value.to_str().ok()) {
            request = request.traceparent(Some(value.to_owned()));
        }
        if self.rules.include_metadata {
            if let Some(authority) = self.uri.authority() {
                request = request.metadata("host", authority.to_string());
            }
            for (name, value) in &self.headers {
                request =
                    request.metadata(name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned());
            }
        }
        Context::new(request.build()).with_deadline(self.deadline)
    }

    /// Reads the body and decompresses it as `Content-Encoding` says: at most `max_request_body_size` bytes before
    /// and after, all of them reserved in the budget until the permit is dropped.
    ///
    /// # Errors
    /// A [`BodyError`], whose [`status`](BodyError::status) is the answer.
    pub async fn read(&mut self) -> Result<(Bytes, Permit), BodyError> {
        let codecs = self.rules.codecs(&self.headers)?;
        let Rules { limit, budget, .. } = &*self.rules;
        let flow = Flow::default();
        let read = read_all(&mut self.body, 0, *limit, LIMIT_KEY, budget, &flow);
        let (mut body, mut permit) = match self.until {
            None => flow.watch(read).await.map_err(|_| BodyError::Timeout)??,
            Some(until) => tokio::time::timeout_at(until, read).await.map_err(|_| BodyError::Timeout)??,
        };
        if codecs.is_empty() {
            body = own(body);
        }
        for codec in codecs {
            let done = compression::decompress(codec, body, permit, *limit, budget).await;
            (body, permit) = done.map_err(|error| match error {
                DecodeError::TooLarge => {
                    BodyError::TooLarge { what: "the decompressed body", limit: *limit, key: LIMIT_KEY }
                }
                DecodeError::OverBudget(error) => BodyError::OverBudget(error),
                DecodeError::Corrupt { codec, cause } => {
                    BodyError::Corrupt { encoding: codec.as_str(), cause }
                }
            })?;
        }
        Ok((body, permit))
    }
}

impl Rules {
    /// The codecs of a request, the last one that was applied first.
    fn codecs(&self, headers: &HeaderMap) -> Result<Vec<Codec>, BodyError> {
        let Some(allowed) = &self.codecs else { return Ok(Vec::new()) };
        let mut codecs = Vec::new();
        let mut named = false;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let text = String::from_utf8_lossy(value.as_bytes());
            for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                named = true;
                if name.eq_ignore_ascii_case("identity") {
                    continue;
                }
                match Codec::from_name(name).filter(|codec| allowed.contains(codec)) {
                    Some(codec) if codecs.len() < MOST_ENCODINGS => codecs.push(codec),
                    _ => return Err(BodyError::UnknownEncoding(name.to_owned())),
                }
            }
        }
        if !named && !self.plain {
            return Err(BodyError::UnknownEncoding(String::new()));
        }
        codecs.reverse();
        Ok(codecs)
    }
}

/// An HTTP server that listens.
pub struct Server(Running);

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("http::Server").field(&self.0.addresses()).finish()
    }
}

impl Server {
    /// Binds the endpoint and serves `handler` on it until [`Server::shutdown`]. `key` is the YAML key of the
    /// settings block below the component (`protocols.http`), or empty.
    ///
    /// # Errors
    /// A [`StartError`] names the key: the endpoint cannot be bound, a certificate cannot be read.
    pub async fn start(
        settings: &ServerSettings,
        key: &str,
        host: &Host,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, StartError> {
        let endpoint = Endpoint::of_server(&settings.endpoint, settings.transport, key, host)?;
        let tls = tls::ServerTls::for_section(&settings.tls, &[b"h2", b"http/1.1"], host.component(), key)?;
        let listed = &settings.compression_algorithms;
        let rules = Rules {
            limit: settings.body_limit(),
            budget: host.budget().clone(),
            codecs: (!listed.is_empty())
                .then(|| listed.iter().filter_map(|name| Codec::from_name(name)).collect()),
            plain: listed.is_empty() || listed.iter().any(String::is_empty),
            include_metadata: settings.include_metadata,
        };
        let response_headers = response_headers(settings).map_err(|text| {
            StartError::new(host.component().clone(), &join(key, "response_headers"), text)
        })?;
        let ages = Ages {
            idle: settings.idle_timeout.non_zero(),
            handshake: settings.read_header_timeout.non_zero(),
            ..Ages::default()
        };
        let service = Arc::new(Service {
            handler,
            calls: host.telemetry().calls(Side::HttpServer),
            labels: endpoint.labels(),
            scheme: if tls.is_some() { "https" } else { "http" },
            rules: Arc::new(rules),
            cors: settings.cors.as_option().and_then(cors::Policy::new),
            response_headers,
            read_timeout: settings.read_timeout.non_zero(),
            header_timeout: settings.read_header_timeout.non_zero().or(settings.read_timeout.non_zero()),
            write_timeout: settings.write_timeout.non_zero(),
            keep_alive: settings.keep_alives_enabled,
        });
        run(host, key, &endpoint, tls, ages, service).await.map(Self)
    }

    /// The bound TCP addresses; empty for a unix socket.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.0.addresses()
    }

    /// Stops accepting, says goodbye on every connection and waits for the requests in flight until `deadline`,
    /// when they are cut. True when all of them finished. Idempotent.
    pub async fn shutdown(&self, deadline: Instant) -> bool {
        self.0.shutdown(deadline).await
    }
}

fn response_headers(settings: &ServerSettings) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let parse = |(name, value): (&str, &sluice_config::Secret)| {
        let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value.expose()).ok());
        parsed.ok_or_else(|| format!("`{name}` is no header"))
    };
    settings.response_headers.iter().map(parse).collect()
}

struct Service {
    handler: Arc<dyn Handler>,
    calls: CallMetrics,
    /// Host and port.
    labels: (String, String),
    scheme: &'static str,
    rules: Arc<Rules>,
    cors: Option<cors::Policy>,
    response_headers: Vec<(HeaderName, HeaderValue)>,
    read_timeout: Option<Duration>,
    header_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    keep_alive: bool,
}

impl Protocol for Service {
    async fn serve<I>(self: Arc<Self>, io: I, peer: Option<SocketAddr>, control: Control)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let window = control.window.bytes();
        let activity = control.activity.clone();
        let mut builder = auto::Builder::new(Tasks(control.tasks.clone()));
        builder
            .http1()
            .timer(TokioTimer::new())
            .keep_alive(self.keep_alive)
            .header_read_timeout(self.header_timeout)
            .max_buf_size(64 << 10);
        builder
            .http2()
            .timer(TokioTimer::new())
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .max_frame_size(window);
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

impl<I, S, E, B> Drive for auto::Connection<'_, I, S, E>
where
    Self: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>>,
    S: hyper::service::Service<http::Request<hyper::body::Incoming>, Response = http::Response<B>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    E: auto::HttpServerConnExec<S::Future, B>,
{
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn say_goodbye(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl Service {
    async fn answer(
        &self,
        request: http::Request<hyper::body::Incoming>,
        peer: Option<SocketAddr>,
    ) -> Response {
        let (head, body) = request.into_parts();
        let timed = self.calls.begin(label_of(&head.method), &self.labels.0, &self.labels.1, self.scheme);
        let preflight = self.cors.as_ref().and_then(|cors| cors.preflight(&head.method, &head.headers));
        let origin = self.cors.as_ref().map(|cors| cors.requested(&head.headers));
        let mut response = match preflight {
            Some(response) => response,
            None => {
                let now = Instant::now();
                let incoming = Incoming {
                    method: head.method,
                    uri: head.uri,
                    headers: head.headers,
                    peer,
                    body,
                    rules: self.rules.clone(),
                    until: self.read_timeout.map(|limit| now + limit),
                    deadline: self.write_timeout.map(|limit| now + limit - (limit / 4).min(LAST_WORDS)),
                };
                let mut response = self.handle(incoming).await;
                response.body_mut().end_by(self.write_timeout.map(|limit| now + limit));
                if let (Some(cors), Some(origin)) = (&self.cors, &origin) {
                    cors.mark(origin, response.headers_mut());
                }
                response
            }
        };
        for (name, value) in &self.response_headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        timed.answered(response.status().as_str().to_owned());
        response
    }

    async fn handle(&self, incoming: Incoming) -> Response {
        let work = AssertUnwindSafe(self.handler.handle(incoming)).catch_unwind();
        let result = match self.write_timeout {
            None => work.await,
            Some(limit) => match tokio::time::timeout(limit, work).await {
                Ok(result) => result,
                Err(_) => return plain(StatusCode::SERVICE_UNAVAILABLE, "no answer within write_timeout"),
            },
        };
        result.unwrap_or_else(|_| {
            tracing::error!("a handler of an HTTP request panicked");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the handler of the request panicked")
        })
    }
}

/// A method as a label: one that is not HTTP's own could be any text.
fn label_of(method: &Method) -> &str {
    const KNOWN: [Method; 8] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
        Method::TRACE,
    ];
    if KNOWN.contains(method) { method.as_str() } else { "_OTHER" }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
