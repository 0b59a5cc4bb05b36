//! A client that gets what others expose: metrics to scrape, lists of targets, tokens. Bodies are read whole, and are
//! bounded before and after they are decompressed.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use reqwest::Url;
use sluice_component::{Budget, Permit};
use sluice_config::Secret;

use super::{
    client::same_server,
    pool::{Pool, redacted},
};
use crate::{
    body::{BodyError, Flow, own, read_all},
    compression::{self, Codec, DecodeError},
    resolve::Resolver,
    serve::chain,
    tls::{self, ClientTls, TlsError},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const MOST_REDIRECTS: usize = 10;
/// Connections kept to one server, which may have many targets, as a prober has. As many as Prometheus keeps.
const MOST_IDLE: usize = 1000;
/// A connection is kept for this long for the next request, as Prometheus does.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How servers are reached.
#[derive(Debug, Clone, Default)]
pub struct FetchSettings {
    /// Certificates.
    pub tls: tls::ClientSettings,
    /// HTTP/2 where the server has it, which takes TLS.
    pub http2: bool,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// The way through a proxy.
    pub proxy: Proxy,
    /// `User-Agent`.
    pub user_agent: String,
}

/// The way through a proxy.
#[derive(Debug, Clone, Default)]
pub enum Proxy {
    /// None is used, whatever the environment says.
    #[default]
    Never,
    /// As `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say.
    FromEnvironment,
    /// One for all.
    At {
        /// Its URL.
        url: String,
        /// Hosts, domains and networks that are reached without it, by commas.
        except: String,
        /// Headers for the proxy itself.
        headers: Vec<(String, Secret)>,
    },
}

/// One request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What is asked for.
    pub url: Url,
    /// Headers for whoever answers.
    pub headers: HeaderMap,
    /// Headers for the URL's own server alone: not for another host or port that it redirects to, nor for the same
    /// without TLS.
    pub private: HeaderMap,
    /// The body of a `POST`; without one it is a `GET`.
    pub form: Option<String>,
}

/// A client. Cloning shares its connections.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    pool: Pool,
    follow_redirects: bool,
}

/// The head of an answer, whatever its status. To drop it drops the body.
#[derive(Debug)]
pub struct Fetched(http::Response<reqwest::Body>);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, or one that broke.
    #[error("cannot reach {url}: {cause}")]
    Broken {
        /// Without user, password and query.
        url: String,
        /// What happened underneath.
        cause: String,
    },
    /// A server sends us on and on.
    #[error("stopped after {MOST_REDIRECTS} redirects, at {0}")]
    Redirects(String),
    /// The body was not read to its end.
    #[error(transparent)]
    Body(#[from] BodyError),
}

impl FetchError {
    /// Whether the body was larger than the limit.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Body(BodyError::TooLarge { .. }))
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("follow_redirects", &self.0.follow_redirects).finish_non_exhaustive()
    }
}

impl Ask {
    /// A `GET` without headers.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self { url, headers: HeaderMap::new(), private: HeaderMap::new(), form: None }
    }
}

impl Fetcher {
    /// A client. Nothing is connected before the first request.
    ///
    /// # Errors
    /// A [`TlsError`] names the key below `tls` that is of no use, or `proxy_url`.
    pub fn new(settings: &FetchSettings) -> Result<Self, TlsError> {
        let alpn: &[&[u8]] = if settings.http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let tls = ClientTls::new(&settings.tls, alpn)?.verifying_the_override();
        let built_from = settings.clone();
        let pool = Pool::new(tls, move |config| build(&built_from, config))
            .map_err(|error| TlsError { key: "proxy_url", message: error.to_string() })?;
        Ok(Self(Arc::new(Inner { pool, follow_redirects: settings.follow_redirects })))
    }

