//! The YAML of `jaeger`.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, Section};
use sluice_net::{grpc, http, later::Later, udp};

/// `receivers: jaeger:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Which transports are served. At least one must be written.
    pub protocols: Protocols,
    /// Accepted and ignored: the extension `jaegerremotesampling` does that now.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub remote_sampling: Later,
}

/// `protocols:`. A transport is served when its key is there, even with nothing after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Protocols {
    /// `api_v2` over gRPC, on `localhost:14250` by default.
    pub grpc: Section<grpc::ServerSettings>,
    /// Binary Thrift over HTTP, on `localhost:14268` by default.
    pub thrift_http: Section<http::ServerSettings>,
    /// Compact Thrift over UDP, on `localhost:6831` by default.
    pub thrift_compact: Section<udp::ServerSettings>,
    /// Binary Thrift over UDP, on `localhost:6832` by default.
    pub thrift_binary: Section<udp::ServerSettings>,
}

impl Default for Protocols {
    fn default() -> Self {
        Self {
            grpc: Section::off_with(grpc::ServerSettings::at("localhost:14250")),
            thrift_http: Section::off_with(http::ServerSettings::at("localhost:14268")),
            thrift_compact: Section::off_with(udp::ServerSettings::at("localhost:6831")),
            thrift_binary: Section::off_with(udp::ServerSettings::at("localhost:6832")),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        let Protocols { grpc, thrift_http, thrift_compact, thrift_binary } = &self.protocols;
        if !(grpc.is_on() || thrift_http.is_on() || thrift_compact.is_on() || thrift_binary.is_on()) {
            at.error("must specify at least one protocol when using the Jaeger receiver");
        }
        if at.is_written("remote_sampling") {
            at.key("remote_sampling").warn(
                "has no effect: strategies are served by the extension jaegerremotesampling (HTTP 5778, gRPC 14250); \
                 move the keys there",
            );
        }
        let mut at = at.section("protocols");
        at.inside("grpc", grpc);
        at.inside("thrift_http", thrift_http);
        at.inside("thrift_compact", thrift_compact);
        at.inside("thrift_binary", thrift_binary);
        for (key, udp) in [("thrift_compact", thrift_compact), ("thrift_binary", thrift_binary)] {
            if udp.is_on() {
                at.key(key).warn(
                    "UDP cannot refuse: what there is no room for is dropped, and counted in \
                     sluice_receiver_dropped_packets",
                );
            }
        }
    }
}
