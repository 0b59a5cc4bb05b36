//! `target_allocator:`, the operator's server that shares targets out to collectors.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration, Node};
use sluice_net::http;

use super::HttpClient;

/// Where jobs and targets come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetAllocator {
    /// How the allocator is reached, `endpoint` first.
    #[serde(rename = "..client")]
    pub client: http::ClientSettings,
    /// How often jobs are asked for.
    pub interval: GoDuration,
    /// The name by which the allocator knows this collector.
    pub collector_id: String,
    /// How targets are asked for; its URL is set by the receiver.
    pub http_sd_config: Discovery,
    /// How targets are scraped, in place of what their jobs say.
    pub http_scrape_config: Option<HttpClient>,
}

/// `http_sd_config:`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Discovery {
    /// How often targets are asked for.
    pub refresh_interval: super::PromDuration,
    /// Accepted: the receiver sets it.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub url: Node,
    /// How.
    #[serde(rename = "..client")]
    pub client: HttpClient,
}

impl Default for TargetAllocator {
    fn default() -> Self {
        Self {
            client: http::ClientSettings::default(),
            interval: GoDuration::from_secs(30),
            collector_id: String::new(),
            http_sd_config: Discovery::default(),
            http_scrape_config: None,
        }
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            refresh_interval: super::PromDuration::from_secs(30),
            url: Node::default(),
            client: HttpClient::default(),
        }
    }
}

impl Check for TargetAllocator {
    fn check(&self, at: &mut Checker<'_>) {
        if self.client.endpoint.is_empty() {
            at.key("endpoint").must("be given");
        }
        if self.collector_id.is_empty() || self.collector_id.contains("${") {
            at.key("collector_id")
                .error("CollectorID is not a valid ID: it must be the name of this collector");
        }
        if self.interval.non_zero().is_none() {
            at.key("interval").must("be longer than 0");
        }
        self.client.check(at);
        at.inside("http_sd_config", &self.http_sd_config.client);
        at.inside("http_scrape_config", &self.http_scrape_config);
    }
}
