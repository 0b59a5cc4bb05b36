//! The YAML of gRPC servers and clients.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sluice_component::Claim;
use sluice_config::{ByteSize, Check, Checker, GoDuration, Headers, Section, mib};

use super::connect::Target;
use crate::{
    compression::{Codec, Compression},
    endpoint::{Endpoint, Transport},
    http::settings::check_headers,
    later::Later,
    tls,
    watch::PingPolicy,
};

/// The message limit when `max_recv_msg_size_mib` is 0.
const DEFAULT_MESSAGE_LIMIT: usize = 4 << 20;

/// A gRPC server, as otelcol's `configgrpc.ServerConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSettings {
    /// `host:port`, or a socket path with `transport: unix`.
    pub endpoint: String,
    /// tcp, tcp4, tcp6 or unix.
    pub transport: Transport,
    /// Switches TLS on.
    pub tls: Section<tls::ServerSettings>,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub auth: Later,
    /// Keeps the request's headers as client metadata for later components.
    pub include_metadata: bool,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub middlewares: Later,
    /// The largest message, compressed and decompressed; 0 is 4 MiB.
    #[serde(with = "mib")]
    pub max_recv_msg_size_mib: ByteSize,
    /// Calls in flight on one connection; 0 is the library's 200.
    pub max_concurrent_streams: u32,
    /// Accepted; buffers size themselves here.
    pub read_buffer_size: ByteSize,
    /// Accepted; buffers size themselves here.
    pub write_buffer_size: ByteSize,
    /// Ages and pings of connections.
    pub keepalive: Section<ServerKeepalive>,
}

/// `keepalive` of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerKeepalive {
    /// What the server does.
    pub server_parameters: Section<ServerParameters>,
    /// What clients must keep to.
    pub enforcement_policy: Section<EnforcementPolicy>,
}

/// `keepalive.server_parameters`. 0 is infinity for the ages, 2h and 20s for the pings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerParameters {
    /// A connection without calls is closed after this time.
    pub max_connection_idle: GoDuration,
    /// A connection is asked to end after this time; what makes clients spread over a Kubernetes service.
    pub max_connection_age: GoDuration,
    /// From then on, how long calls may take until the connection is cut.
    pub max_connection_age_grace: GoDuration,
    /// A connection is pinged after this time without traffic.
    pub time: GoDuration,
    /// And closed when the ping is not answered in this time.
    pub timeout: GoDuration,
}

/// `keepalive.enforcement_policy`: a client that breaks it three times in a row is sent away with GOAWAY
/// `too_many_pings`. Without this section clients ping as often as they like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EnforcementPolicy {
    /// The least time between two pings of a client; 0 is 5m.
    pub min_time: GoDuration,
    /// Whether a client may ping without a call in flight.
    pub permit_without_stream: bool,
}

impl ServerKeepalive {
    /// What is enforced.
    pub(super) fn ping_policy(&self) -> Option<PingPolicy> {
        let policy = self.enforcement_policy.as_option()?;
        let min_time = policy.min_time.non_zero().unwrap_or(Duration::from_secs(5 * 60));
        Some(PingPolicy { min_time, without_stream: policy.permit_without_stream })
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

    /// The largest message in bytes.
    #[must_use]
    pub fn message_limit(&self) -> usize {
        self.max_recv_msg_size_mib.non_zero().map_or(DEFAULT_MESSAGE_LIMIT, ByteSize::as_usize)
    }
}

impl Check for ServerSettings {
    fn check(&self, at: &mut Checker<'_>) {
        Endpoint::check_server(&self.endpoint, self.transport, at);
        at.inside("tls", &self.tls);
        self.auth.check("auth", at);
        self.middlewares.check("middlewares", at);
        // The frame of a message counts its bytes in 32 bits.
        if self.max_recv_msg_size_mib >= ByteSize::mib(4096) {
            at.key("max_recv_msg_size_mib").must("be less than 4096");
        }
    }
}

/// How calls are spread over the addresses of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balancer {
    /// Over all addresses in turn.
    #[default]
    RoundRobin,
    /// To the first address that answers.
    PickFirst,
}

