//! `exporters: otlp_http:`

use serde::{Deserialize, Serialize};
use sluice_config::{ByteSize, Check, Checker, GoDuration, Section};
use sluice_net::{
    compression::Compression,
    http::{self, settings::check_url},
};
use sluice_pdata::Signal;

use crate::sending::{Queue, Retry};

/// `exporters: otlp_http:` - the same keys and defaults as otelcol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The HTTP client's keys stand at the top level; `endpoint` is a base URL, `timeout` is for one attempt.
    #[serde(rename = "..client")]
    pub client: http::ClientSettings,
    /// Where spans go, in place of `endpoint` with `/v1/traces`.
    pub traces_endpoint: String,
    /// Where metrics go, in place of `endpoint` with `/v1/metrics`.
    pub metrics_endpoint: String,
    /// Where log records go, in place of `endpoint` with `/v1/logs`.
    pub logs_endpoint: String,
    /// Accepted; there are no profiles yet.
    pub profiles_endpoint: String,
    /// Of bodies.
    pub encoding: Encoding,
    /// Further attempts.
    pub retry_on_failure: Section<Retry>,
    /// The queue in front of the backend.
    pub sending_queue: Section<Queue>,
}

/// `encoding:`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Protobuf.
    #[default]
    Proto,
    /// OTLP/JSON.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        let client = http::ClientSettings {
            timeout: GoDuration::from_secs(30),
            compression: Compression::Gzip,
            write_buffer_size: ByteSize::kib(512),
            ..http::ClientSettings::default()
        };
        Self {
            client,
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            profiles_endpoint: String::new(),
            encoding: Encoding::default(),
            retry_on_failure: Section::on(Retry::default()),
            sending_queue: Section::on(Queue::default()),
        }
    }
}

impl Settings {
    /// Whether any URL was written.
    pub(super) fn has_endpoint(&self) -> bool {
        let own =
            [&self.traces_endpoint, &self.metrics_endpoint, &self.logs_endpoint, &self.profiles_endpoint];
        !self.client.endpoint.is_empty() || own.iter().any(|url| !url.is_empty())
    }

    /// Where `signal` goes: its own endpoint exactly as written, or the path below `endpoint`.
    pub(super) fn url(&self, signal: Signal) -> Option<String> {
        let own = match signal {
            Signal::Traces => &self.traces_endpoint,
            Signal::Metrics => &self.metrics_endpoint,
            Signal::Logs => &self.logs_endpoint,
        };
        let base = &self.client.endpoint;
        match (own.is_empty(), base.is_empty()) {
            (false, _) => Some(own.clone()),
            (true, false) => Some(format!("{}/v1/{signal}", base.strip_suffix('/').unwrap_or(base))),
            (true, true) => None,
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        let own = [
            ("traces_endpoint", &self.traces_endpoint),
            ("metrics_endpoint", &self.metrics_endpoint),
            ("logs_endpoint", &self.logs_endpoint),
            ("profiles_endpoint", &self.profiles_endpoint),
        ];
        if !self.has_endpoint() {
            at.error("at least one endpoint must be specified");
        }
        for (key, url) in own {
            if !url.is_empty()
                && let Err(text) = check_url(url)
            {
                at.key(key).error(text);
            }
        }
        if !self.profiles_endpoint.is_empty() {
            at.key("profiles_endpoint").warn("profiles are not built yet: nothing is sent there");
        }
        self.client.check(at);
        at.inside("retry_on_failure", &self.retry_on_failure);
        at.inside("sending_queue", &self.sending_queue);
    }
}
