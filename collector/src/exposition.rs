//! The collector's own metrics, for a scraper, under otelcol's names.
//!
//! | path | what |
//! |---|---|
//! | `/metrics` | Prometheus text 0.0.4, or OpenMetrics 1.0 when the scraper accepts it |
//! | `/ledger` | the accounts of every pipeline and exporter, as JSON |
//!
//! `process` and `ledger` add their families to what components count; `text` writes all of them as the reader's
//! `without_*` say.
mod ledger;
mod process;
mod text;

use std::{fmt, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use sluice_component::{ComponentRef, Host, Kind, ledger::Ledger};
use sluice_config::GoDuration;
use sluice_net::http::{
    Handler, HeaderValue, Incoming, Method, Response, Server, ServerSettings, StatusCode, header,
};
use tokio::time::Instant;

use crate::telemetry_settings::{Prometheus, Resource, TelemetrySettings};

/// The listeners for scrapers.
#[derive(Debug)]
pub struct Exposition(Vec<Server>);

/// A listener that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("service.telemetry.metrics.readers[{index}].pull.exporter.prometheus: {message}")]
pub struct ExpositionError {
    index: usize,
    message: String,
}

impl Exposition {
    /// Binds every pull reader of the settings; at level `none` there is none.
    ///
    /// # Errors
    /// The first listener that cannot be bound; those before it are closed again.
    pub async fn start(
        settings: &TelemetrySettings,
        resource: &Resource,
        process: &Arc<sluice_component::host::Process>,
    ) -> Result<Self, ExpositionError> {
        let listeners = settings.metrics.listeners();
        if listeners.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let registry = process.telemetry.registry();
        for family in [process::collector(), ledger::collector(process.ledger.clone())] {
            // A second start in one process, as in tests, finds them there.
            let _known = registry.register(family);
        }
        let mut servers = Vec::new();
        for (index, listener) in listeners.iter().enumerate() {
            let scrape = Scrape {
                registry: registry.clone(),
                ledger: process.ledger.clone(),
                style: text::Style::new(listener, resource),
            };
            let server = serve(listener, host(process), scrape).await;
            servers.push(server.map_err(|message| ExpositionError { index, message })?);
        }
        Ok(Self(servers))
    }

    /// The bound addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().flat_map(|server| server.addresses().iter().copied()).collect()
    }

    /// Stops listening; a scrape that is under way has until `deadline`.
    pub async fn shutdown(&self, deadline: Instant) {
        for server in &self.0 {
            server.shutdown(deadline).await;
        }
    }
}

/// Who listens, for the tasks of the server.
fn host(process: &Arc<sluice_component::host::Process>) -> Host {
    #[expect(clippy::expect_used, reason = "a constant that is a valid ID")]
    let id = "telemetry".parse().expect("a valid ID");
    Host::new(ComponentRef::new(Kind::Extension, id), process.clone())
}

async fn serve(listener: &Prometheus, host: Host, scrape: Scrape) -> Result<Server, String> {
    let ten_seconds = GoDuration::from_secs(10);
    let settings = ServerSettings {
        read_timeout: ten_seconds,
        read_header_timeout: ten_seconds,
        ..ServerSettings::at(&listener.address())
    };
    Server::start(&settings, "", &host, Arc::new(scrape)).await.map_err(|error| error.message)
}

/// Answers scrapes.
struct Scrape {
    registry: prometheus::Registry,
    ledger: Ledger,
    style: text::Style,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

#[async_trait]
impl Handler for Scrape {
    async fn handle(&self, request: Incoming) -> Response {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET\n".to_owned());
        }
        match request.path() {
            "/metrics" => {
                let accepted = request.headers.get_all(header::ACCEPT).iter();
                let open = accepted
                    .filter_map(|v| v.to_str().ok())
                    .any(|v| v.contains("application/openmetrics-text"));
                let format = if open { text::Format::OpenMetrics } else { text::Format::Prometheus };
                let text = text::encode(&self.registry.gather(), &self.style, format);
                answer(StatusCode::OK, format.content_type(), text)
            }
            "/ledger" => answer(StatusCode::OK, "application/json", ledger::to_json(&self.ledger)),
            _ => answer(StatusCode::NOT_FOUND, "text/plain", "there are /metrics and /ledger\n".to_owned()),
        }
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests;
