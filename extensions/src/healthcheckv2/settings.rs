//! The YAML of `healthcheckv2`.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration, Section};
use sluice_net::{grpc, http};

use crate::health::{probe::ProbeSettings, status::Counted};

/// `extensions: healthcheckv2:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Without it the extension is `health_check`, and only these keys count.
    #[serde(rename = "..v1")]
    pub v1: ProbeSettings,
    /// Switches to the state of components.
    pub use_v2: bool,
    /// Served over HTTP when written.
    pub http: Section<HttpSettings>,
    /// Served over gRPC when written; `localhost:13132` by default.
    pub grpc: Section<GrpcSettings>,
    /// Which errors of components count.
    pub component_health: ComponentHealth,
}

/// `http:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpSettings {
    /// The keys of every HTTP server; `localhost:13133` by default.
    #[serde(rename = "..server")]
    pub server: http::ServerSettings,
    /// Where the state is told.
    pub status: StatusPath,
    /// Where the configuration would be told.
    pub config: ConfigPath,
}

/// `http.status:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusPath {
    /// Whether it is served.
    pub enabled: bool,
    /// The path.
    pub path: String,
}

/// `http.config:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigPath {
    /// Not built yet.
    pub enabled: bool,
    /// The path.
    pub path: String,
}

/// `grpc:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrpcSettings {
    /// The keys of every gRPC server.
    #[serde(rename = "..server")]
    pub server: grpc::ServerSettings,
}

/// `component_health:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComponentHealth {
    /// Whether a permanent error makes the whole unhealthy.
    pub include_permanent_errors: bool,
    /// Whether a recoverable error does, once it has lasted for `recovery_duration`.
    pub include_recoverable_errors: bool,
    /// How long a recoverable error may last.
    pub recovery_duration: GoDuration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            server: http::ServerSettings::at("localhost:13133"),
            status: StatusPath { enabled: true, path: "/status".to_owned() },
            config: ConfigPath { enabled: false, path: "/config".to_owned() },
        }
    }
}

impl Default for StatusPath {
    fn default() -> Self {
        HttpSettings::default().status
    }
}

impl Default for ConfigPath {
    fn default() -> Self {
        HttpSettings::default().config
    }
}

impl Default for GrpcSettings {
    fn default() -> Self {
        Self { server: grpc::ServerSettings::at("localhost:13132") }
    }
}

impl Default for ComponentHealth {
    fn default() -> Self {
        let recovery_duration = GoDuration::from_secs(60);
        Self { include_permanent_errors: false, include_recoverable_errors: false, recovery_duration }
    }
}

impl ComponentHealth {
    pub(super) fn counted(&self) -> Counted {
        Counted {
            permanent: self.include_permanent_errors,
            recoverable: self.include_recoverable_errors.then_some(self.recovery_duration.get()),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if !self.use_v2 {
            self.v1.check(at);
            for key in ["http", "grpc", "component_health"] {
                if at.is_written(key) {
                    at.key(key).warn("has no effect without `use_v2: true`");
                }
            }
            return;
        }
        if !self.http.is_on() && !self.grpc.is_on() {
            at.error("must specify at least one protocol: `http` or `grpc`");
        }
        at.inside("http", &self.http);
        at.inside("grpc", &self.grpc);
    }
}

impl Check for HttpSettings {
    fn check(&self, at: &mut Checker<'_>) {
        self.server.check(at);
        if !self.status.path.starts_with('/') {
            at.section("status").key("path").error("path must start with /");
        }
        if self.config.enabled {
            at.section("config")
                .key("enabled")
                .error("not built yet: remove the key; `print-config` shows the configuration");
        }
    }
}

impl Check for GrpcSettings {
    fn check(&self, at: &mut Checker<'_>) {
        self.server.check(at);
    }
}
