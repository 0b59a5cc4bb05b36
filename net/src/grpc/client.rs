//! The client: calls unary methods on a set of connections.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header, uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use sluice_component::{
    Budget, Host, StartError,
    telemetry::{CallMetrics, Side},
};
use smallvec::SmallVec;

use super::{
    connect::{Dial, Pool, Sender, Target},
    frame::{Head, Message, Prefix},
    settings::ClientSettings,
    status::{Code, Status, name},
};
use crate::{
    body::Gather,
    compression::{self, Codec, DecodeError},
    serve::{chain, join},
    tls::ClientTls,
};

/// The largest message of an answer.
const ANSWER_LIMIT: usize = 4 << 20;
/// How often a call that no server looked at is sent again at once.
const UNSEEN_RETRIES: usize = 2;

/// A gRPC client for unary calls. Cloning shares its connections, which close when the last clone is dropped and
/// its calls have ended.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    pool: Arc<Pool>,
    authority: uri::Authority,
    scheme: uri::Scheme,
    headers: HeaderMap,
    codec: Option<Codec>,
    wait_for_ready: bool,
    budget: Budget,
    calls: CallMetrics,
}

/// The answer of a call that succeeded.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The message, decompressed, at most 4 MiB.
    pub message: Bytes,
    /// The headers of the answer.
    pub headers: HeaderMap,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("grpc::Client").field(&self.0.authority).finish()
    }
}

impl Client {
    /// A client for the endpoint of `settings`. Nothing is connected before the first call; use
    /// [`Client::warm_up`]. `key` is the YAML key of the settings block below the component, or empty.
    ///
    /// # Errors
    /// A [`StartError`] names the key: a certificate cannot be read, the endpoint is none.
    pub fn new(settings: &ClientSettings, key: &str, host: &Host) -> Result<Self, StartError> {
        let error =
            |below: &str, text: String| StartError::new(host.component().clone(), &join(key, below), text);
        let target = Target::parse(&settings.endpoint).map_err(|text| error("endpoint", text))?;
        let tls = match settings.uses_tls() {
            false => None,
            true => Some(
                ClientTls::new(&settings.tls, &[b"h2"]).map_err(|e| error(&join("tls", e.key), e.message))?,
            ),
        };
        let authority = match (&settings.authority, &settings.tls.server_name_override) {
            (authority, _) if !authority.is_empty() => authority.clone(),
            (_, name) if tls.is_some() && !name.is_empty() => name.clone(),
            _ => target.authority(),
        };
        let authority = authority.parse().map_err(|e: uri::InvalidUri| error("authority", e.to_string()))?;
        let headers = headers(settings, host.user_agent()).map_err(|text| error("headers", text))?;
        let scheme = if tls.is_some() { uri::Scheme::HTTPS } else { uri::Scheme::HTTP };
        let dial = Dial { target, balancer: settings.balancer_name, tls, ping: settings.ping() };
        Ok(Self(Arc::new(Inner {
            pool: Pool::new(dial, host.clone()),
            authority,
            scheme,
            headers,
            codec: settings.codec(),
            wait_for_ready: settings.wait_for_ready,
            budget: host.budget().clone(),
            calls: host.telemetry().calls(Side::RpcClient),
        })))
    }

    /// Connects, so that the first call finds a connection.
    ///
    /// # Errors
    /// UNAVAILABLE with the reason; calls will try again all the same.
    pub async fn warm_up(&self) -> Result<(), Status> {
        self.0.pool.pick(false).await.map(drop).map_err(|error| Status::unavailable(&*error))
    }

    /// Calls the unary method at `path` with the message that `chunks` make up, which are compressed as one, or sent
    /// from where they lie. `metadata` wins over the headers of the settings. Dropping the future cancels the call.
    ///
    /// # Errors
    /// The server's status; DEADLINE_EXCEEDED after `timeout`; UNAVAILABLE with the reason when there is no
    /// connection or it broke; RESOURCE_EXHAUSTED without RetryInfo when the answer is too large.
    pub async fn unary(
        &self,
        path: &str,
        chunks: &[Bytes],
        timeout: Option<Duration>,
        metadata: &HeaderMap,
    ) -> Result<Reply, Status> {
        let (host, port) = (self.0.authority.host(), self.0.authority.port());
        let port = port.as_ref().map_or("", |port| port.as_str());
        let timed = self.0.calls.begin(path.trim_start_matches('/'), host, port, "grpc");
        let call = self.0.call(path, chunks, timeout, metadata);
        let result = match timeout {
            None => call.await,
            Some(timeout) => tokio::time::timeout(timeout, call).await.unwrap_or_else(|_| {
                Err(Status::deadline_exceeded(format!(
                    "no answer from {} within {timeout:?}",
                    self.0.authority
                )))
            }),
        };
        timed.answered(name(result.as_ref().err().map_or(Code::Ok, Status::code)));
        result
    }
}

