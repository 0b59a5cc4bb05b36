//! The YAML of HTTP servers and clients.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use sluice_component::Claim;
use sluice_config::{ByteSize, Check, Checker, GoDuration, Headers, Section, StringList};

use crate::{
    compression::{Codec, Compression, CompressionParams},
    endpoint::{Endpoint, EndpointError, Transport},
    later::Later,
    tls,
};

/// The body limit when `max_request_body_size` is 0.
const DEFAULT_BODY_LIMIT: usize = 20 << 20;

/// An HTTP server, as otelcol's `confighttp.ServerConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSettings {
    /// `host:port`, or a socket path with `transport: unix`.
    pub endpoint: String,
    /// tcp, tcp4, tcp6 or unix.
    pub transport: Transport,
    /// Switches TLS on.
    pub tls: Section<tls::ServerSettings>,
    /// Lets scripts of other origins in.
    pub cors: Section<Cors>,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub auth: Later,
    /// The largest body in bytes, compressed and decompressed; 0 is 20 MiB.
    pub max_request_body_size: ByteSize,
    /// Keeps the request's headers and Host as client metadata for later components.
    pub include_metadata: bool,
    /// Added to each answer.
    pub response_headers: Headers,
    /// The `Content-Encoding`s that are taken; `""` is none. An empty list passes bodies on as they came.
    pub compression_algorithms: StringList,
    /// For the whole request; 0 is no limit.
    pub read_timeout: GoDuration,
    /// For the request's head; 0 is no limit.
    pub read_header_timeout: GoDuration,
    /// From the end of the request's head to the answer, and to the end of one that is made in pieces; 0 is no limit.
    pub write_timeout: GoDuration,
    /// A connection without requests is closed after this time; 0 is no limit.
    pub idle_timeout: GoDuration,
    /// Whether a connection may carry more than one request.
    pub keep_alives_enabled: bool,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub middlewares: Later,
}

impl Default for ServerSettings {
    fn default() -> Self {
        let all = ["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4", "x-snappy-framed"];
        Self {
            endpoint: String::new(),
            transport: Transport::default(),
            tls: Section::default(),
            cors: Section::default(),
            auth: Later::default(),
            max_request_body_size: ByteSize::default(),
            include_metadata: false,
            response_headers: Headers::default(),
            compression_algorithms: all.into_iter().collect(),
            read_timeout: GoDuration::ZERO,
            read_header_timeout: GoDuration::from_secs(60),
            write_timeout: GoDuration::from_secs(30),
            idle_timeout: GoDuration::from_secs(60),
            keep_alives_enabled: true,
            middlewares: Later::default(),
        }
    }
}

impl ServerSettings {
    /// The defaults, at `endpoint`.
    #[must_use]
    pub fn at(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), ..Self::default() }
    }

    /// What a server with these settings takes for itself.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        Endpoint::parse(&self.endpoint, self.transport)
            .map_or_else(|_| Vec::new(), |endpoint| endpoint.claims())
    }

    /// The largest body in bytes.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.max_request_body_size.non_zero().map_or(DEFAULT_BODY_LIMIT, ByteSize::as_usize)
    }
}

impl Check for ServerSettings {
    fn check(&self, at: &mut Checker<'_>) {
        Endpoint::check_server(&self.endpoint, self.transport, at);
        at.inside("tls", &self.tls);
        at.inside("cors", &self.cors);
        self.auth.check("auth", at);
        check_headers("response_headers", &self.response_headers, at);
        for (index, name) in self.compression_algorithms.iter().enumerate() {
            if !name.is_empty() && Codec::from_name(name).is_none() {
                let known: Vec<_> = Codec::ALL.iter().map(|codec| codec.as_str()).collect();
                let text = format!("unknown Content-Encoding `{name}`; known: {}", known.join(", "));
                at.section("compression_algorithms").index(index).error(text);
            }
        }
        self.middlewares.check("middlewares", at);
    }
}

/// `cors` of a server. Off when `allowed_origins` is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Cors {
    /// Origins, each with at most one `*`.
    pub allowed_origins: StringList,
    /// Request headers beside the safelisted ones; empty is `X-Requested-With`.
    pub allowed_headers: StringList,
    /// Answer headers that scripts may read.
    pub exposed_headers: StringList,
    /// Seconds for which a browser keeps the answer to a preflight; 0 leaves it to the browser.
    pub max_age: u32,
}

impl Check for Cors {
    fn check(&self, at: &mut Checker<'_>) {
        if self.allowed_origins.is_empty() && !self.allowed_headers.is_empty() {
            at.key("allowed_headers").warn("has no effect without allowed_origins");
        }
        for (index, origin) in self.allowed_origins.iter().enumerate() {
            if origin.matches('*').count() > 1 {
                at.section("allowed_origins").index(index).error("must hold at most one `*`");
            }
        }
    }
}

