//! The receiver: up to four servers.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use sluice_component::{
    BuildCx, BuildError, Claim, Component, DrainError, Host, Outputs, Receiver, ReceiverFactory, Stability,
    StartError, async_trait,
};
use sluice_config::Section;
use sluice_formats::jaeger::Protocol;
use sluice_net::{grpc, http, udp};
use sluice_pdata::Signal;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    Protocols, Settings,
    grpc::routes,
    http::Traces,
    udp::{Agent, transport, turns},
};
use crate::intake::Intake;

/// Makes `jaeger` receivers.
#[derive(Debug)]
pub struct Factory;

impl ReceiverFactory for Factory {
    const TYPE: &'static str = "jaeger";
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Traces];
    type Settings = Settings;

    fn build(settings: &Settings, _: BuildCx, outputs: Outputs) -> Result<Arc<dyn Receiver>, BuildError> {
        Ok(Arc::new(Jaeger::new(settings.clone(), outputs)))
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        let Protocols { grpc, thrift_http, thrift_compact, thrift_binary } = &settings.protocols;
        let grpc = grpc.as_option().map(grpc::ServerSettings::claims);
        let http = thrift_http.as_option().map(http::ServerSettings::claims);
        let udp =
            |section: &Section<udp::ServerSettings>| section.as_option().map(udp::ServerSettings::claims);
        [grpc, http, udp(thrift_compact), udp(thrift_binary)].into_iter().flatten().flatten().collect()
    }
}

/// The receiver, as `build` makes it.
pub(super) struct Jaeger {
    settings: Settings,
    outputs: Outputs,
    servers: Mutex<Option<Servers>>,
}

/// From start to shutdown.
#[derive(Default)]
struct Servers {
    grpc: Option<grpc::Server>,
    http: Option<http::Server>,
    compact: Option<udp::Server>,
    binary: Option<udp::Server>,
}

/// Where the servers are bound.
#[cfg(test)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Addresses {
    pub(super) grpc: Option<SocketAddr>,
    pub(super) http: Option<SocketAddr>,
    pub(super) compact: Option<SocketAddr>,
    pub(super) binary: Option<SocketAddr>,
}

impl Jaeger {
    pub(super) fn new(settings: Settings, outputs: Outputs) -> Self {
        Self { settings, outputs, servers: Mutex::default() }
    }

    #[cfg(test)]
    pub(super) fn addresses(&self) -> Addresses {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(servers) = &*servers else { return Addresses::default() };
        Addresses {
            grpc: servers.grpc.as_ref().and_then(|server| server.addresses().first().copied()),
            http: servers.http.as_ref().and_then(|server| server.addresses().first().copied()),
            compact: servers.compact.as_ref().and_then(|server| server.addresses().first().copied()),
            binary: servers.binary.as_ref().and_then(|server| server.addresses().first().copied()),
        }
    }
}

#[async_trait]
impl Component for Jaeger {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let Some(next) = self.outputs.get(Signal::Traces) else { return Ok(()) };
        let intake = Arc::new(Intake::new(Signal::Traces, next.clone(), host.clone()));
        let Protocols { grpc, thrift_http, thrift_compact, thrift_binary } = &self.settings.protocols;
        let mut servers = Servers::default();
        // A server that is dropped stops: if a later one cannot start, so do the others.
        if let Some(settings) = grpc.as_option() {
            let server =
                grpc::Server::start(settings, "protocols.grpc", host, routes(intake.clone())).await?;
            log_start("Starting GRPC server", host, server.addresses(), &settings.endpoint);
            servers.grpc = Some(server);
        }
        if let Some(settings) = thrift_http.as_option() {
            let traces = Arc::new(Traces(intake.clone()));
            let server = http::Server::start(settings, "protocols.thrift_http", host, traces).await?;
            log_start("Starting HTTP server", host, server.addresses(), &settings.endpoint);
            servers.http = Some(server);
        }
        let turns = turns();
        let compact =
            listen(thrift_compact, "protocols.thrift_compact", Protocol::Compact, &intake, &turns, host);
        servers.compact = compact.await?;
        let binary =
            listen(thrift_binary, "protocols.thrift_binary", Protocol::Binary, &intake, &turns, host);
        servers.binary = binary.await?;
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = Some(servers);
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Servers { grpc, http, compact, binary }) = servers else { return Ok(()) };
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
        let stop_udp = async |server: &Option<udp::Server>| match server {
            Some(server) => server.shutdown(deadline).await,
            None => 0,
        };
        let (grpc_done, http_done, compact_lost, binary_lost) =
            tokio::join!(stop_grpc, stop_http, stop_udp(&compact), stop_udp(&binary));
        if !(grpc_done && http_done) {
            // Their clients got no answer, so nothing of them was owned.
            tracing::warn!("requests were still in flight at the shutdown deadline and were cut");
        }
        if compact_lost + binary_lost > 0 {
            let packets = compact_lost + binary_lost;
            tracing::warn!(packets, "UDP packets were still held at the shutdown deadline and were dropped");
        }
        Ok(())
    }
}

impl Receiver for Jaeger {}

/// Starts the server of one UDP port, if it is on.
async fn listen(
    section: &Section<udp::ServerSettings>,
    key: &str,
    protocol: Protocol,
    intake: &Arc<Intake>,
    turns: &Arc<Semaphore>,
    host: &Host,
) -> Result<Option<udp::Server>, StartError> {
    let Some(settings) = section.as_option() else { return Ok(None) };
    let transport = transport(protocol);
    let metrics = host.telemetry().packets(host.component(), transport);
    let agent = Arc::new(Agent::new(intake.clone(), protocol, metrics, turns.clone()));
    udp::Server::start(settings, key, host, transport, agent).await.map(Some)
}

fn log_start(message: &'static str, host: &Host, bound: &[SocketAddr], written: &str) {
    let component = host.component();
    match bound.first() {
        Some(endpoint) => tracing::info!(%component, %endpoint, "{message}"),
        None => tracing::info!(%component, endpoint = written, "{message}"),
    }
}

#[cfg(test)]
mod tests;
