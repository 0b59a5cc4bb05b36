//! The YAML of `prometheus`.
//!
//! - `config`: a user's Prometheus configuration; `scrape`: one job; `discovery`, `relabel`, `client`: its parts
//! - `allocator`: `target_allocator`
//! - `duration`, `size`, `text`: values as Prometheus writes them
//! - `files`: `scrape_config_files`

mod allocator;
mod client;
mod config;
mod discovery;
mod duration;
pub(super) mod files;
mod relabel;
pub(super) mod scrape;
mod size;
mod text;

pub use allocator::{Discovery as AllocatorDiscovery, TargetAllocator};
pub use client::{Authorization, BasicAuth, HeaderValues, HttpClient, OAuth2, Proxy, TlsConfig, TlsVersion};
pub use config::{Config, Global, Ignored, Refused};
pub(super) use discovery::check_address;
pub use discovery::{DnsDiscovery, FileDiscovery, HttpDiscovery, RecordType, TargetGroup, Unbuilt};
pub use duration::PromDuration;
pub use relabel::{Action, RelabelConfig};
pub use scrape::{Common, Escaping, Factor, Scheme, ScrapeConfig, ScrapeProtocol, Validation};
use serde::{Deserialize, Serialize};
pub use size::PromSize;
use sluice_config::{Check, Checker, Node};
pub use text::Text;

/// `receivers: prometheus:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// A Prometheus configuration.
    pub config: Option<Config>,
    /// Where jobs and targets come from, beside those of `config`.
    pub target_allocator: Option<TargetAllocator>,
    /// Whether `_total` and units are cut off names.
    pub trim_metric_suffixes: bool,
    /// Prometheus's own API, which is not built.
    pub api_server: ApiServer,
    /// Accepted; since otelcol 0.142 `metricstarttime` does it.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub use_start_time_metric: Node,
    /// Accepted; since otelcol 0.142 `metricstarttime` does it.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub start_time_metric_regex: Node,
}

/// `api_server:`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiServer {
    /// Refused.
    pub enabled: bool,
    /// Not looked at.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub server_config: Node,
    /// Not looked at.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub max_connections: Node,
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        let jobs = |config: &Config| config.scrape_configs.len() + config.scrape_config_files.len();
        if self.target_allocator.is_none() && self.config.as_ref().map_or(0, jobs) == 0 {
            at.error("no Prometheus scrape_configs or target_allocator set");
        }
        at.inside("config", &self.config);
        at.inside("target_allocator", &self.target_allocator);
        if self.api_server.enabled {
            at.section("api_server").key("enabled").error("Prometheus's API is not built yet: remove it; `sluice scrape <url>` shows what a target exposes, and its series `up` what became of it");
        }
        for (key, node) in [
            ("use_start_time_metric", &self.use_start_time_metric),
            ("start_time_metric_regex", &self.start_time_metric_regex),
        ] {
            if !node.is_null() {
                at.key(key)
                    .warn("has no effect, as in otelcol since 0.142: add the `metricstarttime` processor");
            }
        }
    }
}

#[cfg(test)]
mod tests;
