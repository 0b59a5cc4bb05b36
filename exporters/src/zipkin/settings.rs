//! `exporters: zipkin:`

use serde::{Deserialize, Serialize};
use sluice_config::{ByteSize, Check, Checker, Section};
use sluice_net::http;

use crate::sending::{Queue, Retry, settings::TIMEOUT};

/// `exporters: zipkin:` - the same keys and defaults as otelcol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The HTTP client's keys stand at the top level; `endpoint` is the whole URL, `timeout` is for one attempt.
    #[serde(rename = "..client")]
    pub client: http::ClientSettings,
    /// Of bodies.
    pub format: Format,
    /// For spans whose resource names no service.
    pub default_service_name: String,
    /// Further attempts.
    pub retry_on_failure: Section<Retry>,
    /// The queue in front of the backend.
    pub sending_queue: Section<Queue>,
}

/// `format:`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// v2 JSON.
    #[default]
    Json,
    /// Protobuf, which Zipkin reads since 2.8.
    Proto,
}

impl Default for Settings {
    fn default() -> Self {
        let client = http::ClientSettings {
            timeout: TIMEOUT,
            write_buffer_size: ByteSize::kib(512),
            ..http::ClientSettings::default()
        };
        Self {
            client,
            format: Format::default(),
            default_service_name: "<missing service name>".to_owned(),
            retry_on_failure: Section::on(Retry::default()),
            sending_queue: Section::on(Queue::default()),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.client.endpoint.is_empty() {
            at.key("endpoint").error(
                "requires a non-empty \"endpoint\": the whole URL, such as http://localhost:9411/api/v2/spans",
            );
        }
        self.client.check(at);
        at.inside("retry_on_failure", &self.retry_on_failure);
        at.inside("sending_queue", &self.sending_queue);
    }
}
