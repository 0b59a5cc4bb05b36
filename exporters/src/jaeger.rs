//! Sends spans to a Jaeger collector over gRPC: `jaeger.api_v2.CollectorService/PostSpans`.
//!
//! [`Settings`] -> `exporter` (spans become requests, one per process) -> [`crate::sending`].

mod exporter;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sluice_component::{BuildCx, BuildError, Delivery, Exporter, ExporterFactory, Stability};
use sluice_pdata::Signal;

use crate::{
    call::grpc_destination,
    sending::{Options, Queue, Sending},
};

pub use settings::Settings;

/// Makes `jaeger` exporters.
#[derive(Debug)]
pub struct Factory;

impl ExporterFactory for Factory {
    const TYPE: &'static str = "jaeger";
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Traces];
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        let destination = grpc_destination(&settings.client);
        let options = Options {
            timeout: settings.timeout.non_zero(),
            ..Options::new(&settings.retry_on_failure, &settings.sending_queue, destination)
        };
        Ok(Arc::new(Sending::new(&cx, options, exporter::Jaeger::new(settings.client.clone()))?))
    }

    fn delivery(settings: &Settings) -> Delivery {
        Queue::delivery(&settings.sending_queue)
    }
}
