//! The server of a receiver that has one, and speaks HTTP only: from start to shutdown.

use std::sync::{Arc, Mutex, PoisonError};

use sluice_component::{DrainError, Host, StartError};
use sluice_net::http::{Handler, Server, ServerSettings};
use tokio::time::Instant;

/// None before it was started and after it was shut down.
#[derive(Default)]
pub(crate) struct HttpServer(Mutex<Option<Server>>);

impl HttpServer {
    /// Returns when it is bound.
    pub(crate) async fn start(
        &self,
        settings: &ServerSettings,
        host: &Host,
        handler: Arc<dyn Handler>,
    ) -> Result<(), StartError> {
        let server = Server::start(settings, "", host, handler).await?;
        let component = host.component();
        match server.addresses().first() {
            Some(endpoint) => tracing::info!(%component, %endpoint, "Starting HTTP server"),
            None => tracing::info!(%component, endpoint = settings.endpoint, "Starting HTTP server"),
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        Ok(())
    }

    /// Returns when nothing is in flight, at `deadline` at the latest.
    pub(crate) async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let server = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(server) = server else { return Ok(()) };
        if !server.shutdown(deadline).await {
            // Their clients got no answer, so nothing of them was owned.
            tracing::warn!("requests were still in flight at the shutdown deadline and were cut");
        }
        Ok(())
    }

    /// Where it is bound.
    #[cfg(test)]
    pub(crate) fn address(&self) -> Option<std::net::SocketAddr> {
        let server = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_ref()?.addresses().first().copied()
    }
}
