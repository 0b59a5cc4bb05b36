//! The receiver: one pair of servers for all signals of an ID.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use sluice_component::{
    BuildCx, BuildError, Claim, Component, DrainError, Host, Outputs, Receiver, ReceiverFactory, Stability,
    StartError, async_trait,
};
use sluice_net::{grpc, http};
use sluice_pdata::Signal;
use tokio::time::Instant;

use super::{Settings, grpc::routes, http::Paths};
use crate::intake::Intake;

/// Makes `otlp` receivers.
#[derive(Debug)]
pub struct Factory;

impl ReceiverFactory for Factory {
    const TYPE: &'static str = "otlp";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, _: BuildCx, outputs: Outputs) -> Result<Arc<dyn Receiver>, BuildError> {
        Ok(Arc::new(Otlp::new(settings.clone(), outputs)))
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        let grpc = settings.protocols.grpc.as_option().map(grpc::ServerSettings::claims);
        let http = settings.protocols.http.as_option().map(|http| http.server.claims());
        grpc.into_iter().chain(http).flatten().collect()
    }
}

/// The receiver, as `build` makes it.
pub(super) struct Otlp {
    settings: Settings,
    outputs: Outputs,
    servers: Mutex<Option<Servers>>,
}

/// From start to shutdown.
#[derive(Default)]
struct Servers {
    grpc: Option<grpc::Server>,
    http: Option<http::Server>,
}

impl Otlp {
    pub(super) fn new(settings: Settings, outputs: Outputs) -> Self {
        Self { settings, outputs, servers: Mutex::default() }
    }

    /// Where gRPC and HTTP are bound.
    #[cfg(test)]
    pub(super) fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let servers = servers.as_ref();
        let grpc = servers.and_then(|servers| servers.grpc.as_ref()?.addresses().first().copied());
        let http = servers.and_then(|servers| servers.http.as_ref()?.addresses().first().copied());
        (grpc, http)
    }
}

#[async_trait]
impl Component for Otlp {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let intake = |signal| {
            let next = self.outputs.get(signal)?.clone();
            Some(Arc::new(Intake::new(signal, next, host.clone())))
        };
        let intakes: Vec<_> = Signal::ALL.into_iter().filter_map(intake).collect();
        let mut servers = Servers::default();
        // A server that is dropped stops: if the second one cannot start, so does the first.
        if let Some(settings) = self.settings.protocols.grpc.as_option() {
            let server = grpc::Server::start(settings, "protocols.grpc", host, routes(&intakes)).await?;
            log_start("Starting GRPC server", host, server.addresses(), &settings.endpoint);
            servers.grpc = Some(server);
        }
        if let Some(settings) = self.settings.protocols.http.as_option() {
            let paths = Arc::new(Paths::new(settings, &intakes));
            let server = http::Server::start(&settings.server, "protocols.http", host, paths).await?;
            log_start("Starting HTTP server", host, server.addresses(), &settings.server.endpoint);
            servers.http = Some(server);
        }
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = Some(servers);
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Servers { grpc, http }) = servers else { return Ok(()) };
        let stop_grpc = async {
            match &grpc {
                Some(server) => server.shutdown(deadline).await,
                None => true,
            }
        };
        let stop_http = async {
            match &http {
                Some(server) => server.shutdown(deadline).await,
                None => true,
            }
        };
        let (grpc_done, http_done) = tokio::join!(stop_grpc, stop_http);
        if !(grpc_done && http_done) {
            // Their clients got no answer, so nothing of them was owned.
            tracing::warn!("requests were still in flight at the shutdown deadline and were cut");
        }
        Ok(())
    }
}

impl Receiver for Otlp {}

fn log_start(message: &'static str, host: &Host, bound: &[SocketAddr], written: &str) {
    let component = host.component();
    match bound.first() {
        Some(endpoint) => tracing::info!(%component, %endpoint, "{message}"),
        None => tracing::info!(%component, endpoint = written, "{message}"),
    }
}

#[cfg(test)]
mod tests;
