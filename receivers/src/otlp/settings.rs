//! The YAML of `otlp`.

use serde::{Deserialize, Serialize};
use sluice_config::{ByteSize, Check, Checker, GoDuration, Section};
use sluice_net::{grpc, http};

/// `receivers: otlp:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Which transports are served. At least one must be written.
    pub protocols: Protocols,
}

/// `protocols:`. A transport is served when its key is there, even with nothing after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Protocols {
    /// A gRPC server, on `localhost:4317` by default.
    pub grpc: Section<grpc::ServerSettings>,
    /// An HTTP server, on `localhost:4318` by default.
    pub http: Section<HttpSettings>,
}

impl Default for Protocols {
    fn default() -> Self {
        let grpc = grpc::ServerSettings {
            read_buffer_size: ByteSize::kib(512),
            ..grpc::ServerSettings::at("localhost:4317")
        };
        Self { grpc: Section::off_with(grpc), http: Section::off_with(HttpSettings::default()) }
    }
}

/// `protocols.http:`, an HTTP server and the paths of the signals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpSettings {
    /// The keys of every HTTP server.
    #[serde(rename = "..server")]
    pub server: http::ServerSettings,
    /// Where spans are posted. A missing leading slash is added.
    pub traces_url_path: String,
    /// Where metrics are posted. A missing leading slash is added.
    pub metrics_url_path: String,
    /// Where log records are posted. A missing leading slash is added.
    pub logs_url_path: String,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            server: http::ServerSettings {
                read_header_timeout: GoDuration::ZERO,
                write_timeout: GoDuration::ZERO,
                idle_timeout: GoDuration::ZERO,
                ..http::ServerSettings::at("localhost:4318")
            },
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        let Protocols { grpc, http } = &self.protocols;
        if !grpc.is_on() && !http.is_on() {
            at.error("must specify at least one protocol when using the OTLP receiver");
        }
        let mut at = at.section("protocols");
        at.inside("grpc", grpc);
        at.inside("http", http);
    }
}

impl Check for HttpSettings {
    fn check(&self, at: &mut Checker<'_>) {
        self.server.check(at);
        let paths = [
            ("traces_url_path", &self.traces_url_path),
            ("metrics_url_path", &self.metrics_url_path),
            ("logs_url_path", &self.logs_url_path),
        ];
        for (index, (key, path)) in paths.iter().enumerate() {
            let earlier = paths.iter().take(index).find(|(_, other)| with_slash(other) == with_slash(path));
            if let Some((other, _)) = earlier {
                at.key(key).must(format!("differ from {other}"));
            }
            if path.contains(['?', '#']) || path.chars().any(char::is_whitespace) {
                at.key(key).must("be a path alone");
            }
        }
    }
}

/// otelcol adds a missing leading slash.
pub(super) fn with_slash(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}
