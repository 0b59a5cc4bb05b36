//! `exporters: jaeger_thrift:`

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, Section};
use sluice_net::http;

use crate::sending::{Queue, Retry, settings::TIMEOUT};

/// `exporters: jaeger_thrift:` - the keys and defaults of otelcol, which had it until 0.85.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The HTTP client's keys stand at the top level; `endpoint` is the whole URL, `timeout` is for one attempt.
    #[serde(rename = "..client")]
    pub client: http::ClientSettings,
    /// Further attempts.
    pub retry_on_failure: Section<Retry>,
    /// The queue in front of the backend.
    pub sending_queue: Section<Queue>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client: http::ClientSettings { timeout: TIMEOUT, ..http::ClientSettings::default() },
            retry_on_failure: Section::on(Retry::default()),
            sending_queue: Section::on(Queue::default()),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.client.endpoint.is_empty() {
            at.key("endpoint").error(
                "requires a non-empty \"endpoint\": the whole URL, such as http://localhost:14268/api/traces",
            );
        }
        self.client.check(at);
        at.inside("retry_on_failure", &self.retry_on_failure);
        at.inside("sending_queue", &self.sending_queue);
    }
}
