//! Sends metrics to Prometheus and whatever else takes its remote write, 1.0 or 2.0.
//!
//! [`Settings`] -> `exporter` (points become series, series become requests by lane, `block` compresses them) -> [`crate::sending`], which keeps
//! the order of each series -> `answer` (what the server makes of a request).

mod answer;
mod block;
mod exporter;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sluice_component::{BuildCx, BuildError, Delivery, Exporter, ExporterFactory, Stability};
use sluice_config::ByteSize;
use sluice_pdata::Signal;

use crate::{
    call::http_destination,
    sending::{Options, Queue, Sending},
};

pub use crate::resource_labels::{ResourceLabels, ResourceToTelemetry};
pub use settings::{AccumulateDeltas, ProtobufMessage, RemoteWriteQueue, Settings, TargetInfo};

/// Makes `prometheus_remote_write` exporters.
#[derive(Debug)]
pub struct Factory;

impl ExporterFactory for Factory {
    const TYPE: &'static str = "prometheus_remote_write";
    const ALIASES: &'static [&'static str] = &["prometheusremotewrite"];
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        let destination = http_destination(&settings.client().endpoint);
        let options = Options {
            // Requests are cut when they are made.
            max_request: ByteSize::new(u64::MAX),
            ..Options::new(&settings.retry_on_failure, &settings.queue(), destination)
        };
        let wire = exporter::RemoteWrite::new(settings, &cx);
        Ok(Arc::new(Sending::new(&cx, options, wire)?))
    }

    fn delivery(settings: &Settings) -> Delivery {
        Queue::delivery(&settings.queue())
    }
}
