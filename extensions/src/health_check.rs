//! Tells over HTTP whether the collector takes data: what Kubernetes probes and load balancers ask.
//!
//! Ready is 200, not ready 503: before every receiver listens, and from the moment that the collector is told to
//! stop. `/readyz` answers the same on any `path`; `/status` tells the state of each component.

use std::sync::{Arc, Mutex, PoisonError};

use sluice_component::{
    BuildCx, BuildError, Claim, Component, DrainError, Extension, ExtensionFactory, Host, Stability,
    StartError, async_trait,
};
use sluice_net::http::Server;
use tokio::time::Instant;

use crate::health::probe::Probe;
pub use crate::health::probe::{CheckCollectorPipeline, ProbeSettings as Settings, ResponseBody};

/// Makes `health_check` extensions.
#[derive(Debug)]
pub struct Factory;

impl ExtensionFactory for Factory {
    const TYPE: &'static str = "health_check";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, _: BuildCx) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(HealthCheck { settings: settings.clone(), server: Mutex::default() }))
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        settings.server.claims()
    }
}

struct HealthCheck {
    settings: Settings,
    server: Mutex<Option<Server>>,
}

#[async_trait]
impl Component for HealthCheck {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let probe = Arc::new(Probe::new(&self.settings, host.clone()));
        let server = Server::start(&self.settings.server, "", host, probe).await?;
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            server.shutdown(deadline).await;
        }
        Ok(())
    }
}

impl Extension for HealthCheck {}

#[cfg(test)]
mod tests;