/// A gRPC client, as otelcol's `configgrpc.ClientConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientSettings {
    /// `host:port`, `dns:///host:port`, `unix:///path`; `http://` and `https://` are taken off.
    pub endpoint: String,
    /// TLS is on unless `insecure` is set.
    pub tls: tls::ClientSettings,
    /// gzip, snappy, zstd or none.
    pub compression: Compression,
    /// Sent with each call, unless the call has the name already.
    pub headers: Headers,
    /// In place of `sluice/<version> (<os>/<arch>)`.
    pub user_agent: String,
    /// Pings.
    pub keepalive: Section<ClientKeepalive>,
    /// Accepted; buffers size themselves here.
    pub read_buffer_size: ByteSize,
    /// Accepted; buffers size themselves here.
    pub write_buffer_size: ByteSize,
    /// Calls wait for a connection until their deadline, where they would otherwise fail at once.
    pub wait_for_ready: bool,
    /// How calls are spread.
    pub balancer_name: Balancer,
    /// `:authority`, in place of the endpoint.
    pub authority: String,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub auth: Later,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub middlewares: Later,
}

/// `keepalive` of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientKeepalive {
    /// A connection is pinged after this time without traffic.
    pub time: GoDuration,
    /// And closed when the ping is not answered in this time.
    pub timeout: GoDuration,
    /// Also without a call in flight.
    pub permit_without_stream: bool,
}

impl Default for ClientKeepalive {
    fn default() -> Self {
        let ten = GoDuration::from_secs(10);
        Self { time: ten, timeout: ten, permit_without_stream: false }
    }
}

impl ClientSettings {
    /// Plain text to `endpoint`, nothing else.
    #[must_use]
    pub fn insecure(endpoint: &str) -> Self {
        let tls = tls::ClientSettings { insecure: true, ..tls::ClientSettings::default() };
        Self { endpoint: endpoint.to_owned(), tls, ..Self::default() }
    }

    /// The codec of messages.
    pub(super) fn codec(&self) -> Option<Codec> {
        self.compression.codec()
    }

    /// Whether connections use TLS: `insecure` switches it off, unless a CA is given or the endpoint is https.
    pub(super) fn uses_tls(&self) -> bool {
        !self.tls.insecure || self.tls.common.has_ca() || self.endpoint.starts_with("https://")
    }

    pub(super) fn ping(&self) -> Option<(Duration, Duration, bool)> {
        let keepalive = self.keepalive.as_option()?;
        let time = keepalive.time.non_zero()?;
        let timeout = keepalive.timeout.non_zero().unwrap_or(Duration::from_secs(20));
        Some((time, timeout, keepalive.permit_without_stream))
    }
}

impl Check for ClientSettings {
    fn check(&self, at: &mut Checker<'_>) {
        if let Err(text) = Target::parse(&self.endpoint) {
            at.key("endpoint").error(text);
        }
        at.inside("tls", &self.tls);
        if !matches!(self.codec(), None | Some(Codec::Gzip | Codec::Snappy | Codec::Zstd)) {
            at.key("compression").error(format!(
                "unsupported compression type \"{}\": gRPC has gzip, snappy, zstd and none",
                self.codec().map_or("", Codec::as_str)
            ));
        }
        check_headers("headers", &self.headers, at);
        if !self.authority.is_empty() && self.authority.parse::<http::uri::Authority>().is_err() {
            at.key("authority").must("be a host name, with a port or without");
        }
        if http::HeaderValue::from_str(&self.user_agent).is_err() {
            at.key("user_agent").must("be visible ASCII");
        }
        self.auth.check("auth", at);
        self.middlewares.check("middlewares", at);
    }
}
