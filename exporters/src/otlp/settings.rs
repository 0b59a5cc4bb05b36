//! `exporters: otlp_grpc:`

use serde::{Deserialize, Serialize};
use sluice_config::{ByteSize, Check, Checker, GoDuration, Section};
use sluice_net::{compression::Compression, grpc};

use crate::sending::{Queue, Retry, settings::TIMEOUT};

/// `exporters: otlp_grpc:` - the same keys and defaults as otelcol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The gRPC client's keys stand at the top level.
    #[serde(rename = "..client")]
    pub client: grpc::ClientSettings,
    /// Time for one attempt; 0 is no limit.
    pub timeout: GoDuration,
    /// Further attempts.
    pub retry_on_failure: Section<Retry>,
    /// The queue in front of the backend.
    pub sending_queue: Section<Queue>,
}

impl Default for Settings {
    fn default() -> Self {
        let client = grpc::ClientSettings {
            compression: Compression::Gzip,
            write_buffer_size: ByteSize::kib(512),
            ..grpc::ClientSettings::default()
        };
        Self {
            client,
            timeout: TIMEOUT,
            retry_on_failure: Section::on(Retry::default()),
            sending_queue: Section::on(Queue::default()),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.client.endpoint.is_empty() {
            at.key("endpoint").error("requires a non-empty \"endpoint\"");
            // The other keys are checked as they would be with one.
            let client =
                grpc::ClientSettings { endpoint: "localhost:4317".to_owned(), ..self.client.clone() };
            client.check(at);
        } else {
            self.client.check(at);
        }
        at.inside("retry_on_failure", &self.retry_on_failure);
        at.inside("sending_queue", &self.sending_queue);
    }
}
