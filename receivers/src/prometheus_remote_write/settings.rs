//! The YAML of `prometheus_remote_write`.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker};
use sluice_net::http;

/// `receivers: prometheus_remote_write:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The keys of every HTTP server, on `localhost:9090` by default.
    #[serde(rename = "..server")]
    pub server: http::ServerSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self { server: http::ServerSettings::at("localhost:9090") }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        self.server.check(at);
    }
}