    /// Sends a request and waits for the head of the answer. There is no timeout but the caller's; dropping the
    /// future cancels the request.
    ///
    /// # Errors
    /// A [`FetchError`] when there is no answer; statuses of 400 and more are answers.
    pub async fn fetch(&self, ask: &Ask) -> Result<Fetched, FetchError> {
        let mut url = ask.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(&url, ask).await.map_err(|cause| broken(&url, cause))?;
            match self.redirect(&url, ask, &response) {
                None => return Ok(Fetched(response.into())),
                Some(next) => url = next,
            }
        }
        Err(FetchError::Redirects(redacted(&url)))
    }

    async fn send(&self, url: &Url, ask: &Ask) -> Result<reqwest::Response, String> {
        let client = self.0.pool.client(url).map_err(|error| error.to_string())?;
        let mut headers = ask.headers.clone();
        if same_server(&ask.url, url) {
            headers.extend(ask.private.clone());
        }
        let request = match &ask.form {
            None => client.request(Method::GET, url.clone()),
            Some(form) => {
                let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.insert(header::CONTENT_TYPE, form_type);
                client.request(Method::POST, url.clone()).body(form.clone())
            }
        };
        request.headers(headers).send().await.map_err(|error| chain(&error.without_url()))
    }

    fn redirect(&self, url: &Url, ask: &Ask, response: &reqwest::Response) -> Option<Url> {
        let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        if !redirects || !self.0.follow_redirects || ask.form.is_some() {
            return None;
        }
        let next = url.join(response.headers().get(header::LOCATION)?.to_str().ok()?).ok()?;
        matches!(next.scheme(), "http" | "https").then_some(next)
    }
}

impl Fetched {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Reads the body and decompresses gzip: at most `limit` bytes before and after, reserved in the budget until the
    /// permit is dropped. `key` is the YAML key of the limit, for the error. `usual` is how large the last body from
    /// there was, 0 if it is not known: room for so much is taken at once, where a body is read in steps otherwise, each
    /// of which copies it.
    ///
    /// # Errors
    /// [`FetchError::Body`]; what was read is dropped, and with it the connection.
    pub async fn read(
        self,
        usual: usize,
        limit: usize,
        key: &'static str,
        budget: &Budget,
    ) -> Result<(Bytes, Permit), FetchError> {
        let (head, body) = self.0.into_parts();
        let encoding =
            head.headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes).unwrap_or_default();
        let is_plain = encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity");
        let usual = if is_plain { usual } else { 0 };
        let (body, permit) = read_all(body, usual, limit, key, budget, &Flow::default()).await?;
        if is_plain {
            return Ok((own(body), permit));
        }
        if !encoding.eq_ignore_ascii_case(b"gzip") {
            return Err(BodyError::UnknownEncoding(String::from_utf8_lossy(encoding).into_owned()).into());
        }
        compression::decompress(Codec::Gzip, body, permit, limit, budget).await.map_err(|error| {
            let error = match error {
                DecodeError::TooLarge => BodyError::TooLarge { what: "the decompressed body", limit, key },
                DecodeError::OverBudget(error) => BodyError::OverBudget(error),
                DecodeError::Corrupt { codec, cause } => {
                    BodyError::Corrupt { encoding: codec.as_str(), cause }
                }
            };
            error.into()
        })
    }
}

fn build(settings: &FetchSettings, tls: rustls::ClientConfig) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Resolver)
        .user_agent(&settings.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .pool_max_idle_per_host(MOST_IDLE)
        .pool_idle_timeout(IDLE_TIMEOUT);
    if !settings.http2 {
        builder = builder.http1_only();
    }
    match &settings.proxy {
        Proxy::Never => builder = builder.no_proxy(),
        Proxy::FromEnvironment => {}
        Proxy::At { url, except, headers } => {
            let headers = headers.iter().filter_map(|(name, value)| {
                let mut value = HeaderValue::try_from(value.expose()).ok()?;
                value.set_sensitive(true);
                Some((HeaderName::try_from(name).ok()?, value))
            });
            let proxy = reqwest::Proxy::all(url)?.no_proxy(reqwest::NoProxy::from_string(except));
            builder = builder.proxy(proxy.headers(headers.collect()));
        }
    }
    builder.build()
}

fn broken(url: &Url, cause: String) -> FetchError {
    FetchError::Broken { url: redacted(url), cause }
}
