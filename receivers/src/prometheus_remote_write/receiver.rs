//! The receiver: one HTTP server.

use std::sync::{Arc, Mutex, PoisonError};

use sluice_component::{
    BuildCx, BuildError, Claim, Component, DrainError, Host, Outputs, Receiver, ReceiverFactory, Stability,
    StartError, async_trait,
};
use sluice_net::http::Server;
use sluice_pdata::Signal;
use tokio::time::Instant;

use super::{Settings, http::Writes};
use crate::intake::Intake;

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
    server: Mutex<Option<Server>>,
}

impl RemoteWrite {
    pub(super) fn new(settings: Settings, outputs: Outputs) -> Self {
        Self { settings, outputs, server: Mutex::default() }
    }

    /// Where it is bound.
    #[cfg(test)]
    pub(super) fn address(&self) -> Option<std::net::SocketAddr> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_ref()?.addresses().first().copied()
    }
}

#[async_trait]
impl Component for RemoteWrite {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let Some(next) = self.outputs.get(Signal::Metrics) else { return Ok(()) };
        let intake = Arc::new(Intake::new(Signal::Metrics, next.clone(), host.clone()));
        let writes = Arc::new(Writes::new(intake));
        let server = Server::start(&self.settings.server, "", host, writes).await?;
        let component = host.component();
        match server.addresses().first() {
            Some(endpoint) => tracing::info!(%component, %endpoint, "Starting HTTP server"),
            None => {
                tracing::info!(%component, endpoint = self.settings.server.endpoint, "Starting HTTP server")
            }
        }
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(server) = server else { return Ok(()) };
        if !server.shutdown(deadline).await {
            // Their clients got no answer, so nothing of them was owned.
            tracing::warn!("requests were still in flight at the shutdown deadline and were cut");
        }
        Ok(())
    }
}

impl Receiver for RemoteWrite {}

#[cfg(test)]
mod tests;
