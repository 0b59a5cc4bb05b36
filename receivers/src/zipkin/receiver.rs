//! The receiver: one HTTP server.

use std::sync::Arc;

use sluice_component::{
    BuildCx, BuildError, Claim, Component, DrainError, Host, Outputs, Receiver, ReceiverFactory, Stability,
    StartError, async_trait,
};
use sluice_pdata::Signal;
use tokio::time::Instant;

use super::{Settings, http::Spans};
use crate::{http_server::HttpServer, intake::Intake};

/// Makes `zipkin` receivers.
#[derive(Debug)]
pub struct Factory;

impl ReceiverFactory for Factory {
    const TYPE: &'static str = "zipkin";
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Traces];
    type Settings = Settings;

    fn build(settings: &Settings, _: BuildCx, outputs: Outputs) -> Result<Arc<dyn Receiver>, BuildError> {
        Ok(Arc::new(Zipkin::new(settings.clone(), outputs)))
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        settings.server.claims()
    }
}

/// The receiver, as `build` makes it.
pub(super) struct Zipkin {
    settings: Settings,
    outputs: Outputs,
    server: HttpServer,
}

impl Zipkin {
    pub(super) fn new(settings: Settings, outputs: Outputs) -> Self {
        Self { settings, outputs, server: HttpServer::default() }
    }

    /// Where it is bound.
    #[cfg(test)]
    pub(super) fn address(&self) -> Option<std::net::SocketAddr> {
        self.server.address()
    }
}

#[async_trait]
impl Component for Zipkin {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let Some(next) = self.outputs.get(Signal::Traces) else { return Ok(()) };
        let intake = Arc::new(Intake::new(Signal::Traces, next.clone(), host.clone()));
        let spans = Arc::new(Spans::new(&self.settings, intake));
        self.server.start(&self.settings.server, host, spans).await
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        self.server.shutdown(deadline).await
    }
}

impl Receiver for Zipkin {}

#[cfg(test)]
mod tests;
