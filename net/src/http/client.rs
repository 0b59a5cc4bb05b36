//! The client: posts bodies made of chunks and reads bounded answers.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use reqwest::Url;
use sluice_component::{
    Host, StartError,
    telemetry::{CallMetrics, Side},
};
use tokio::sync::Semaphore;

use super::{
    pool::{Pool, PoolError, redacted},
    settings::ClientSettings,
};
use crate::{
    compression::{self, Codec},
    resolve::Resolver,
    serve::{chain, join},
    tls::ClientTls,
};

/// What is read of an answer's body.
const ANSWER_LIMIT: usize = 64 << 10;
/// Redirects that one request follows.
const MOST_REDIRECTS: usize = 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// An HTTP client of one exporter. Cloning shares its connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    settings: ClientSettings,
    headers: HeaderMap,
    codec: Option<Codec>,
    pool: Pool,
    turns: Option<Semaphore>,
    calls: CallMetrics,
}

/// What a server answered, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The first 64 KiB of the body; the rest is not read.
    pub body: Bytes,
    /// Whether there was more.
    pub truncated: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// No answer within `timeout`. May be tried again.
    #[error("no answer from {url} within {timeout:?}")]
    Timeout {
        /// Without user and password.
        url: String,
        /// The whole request's time.
        timeout: Duration,
    },
    /// No connection, or one that broke. May be tried again.
    #[error("cannot post to {url}: {cause}")]
    Broken {
        /// Without user and password.
        url: String,
        /// What happened underneath.
        cause: String,
    },
    /// The request cannot be made. Another try fails as well.
    #[error("cannot make a request to {url}: {cause}")]
    Invalid {
        /// Without user and password.
        url: String,
        /// What is wrong.
        cause: String,
    },
}

impl ClientError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Invalid { .. })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("http::Client").field(&self.0.settings.endpoint).finish()
    }
}

impl Client {
    /// A client with `settings`. Nothing is connected before the first request. `key` is the YAML key of the settings
    /// block below the component, or empty.
    ///
    /// # Errors
    /// A [`StartError`] names the key: a certificate cannot be read, a proxy's URL is none.
    pub fn new(settings: &ClientSettings, key: &str, host: &Host) -> Result<Self, StartError> {
        let error =
            |below: &str, text: String| StartError::new(host.component().clone(), &join(key, below), text);
        let alpn: &[&[u8]] =
            if settings.force_attempt_http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let tls = ClientTls::new(&settings.tls, alpn)
            .map_err(|e| error(&join("tls", e.key), e.message))?
            .verifying_the_override();
        let headers = headers(settings).map_err(|text| error("headers", text))?;
        let (built_from, user_agent) = (settings.clone(), host.user_agent().to_owned());
        let pool = Pool::new(tls, move |config| build(&built_from, &user_agent, config))
            .map_err(|e| error("proxy_url", e.to_string()))?;
        let turns = usize::try_from(settings.max_conns_per_host).ok().filter(|&most| most > 0);
        Ok(Self(Arc::new(Inner {
            headers,
            codec: settings.compression.codec(),
            pool,
            turns: turns.map(Semaphore::new),
            calls: host.telemetry().calls(Side::HttpClient),
            settings: settings.clone(),
        })))
    }

    /// Posts the body that `chunks` make up, which are compressed as one, or sent from where they lie. The headers of
    /// the settings win over `headers`. A 307 or 308 to the same host is followed with the same body; every other
    /// redirect is the answer, since it would change the method or show our headers to somebody else. Dropping the
    /// future cancels the request.
    ///
    /// # Errors
    /// A [`ClientError`] when there is no answer; statuses of 400 and more are answers.
    pub async fn post(
        &self,
        url: &str,
        content_type: &'static str,
        chunks: &[Bytes],
        headers: &HeaderMap,
    ) -> Result<Answer, ClientError> {
        let parsed = Url::parse(url)
            .map_err(|error| ClientError::Invalid { url: url.to_owned(), cause: error.to_string() })?;
        let port = parsed.port_or_known_default().map(|port| port.to_string()).unwrap_or_default();
        let scheme = if parsed.scheme() == "https" { "https" } else { "http" };
        let timed = self.0.calls.begin("POST", parsed.host_str().unwrap_or_default(), &port, scheme);
        let chunks = self.0.chunks(chunks).await.map_err(|error| invalid(&parsed, error.to_string()))?;
        let work = self.0.post(parsed.clone(), content_type, chunks, headers);
        let result = match self.0.settings.timeout.non_zero() {
            None => work.await,
            Some(timeout) => tokio::time::timeout(timeout, work)
                .await
                .unwrap_or_else(|_| Err(ClientError::Timeout { url: redacted(&parsed), timeout })),
        };
        if let Ok(answer) = &result {
            timed.answered(answer.status.as_str().to_owned());
        }
        result
    }
}

impl Inner {
    async fn chunks(&self, chunks: &[Bytes]) -> std::io::Result<Vec<Bytes>> {
        match self.codec {
            None => Ok(chunks.to_vec()),
            Some(codec) => {
                let level = self.settings.compression_params.level;
                compression::compress(codec, level, chunks).await.map(|one| vec![one])
            }
        }
    }

