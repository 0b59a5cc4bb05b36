//! The receiver: one HTTP server.

use std::sync::Arc;

use sluice_component::{
    BuildCx, BuildError, Claim, Component, DrainError, Host, Outputs, Receiver, ReceiverFactory, Stability,
    StartError, async_trait,
};
use sluice_pdata::Signal;
use tokio::time::Instant;

use super::{Settings, http::Writes};
use crate::{http_server::HttpServer, intake::Intake};

/// Makes `prometheus_remote_write` receivers.
#[derive(Debug)]
pub struct Factory;

impl ReceiverFactory for Factory {
    const TYPE: &'static str = "prometheus_remote_write";
    const ALIASES: &'static [&'static str] = &["prometheusremotewrite"];
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    type Settings = Settings;

    fn build(settings: &Settings, _: BuildCx, outputs: Outputs) -> Result<Arc<dyn Receiver>, BuildError> {
        Ok(Arc::new(RemoteWrite::new(settings.clone(), outputs)))
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        settings.server.claims()
    }
}

/// The receiver, as `build` makes it.
pub(super) struct RemoteWrite {
    settings: Settings,
    outputs: Outputs,
    server: HttpServer,
}

impl RemoteWrite {
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
impl Component for RemoteWrite {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let Some(next) = self.outputs.get(Signal::Metrics) else { return Ok(()) };
        let intake = Arc::new(Intake::new(Signal::Metrics, next.clone(), host.clone()));
        let writes = Arc::new(Writes::new(intake, host.unconverted()));
        self.server.start(&self.settings.server, host, writes).await
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        self.server.shutdown(deadline).await
    }
}

impl Receiver for RemoteWrite {}

#[cfg(test)]
mod tests;