/// The headers of every call.
fn headers(settings: &ClientSettings, user_agent: &str) -> Result<HeaderMap, String> {
    let user_agent = if settings.user_agent.is_empty() { user_agent } else { &settings.user_agent };
    let mut headers = HeaderMap::new();
    for (name, value) in settings.headers.iter() {
        let name = HeaderName::try_from(name).map_err(|_| format!("`{name}` is no header name"))?;
        let mut value = HeaderValue::try_from(value.expose())
            .map_err(|_| format!("the value of `{name}` is no header value"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static("gzip,snappy,zstd"));
    let agent = HeaderValue::try_from(user_agent).map_err(|_| "user_agent is no header value".to_owned())?;
    headers.insert(header::USER_AGENT, agent);
    if let Some(codec) = settings.codec() {
        headers.insert("grpc-encoding", HeaderValue::from_static(codec.as_str()));
    }
    Ok(headers)
}

impl Inner {
    async fn pick(&self) -> Result<Sender, Status> {
        self.pool.pick(self.wait_for_ready).await.map_err(|error| Status::unavailable(&*error))
    }

    async fn message(&self, chunks: &[Bytes]) -> Result<Message, Status> {
        let chunks = match self.codec {
            None => SmallVec::from(chunks),
            Some(codec) => {
                // gRPC's snappy is framed.
                let codec = if codec == Codec::Snappy { Codec::SnappyFramed } else { codec };
                let compressed = compression::compress(codec, 0, chunks).await;
                let compressed = compressed.map_err(|e| Status::internal(format!("cannot compress: {e}")))?;
                smallvec::smallvec![compressed]
            }
        };
        Message::new(self.codec.is_some(), chunks)
            .ok_or_else(|| Status::resource_exhausted("the message has 4 GiB or more"))
    }

    async fn call(
        &self,
        path: &str,
        chunks: &[Bytes],
        timeout: Option<Duration>,
        metadata: &HeaderMap,
    ) -> Result<Reply, Status> {
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        let uri = uri.path_and_query(path).build().map_err(|e| Status::internal(format!("no path: {e}")))?;
        let mut headers = self.headers.clone();
        for name in metadata.keys() {
            headers.remove(name);
            for value in metadata.get_all(name) {
                headers.append(name.clone(), value.clone());
            }
        }
        if let Some(timeout) = timeout {
            headers.insert("grpc-timeout", timeout_value(timeout));
        }
        // First, so that nothing is compressed while there is nobody to send it to.
        let mut sender = self.pick().await?;
        let message = self.message(chunks).await?;
        let mut retries = 0;
        loop {
            let mut request = Request::new(Outgoing(Some(message.clone())));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = headers.clone();
            match send(&mut sender, request).await {
                Ok(response) => return self.read(response).await,
                Err(failure) if failure.unseen && retries < UNSEEN_RETRIES => {
                    retries += 1;
                    sender = self.pick().await?;
                }
                Err(failure) => return Err(failure.status),
            }
        }
    }

    async fn read(&self, response: http::Response<Incoming>) -> Result<Reply, Status> {
        let (head, mut body) = response.into_parts();
        if let Some(status) = Status::from_header_map(&head.headers) {
            return Err(match status.code() {
                Code::Ok => Status::internal("the answer has no message"),
                _ => status,
            });
        }
        if head.status != StatusCode::OK {
            return Err(of_http(head.status));
        }
        let no_room =
            |error| Status::unavailable(format!("the answer was not read for lack of memory: {error}"));
        let mut gathered = Gather::new(&self.budget).map_err(no_room)?;
        let mut message_head = Head::default();
        let mut prefix: Option<Prefix> = None;
        let mut trailers = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::of(&error).status)?;
            let mut data = match frame.into_data() {
                Ok(data) => data,
                Err(frame) => {
                    trailers = frame.into_trailers().ok();
                    continue;
                }
            };
            if prefix.is_none() {
                prefix = message_head.take(&mut data).map_err(|flag| {
                    Status::internal(format!("invalid compressed flag {flag} in the answer"))
                })?;
            }
            match prefix {
                None => {}
                Some(prefix) if prefix.length > ANSWER_LIMIT => return Err(too_large()),
                Some(prefix) if data.len() > prefix.length - gathered.len() => {
                    return Err(Status::internal("the answer has more than one message"));
                }
                Some(prefix) => gathered.push(data, prefix.length).map_err(no_room)?,
            }
        }
        let status = trailers.as_ref().and_then(Status::from_header_map);
        let status = status.ok_or_else(|| Status::unavailable("the answer ended without a status"))?;
        if status.code() != Code::Ok {
            return Err(status);
        }
        let whole = prefix.filter(|prefix| gathered.len() == prefix.length);
        let prefix = whole.ok_or_else(|| Status::internal("the answer has no whole message"))?;
        let (mut message, permit) = gathered.finish();
        if prefix.compressed {
            let encoding =
                head.headers.get("grpc-encoding").and_then(|value| value.to_str().ok()).unwrap_or("");
            let codec = match Codec::from_name(encoding) {
                Some(codec @ (Codec::Gzip | Codec::Snappy | Codec::Zstd)) => codec,
                _ => {
                    return Err(Status::internal(format!(
                        "the answer has an unknown grpc-encoding `{encoding}`"
                    )));
                }
            };
            let done = compression::decompress(codec, message, permit, ANSWER_LIMIT, &self.budget).await;
            message = match done {
                Ok((message, _)) => message,
                Err(DecodeError::TooLarge) => return Err(too_large()),
                Err(DecodeError::OverBudget(error)) => return Err(no_room(error)),
                Err(error @ DecodeError::Corrupt { .. }) => return Err(Status::internal(error.to_string())),
            };
        }
        Ok(Reply { message, headers: head.headers })
    }
}

