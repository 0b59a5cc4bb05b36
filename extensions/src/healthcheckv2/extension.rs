//! The extension: one server or two.

use std::sync::{Arc, Mutex, PoisonError};

use sluice_component::{
    BuildCx, BuildError, Claim, Component, DrainError, Extension, ExtensionFactory, Host, Stability,
    StartError, async_trait,
};
use sluice_net::{grpc, http};
use tokio::time::Instant;

use super::{
    Settings,
    answers::{Board, CHECK, OverGrpc, OverHttp},
};
use crate::health::probe::Probe;

/// Makes `healthcheckv2` extensions.
#[derive(Debug)]
pub struct Factory;

impl ExtensionFactory for Factory {
    const TYPE: &'static str = "healthcheckv2";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, _: BuildCx) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(HealthCheckV2 { settings: settings.clone(), servers: Mutex::default() }))
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        if !settings.use_v2 {
            return settings.v1.server.claims();
        }
        let http = settings.http.as_option().map(|http| http.server.claims());
        let grpc = settings.grpc.as_option().map(|grpc| grpc.server.claims());
        http.into_iter().chain(grpc).flatten().collect()
    }
}

pub(super) struct HealthCheckV2 {
    settings: Settings,
    servers: Mutex<Option<Servers>>,
}

/// From start to shutdown.
#[derive(Default)]
struct Servers {
    http: Option<http::Server>,
    grpc: Option<grpc::Server>,
}

#[async_trait]
impl Component for HealthCheckV2 {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let settings = &self.settings;
        let mut servers = Servers::default();
        if settings.use_v2 {
            let board = Board { host: host.clone(), counted: settings.component_health.counted() };
            if let Some(http) = settings.http.as_option() {
                let path = http.status.enabled.then(|| http.status.path.clone());
                let handler = Arc::new(OverHttp { board: board.clone(), path });
                servers.http = Some(http::Server::start(&http.server, "http", host, handler).await?);
            }
            if let Some(grpc) = settings.grpc.as_option() {
                let routes = grpc::Routes::new().with(CHECK, Arc::new(OverGrpc(board)));
                servers.grpc = Some(grpc::Server::start(&grpc.server, "grpc", host, routes).await?);
            }
        } else {
            let probe = Arc::new(Probe::new(&settings.v1, host.clone()));
            servers.http = Some(http::Server::start(&settings.v1.server, "", host, probe).await?);
        }
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = Some(servers);
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Servers { http, grpc }) = servers else { return Ok(()) };
        if let Some(server) = http {
            server.shutdown(deadline).await;
        }
        if let Some(server) = grpc {
            server.shutdown(deadline).await;
        }
        Ok(())
    }
}

impl Extension for HealthCheckV2 {}

#[cfg(test)]
mod tests;
