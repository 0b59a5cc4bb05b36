//! The extension: two servers, and a look at the file now and then.

use std::sync::{Arc, Mutex, PoisonError};

use sluice_component::{
    BuildCx, BuildError, Claim, Component, DrainError, Extension, ExtensionFactory, Host, Stability,
    StartError, async_trait,
};
use sluice_net::{grpc, http};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Settings,
    answers::{OverGrpc, OverHttp},
    remote::GET,
    source::Origin,
};

/// Makes `jaegerremotesampling` extensions.
#[derive(Debug)]
pub struct Factory;

impl ExtensionFactory for Factory {
    const TYPE: &'static str = "jaegerremotesampling";
    const ALIASES: &'static [&'static str] = &["jaeger_remote_sampling"];
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, _: BuildCx) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(RemoteSampling::new(settings.clone())))
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        let (http, grpc) = settings.servers.on();
        let (http, grpc) = (http.map(http::ServerSettings::claims), grpc.map(grpc::ServerSettings::claims));
        http.into_iter().chain(grpc).flatten().collect()
    }
}

pub(super) struct RemoteSampling {
    settings: Settings,
    running: Mutex<Option<Running>>,
}

/// From start to shutdown.
struct Running {
    http: Option<http::Server>,
    grpc: Option<grpc::Server>,
    /// Ends the look at the file.
    _reload: DropGuard,
}

impl RemoteSampling {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, running: Mutex::default() }
    }

    /// Where HTTP and gRPC are bound.
    #[cfg(test)]
    pub(super) fn addresses(&self) -> (Option<std::net::SocketAddr>, Option<std::net::SocketAddr>) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.as_ref();
        let http = running.and_then(|running| running.http.as_ref()?.addresses().first().copied());
        let grpc = running.and_then(|running| running.grpc.as_ref()?.addresses().first().copied());
        (http, grpc)
    }
}

#[async_trait]
impl Component for RemoteSampling {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let origin = Arc::new(Origin::new(&self.settings, host)?);
        let (http, grpc) = self.settings.servers.on();
        let mut servers = (None, None);
        if let Some(settings) = http {
            let answers = Arc::new(OverHttp(origin.clone()));
            servers.0 = Some(http::Server::start(settings, "http", host, answers).await?);
        }
        if let Some(settings) = grpc {
            let routes = grpc::Routes::new().with(GET, Arc::new(OverGrpc(origin.clone())));
            servers.1 = Some(grpc::Server::start(settings, "grpc", host, routes).await?);
        }
        let stop = CancellationToken::new();
        let source = &self.settings.source;
        if let (false, Some(every)) = (source.file.is_empty(), source.reload_interval.non_zero()) {
            let stop = stop.clone();
            host.spawn("reload", async move {
                while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
                    let origin = origin.clone();
                    // It fails when the runtime stops.
                    drop(tokio::task::spawn_blocking(move || origin.reload()).await);
                }
            });
        }
        let running = Running { http: servers.0, grpc: servers.1, _reload: stop.drop_guard() };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { http, grpc, .. }) = running else { return Ok(()) };
        if let Some(server) = http {
            server.shutdown(deadline).await;
        }
        if let Some(server) = grpc {
            server.shutdown(deadline).await;
        }
        Ok(())
    }
}

impl Extension for RemoteSampling {}

#[cfg(test)]
mod tests;
