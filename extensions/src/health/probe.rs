//! The HTTP answers of `health_check`, which `healthcheckv2` gives without `use_v2` as well.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluice_component::{Host, async_trait};
use sluice_config::{Check, Checker, GoDuration, Section};
use sluice_net::http::{Handler, HeaderValue, Incoming, Response, ServerSettings, StatusCode, header};

use super::status::{Counted, Scope, Status, time};

/// The YAML of `health_check`, with otelcol's keys and defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeSettings {
    /// The keys of every HTTP server; `localhost:13133` by default.
    #[serde(rename = "..server")]
    pub server: ServerSettings,
    /// The path that answers.
    pub path: String,
    /// Fixed bodies in place of JSON.
    pub response_body: Section<ResponseBody>,
    /// Accepted, without effect, as in otelcol.
    pub check_collector_pipeline: Section<CheckCollectorPipeline>,
}

/// `response_body`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResponseBody {
    /// While the collector takes data.
    pub healthy: String,
    /// While it does not.
    pub unhealthy: String,
}

impl Check for ResponseBody {}

/// `check_collector_pipeline`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckCollectorPipeline {
    enabled: bool,
    interval: String,
    exporter_failure_threshold: u32,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self {
            server: ServerSettings::at("localhost:13133"),
            path: "/".to_owned(),
            response_body: Section::off(),
            check_collector_pipeline: Section::off(),
        }
    }
}

impl Check for ProbeSettings {
    fn check(&self, at: &mut Checker<'_>) {
        self.server.check(at);
        if !self.path.starts_with('/') {
            at.key("path").error("path must start with /");
        }
        if self.check_collector_pipeline.is_on() {
            at.key("check_collector_pipeline").warn("has no effect, as in otelcol; use healthcheckv2");
        }
    }
}

/// Answers whether the collector takes data.
pub(crate) struct Probe {
    path: String,
    bodies: Option<ResponseBody>,
    host: Host,
    /// What the last answer said, so that a change can be logged.
    was_ready: AtomicBool,
}

impl Probe {
    pub(crate) fn new(settings: &ProbeSettings, host: Host) -> Self {
        let bodies = settings.response_body.as_option().cloned();
        Self { path: settings.path.clone(), bodies, host, was_ready: AtomicBool::new(false) }
    }

    fn ready(&self) -> Option<SystemTime> {
        let since = self.host.health().ready_since();
        if self.was_ready.swap(since.is_some(), Ordering::Relaxed) != since.is_some() {
            let status = if since.is_some() { "ready" } else { "unavailable" };
            tracing::info!(component = %self.host.component(), status, "Health Check state change");
        }
        since
    }

    fn answer(&self) -> Response {
        let since = self.ready();
        let body = match (&self.bodies, since) {
            (Some(bodies), Some(_)) => bodies.healthy.clone().into(),
            (Some(bodies), None) => bodies.unhealthy.clone().into(),
            (None, Some(since)) => {
                let uptime = GoDuration::new(since.elapsed().unwrap_or_default()).to_string();
                body("Server available", &time(since), &uptime)
            }
            (None, None) => body("Server not available", "0001-01-01T00:00:00Z", ""),
        };
        json(if since.is_some() { 200 } else { 503 }, body)
    }

    fn components(&self) -> Response {
        let (health, stopping) = (self.host.health(), self.host.stopping().is_cancelled());
        let status = Status::read(health, stopping, Scope::Whole, Counted::default(), true);
        status.map_or_else(not_found, |status| {
            json(status.http, serde_json::to_vec(&status).unwrap_or_default().into())
        })
    }
}

#[async_trait]
impl Handler for Probe {
    async fn handle(&self, request: Incoming) -> Response {
        match request.path() {
            path if path == self.path => self.answer(),
            "/readyz" => self.answer(),
            "/status" => self.components(),
            _ => not_found(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    status: &'a str,
    up_since: &'a str,
    uptime: &'a str,
}

fn body(status: &str, up_since: &str, uptime: &str) -> Bytes {
    serde_json::to_vec(&Body { status, up_since, uptime }).unwrap_or_default().into()
}

pub(crate) fn json(status: u16, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn not_found() -> Response {
    let mut response = Response::new("404 page not found".into());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