    async fn post(
        &self,
        mut url: Url,
        content_type: &'static str,
        chunks: Vec<Bytes>,
        headers: &HeaderMap,
    ) -> Result<Answer, ClientError> {
        let _turn = match &self.turns {
            None => None,
            Some(turns) => turns.acquire().await.ok(),
        };
        let headers = self.headers_of(content_type, headers);
        for _ in 0..MOST_REDIRECTS {
            let client = self.client(&url)?;
            let request = client
                .post(url.clone())
                .headers(headers.clone())
                .body(reqwest::Body::wrap(Chunks(chunks.clone().into())));
            let response = request.send().await.map_err(|error| failed(&url, error))?;
            match redirect(&url, &response) {
                Some(next) => url = next,
                None => return read(&url, response).await,
            }
        }
        Err(invalid(&url, format!("more than {MOST_REDIRECTS} redirects")))
    }

    fn headers_of(&self, content_type: &'static str, headers: &HeaderMap) -> HeaderMap {
        let mut all = headers.clone();
        all.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(codec) = self.codec {
            all.insert(header::CONTENT_ENCODING, HeaderValue::from_static(codec.as_str()));
        }
        for name in self.headers.keys() {
            all.remove(name);
            for value in self.headers.get_all(name) {
                all.append(name.clone(), value.clone());
            }
        }
        all
    }

    fn client(&self, url: &Url) -> Result<reqwest::Client, ClientError> {
        self.pool.client(url).map_err(|error| match error {
            PoolError::Tls(_) => ClientError::Broken { url: redacted(url), cause: error.to_string() },
            PoolError::Build(error) => invalid(url, error.to_string()),
        })
    }
}

fn headers(settings: &ClientSettings) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in settings.headers.iter() {
        let name = HeaderName::try_from(name).map_err(|_| format!("`{name}` is no header name"))?;
        let mut value = HeaderValue::try_from(value.expose())
            .map_err(|_| format!("the value of `{name}` is no header value"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

fn build(
    settings: &ClientSettings,
    user_agent: &str,
    tls: rustls::ClientConfig,
) -> reqwest::Result<reqwest::Client> {
    let idle = match settings.max_idle_conns_per_host {
        _ if settings.disable_keep_alives => 0,
        0 => 2,
        most => usize::try_from(most).unwrap_or(usize::MAX),
    };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Resolver)
        .user_agent(user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .pool_max_idle_per_host(idle)
        .pool_idle_timeout(settings.idle_conn_timeout.non_zero());
    if !settings.force_attempt_http2 {
        builder = builder.http1_only();
    }
    if let Some((every, timeout)) = settings.ping() {
        builder = builder.http2_keep_alive_interval(every).http2_keep_alive_timeout(timeout);
    }
    if !settings.proxy_url.is_empty() {
        builder = builder.proxy(reqwest::Proxy::all(&settings.proxy_url)?);
    }
    builder.build()
}

/// Where to post the same body again, if the answer says so and the host is the same.
fn redirect(url: &Url, response: &reqwest::Response) -> Option<Url> {
    if !matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
        return None;
    }
    let next = url.join(response.headers().get(header::LOCATION)?.to_str().ok()?).ok()?;
    same_server(url, &next).then_some(next)
}

/// Whether what is meant for the server of `url` may be shown to that of `next`: it is the same, or the same host by
/// TLS where `url` is not.
pub(super) fn same_server(url: &Url, next: &Url) -> bool {
    let same_port = next.port_or_known_default() == url.port_or_known_default();
    let upgraded = url.scheme() == "http" && next.scheme() == "https";
    next.host() == url.host() && (same_port && next.scheme() == url.scheme() || upgraded)
}

async fn read(url: &Url, mut response: reqwest::Response) -> Result<Answer, ClientError> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    let mut truncated = false;
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(url, error))? {
        let room = ANSWER_LIMIT - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            truncated = true;
            break;
        }
    }
    Ok(Answer { status, headers, body: body.freeze(), truncated })
}

fn failed(url: &Url, error: reqwest::Error) -> ClientError {
    let builder = error.is_builder();
    let cause = chain(&error.without_url());
    match builder {
        true => invalid(url, cause),
        false => ClientError::Broken { url: redacted(url), cause },
    }
}

fn invalid(url: &Url, cause: String) -> ClientError {
    ClientError::Invalid { url: redacted(url), cause }
}

/// A body made of chunks, of known length.
struct Chunks(VecDeque<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|chunk| chunk.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_stays_with_its_server() {
        let of = |from: &str, to: &str| same_server(&from.parse().unwrap(), &to.parse().unwrap());
        assert!(of("http://one/a", "http://one:80/b"));
        assert!(of("http://one:8080/", "https://one:8443/"), "by TLS now");
        assert!(!of("http://one/", "http://other/"));
        assert!(!of("http://one:9100/", "http://one:9101/"), "another server of the same machine");
        assert!(!of("https://one/", "http://one/"), "without TLS");
        assert!(!of("https://one:443/", "http://one:443/"));
    }
}
