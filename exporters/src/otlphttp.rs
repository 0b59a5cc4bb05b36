//! Sends OTLP over HTTP, as protobuf or JSON.
//!
//! [`Settings`] (where each signal goes) -> `exporter` (the requests) -> [`crate::sending`]. With `encoding: proto` the batch's bytes are sent as they are.

mod exporter;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sluice_component::{BuildCx, BuildError, Delivery, Exporter, ExporterFactory, Stability};
use sluice_config::Checker;
use sluice_pdata::Signal;

use crate::{
    call::http_destination,
    sending::{Options, Queue, Sending},
};

pub use settings::{Encoding, Settings};

/// Makes `otlp_http` exporters; `otlphttp` is the old name.
#[derive(Debug)]
pub struct Factory;

impl ExporterFactory for Factory {
    const TYPE: &'static str = "otlp_http";
    const ALIASES: &'static [&'static str] = &["otlphttp"];
    const STABILITY: Stability = Stability::Stable;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        let signal = cx.signal.ok_or_else(|| cx.error("", "exporters are built for one signal"))?;
        let url = settings.url(signal).ok_or_else(|| {
            let key = format!("{signal}_endpoint");
            cx.error(&key, format!("either endpoint or {key} must be specified"))
        })?;
        let destination = http_destination(&url);
        let options = Options::new(&settings.retry_on_failure, &settings.sending_queue, destination);
        let wire = exporter::Http::new(settings.client.clone(), settings.encoding, url);
        Ok(Arc::new(Sending::new(&cx, options, wire)?))
    }

    fn check_signal(settings: &Settings, signal: Signal, at: &mut Checker<'_>) {
        if settings.url(signal).is_none() && settings.has_endpoint() {
            let key = format!("{signal}_endpoint");
            at.error(format!("either endpoint or {key} must be specified: a {signal} pipeline sends here"));
        }
    }

    fn delivery(settings: &Settings) -> Delivery {
        Queue::delivery(&settings.sending_queue)
    }
}
