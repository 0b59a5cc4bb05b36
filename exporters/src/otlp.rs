//! Sends OTLP over gRPC.
//!
//! [`Settings`] -> `exporter` (the calls) -> [`crate::sending`]. The batch's bytes are
//! sent as they are.

mod exporter;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sluice_component::{BuildCx, BuildError, Delivery, Exporter, ExporterFactory, Stability};

use crate::{
    call::grpc_destination,
    sending::{Options, Queue, Sending},
};

pub use settings::Settings;

/// Makes `otlp_grpc` exporters; `otlp` is the old name.
#[derive(Debug)]
pub struct Factory;

impl ExporterFactory for Factory {
    const TYPE: &'static str = "otlp_grpc";
    const ALIASES: &'static [&'static str] = &["otlp"];
    const STABILITY: Stability = Stability::Stable;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        let destination = grpc_destination(&settings.client);
        let options = Options {
            timeout: settings.timeout.non_zero(),
            ..Options::new(&settings.retry_on_failure, &settings.sending_queue, destination)
        };
        let signal = cx.signal.ok_or_else(|| cx.error("", "exporters are built for one signal"))?;
        Ok(Arc::new(Sending::new(&cx, options, exporter::Grpc::new(settings.client.clone(), signal))?))
    }

    fn delivery(settings: &Settings) -> Delivery {
        Queue::delivery(&settings.sending_queue)
    }
}