/// An HTTP client, as otelcol's `confighttp.ClientConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientSettings {
    /// A URL.
    pub endpoint: String,
    /// A proxy's URL; empty is what `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say.
    pub proxy_url: String,
    /// For https URLs.
    pub tls: tls::ClientSettings,
    /// Sent with each request, in place of what the component sets; `Host` sets the request's host.
    pub headers: Headers,
    /// For the whole request; 0 is no limit.
    pub timeout: GoDuration,
    /// Of request bodies.
    pub compression: Compression,
    /// The level.
    pub compression_params: CompressionParams,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub auth: Later,
    /// Accepted; buffers size themselves here.
    pub read_buffer_size: ByteSize,
    /// Accepted; buffers size themselves here.
    pub write_buffer_size: ByteSize,
    /// Accepted; a client has one host, for which `max_idle_conns_per_host` counts.
    pub max_idle_conns: u32,
    /// Connections kept for the next request; 0 is 2.
    pub max_idle_conns_per_host: u32,
    /// Requests in flight at once; 0 is no limit.
    pub max_conns_per_host: u32,
    /// A connection without requests is closed after this time; 0 is no limit.
    pub idle_conn_timeout: GoDuration,
    /// A new connection for each request.
    pub disable_keep_alives: bool,
    /// An HTTP/2 connection is pinged after this time without traffic; 0 is never.
    pub http2_read_idle_timeout: GoDuration,
    /// And closed when the ping is not answered in this time; 0 is 15s.
    pub http2_ping_timeout: GoDuration,
    /// HTTP/2 where the server has it, which takes TLS.
    pub force_attempt_http2: bool,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub cookies: Later,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub middlewares: Later,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            proxy_url: String::new(),
            tls: tls::ClientSettings::default(),
            headers: Headers::default(),
            timeout: GoDuration::ZERO,
            compression: Compression::default(),
            compression_params: CompressionParams::default(),
            auth: Later::default(),
            read_buffer_size: ByteSize::default(),
            write_buffer_size: ByteSize::default(),
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            max_conns_per_host: 0,
            idle_conn_timeout: GoDuration::from_secs(90),
            disable_keep_alives: false,
            http2_read_idle_timeout: GoDuration::ZERO,
            http2_ping_timeout: GoDuration::ZERO,
            force_attempt_http2: true,
            cookies: Later::default(),
            middlewares: Later::default(),
        }
    }
}

impl ClientSettings {
    /// The defaults, for the URL `endpoint`.
    #[must_use]
    pub fn at(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), ..Self::default() }
    }

    pub(super) fn ping(&self) -> Option<(Duration, Duration)> {
        let timeout = self.http2_ping_timeout.non_zero().unwrap_or(Duration::from_secs(15));
        Some((self.http2_read_idle_timeout.non_zero()?, timeout))
    }
}

impl Check for ClientSettings {
    fn check(&self, at: &mut Checker<'_>) {
        // Whether it may be empty is for the component to say: it can have a URL for each signal.
        if !self.endpoint.is_empty()
            && let Err(text) = check_url(&self.endpoint)
        {
            at.key("endpoint").error(text);
        }
        if !self.proxy_url.is_empty()
            && let Err(text) = check_url(&self.proxy_url)
        {
            at.key("proxy_url").error(text);
        }
        at.inside("tls", &self.tls);
        check_headers("headers", &self.headers, at);
        self.compression_params.check(self.compression, at);
        self.auth.check("auth", at);
        if self.cookies.is_written() {
            self.cookies.check("cookies", at);
        }
        self.middlewares.check("middlewares", at);
    }
}

/// Says what is wrong with a URL that a client is to call.
///
/// # Errors
/// What to write instead.
pub fn check_url(text: &str) -> Result<(), String> {
    let url = reqwest::Url::parse(text).map_err(|error| {
        let authority = text.split_once("://").map_or(text, |(_, rest)| rest).split(['/', '?', '#']).next();
        match authority.unwrap_or_default().rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') && port.parse::<u16>().is_err() => {
                EndpointError::Port(port.to_owned()).to_string()
            }
            _ => format!("`{text}` is no URL: {error}"),
        }
    })?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(()),
        "http" | "https" => Err(format!("`{text}` has no host")),
        _ => Err(format!("`{text}` must start with http:// or https://")),
    }
}

/// Reports names and values that no header can have.
pub(crate) fn check_headers(key: &str, headers: &Headers, at: &mut Checker<'_>) {
    for (name, value) in headers.iter() {
        if HeaderName::try_from(name).is_err() {
            at.section(key).key(name).error("is no header name");
        } else if HeaderValue::try_from(value.expose()).is_err() {
            at.section(key).key(name).error("its value holds characters that no header may have");
        }
    }
}