/// Not retryable, since the next answer would be as large.
fn too_large() -> Status {
    Status::resource_exhausted(format!("the answer is larger than {ANSWER_LIMIT} bytes"))
}

async fn send(sender: &mut Sender, request: Request<Outgoing>) -> Result<http::Response<Incoming>, Failure> {
    sender.try_send_request(request).await.map_err(|mut error| {
        let unsent = error.take_message().is_some();
        let mut failure = Failure::of(error.error());
        failure.unseen |= unsent;
        failure
    })
}

/// A call that got no answer.
struct Failure {
    status: Status,
    /// No server looked at the call: sending it again cannot duplicate it.
    unseen: bool,
}

impl Failure {
    fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = Some(error);
        let mut unseen = false;
        let mut cancelled = false;
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                let reason = error.reason();
                // A server that says goodbye names the last call that it looked at; h2 fails those after it so.
                unseen |= error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM)
                    || error.is_go_away() && error.is_remote() && reason == Some(h2::Reason::NO_ERROR);
                cancelled |= error.is_reset() && reason == Some(h2::Reason::CANCEL);
            }
            cause = error.source();
        }
        let text = format!("the connection broke: {}", chain(error));
        let status = if cancelled { Status::cancelled(text) } else { Status::unavailable(text) };
        Self { status, unseen }
    }
}

/// The status of an answer that did not come from a gRPC server.
fn of_http(status: StatusCode) -> Status {
    let code = match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Status::new(code, format!("the server answered HTTP {status} and no gRPC status"))
}

/// At most eight digits and a unit.
fn timeout_value(timeout: Duration) -> HeaderValue {
    const MOST: u128 = 99_999_999;
    let units = [(timeout.as_nanos(), 'n'), (timeout.as_micros(), 'u'), (timeout.as_millis(), 'm')];
    let text = match units.into_iter().find(|(number, _)| *number <= MOST) {
        Some((number, unit)) => format!("{number}{unit}"),
        None => format!("{}S", u128::from(timeout.as_secs()).min(MOST)),
    };
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("99999999S"))
}

/// The body of a call: one message.
#[derive(Debug)]
pub(super) struct Outgoing(Option<Message>);

impl Body for Outgoing {
    type Data = Message;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Message>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|message| Ok(Frame::data(message))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |message| message.remaining() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_has_at_most_eight_digits() {
        for (timeout, value) in [
            (Duration::from_nanos(5), "5n"),
            (Duration::from_secs(5), "5000000u"),
            (Duration::from_secs(300), "300000m"),
            (Duration::from_secs(200_000), "200000S"),
        ] {
            assert_eq!(timeout_value(timeout), value);
        }
    }
}
