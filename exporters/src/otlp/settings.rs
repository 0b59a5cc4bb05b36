//! `exporters: otlp_grpc:`

use serde::{Deserialize, Serialize};
use sluice_component::telemetry::Destination;
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

impl Settings {
    /// The endpoint in parts, for metric labels.
    pub(super) fn destination(&self) -> Destination {
        let endpoint = self.client.endpoint.trim_end_matches('/');
        if let Some(path) = endpoint.strip_prefix("unix:") {
            let address = path.strip_prefix("//").unwrap_or(path).to_owned();
            return Destination { address, ..Destination::default() };
        }
        let name = endpoint.rsplit('/').next().unwrap_or_default();
        let name = name.strip_prefix("dns:").unwrap_or(name);
        let (host, port) = match name.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (name, ""),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Destination { address: host.to_owned(), port: port.to_owned(), path: String::new() }
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
