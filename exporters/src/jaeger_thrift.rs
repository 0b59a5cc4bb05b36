//! Sends spans to a Jaeger collector over HTTP, as Thrift: `POST /api/traces`.
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
    call::http_destination,
    sending::{Options, Queue, Sending},
};

pub use settings::Settings;

/// Makes `jaeger_thrift` exporters.
#[derive(Debug)]
pub struct Factory;

impl ExporterFactory for Factory {
    const TYPE: &'static str = "jaeger_thrift";
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Traces];
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        let destination = http_destination(&settings.client.endpoint);
        let options = Options::new(&settings.retry_on_failure, &settings.sending_queue, destination);
        Ok(Arc::new(Sending::new(&cx, options, exporter::JaegerThrift::new(settings))?))
    }

    fn delivery(settings: &Settings) -> Delivery {
        Queue::delivery(&settings.sending_queue)
    }
}
