//! Accepts the section of otelcol's debugging pages. Nothing is served yet, and nothing is bound.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_component::{BuildCx, BuildError, Component, Extension, ExtensionFactory, Stability, async_trait};
use sluice_config::{Check, Checker};
use sluice_net::http::ServerSettings;

/// `extensions: zpages:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The keys of every HTTP server; `localhost:55679` by default.
    #[serde(rename = "..server")]
    pub server: ServerSettings,
    /// The page of Go's variables.
    pub expvar: Expvar,
}

/// `expvar:`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expvar {
    /// Whether the page is served.
    pub enabled: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { server: ServerSettings::at("localhost:55679"), expvar: Expvar::default() }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.server.endpoint.is_empty() {
            at.key("endpoint").error("\"endpoint\" is required when using the \"zpages\" extension");
        } else {
            self.server.check(at);
        }
        at.warn("accepted, but its pages are not served yet");
    }
}

/// Makes `zpages` extensions.
#[derive(Debug)]
pub struct Factory;

impl ExtensionFactory for Factory {
    const TYPE: &'static str = "zpages";
    const STABILITY: Stability = Stability::Development;
    type Settings = Settings;

    fn build(_: &Settings, _: BuildCx) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(Zpages))
    }
}

struct Zpages;

#[async_trait]
impl Component for Zpages {}

impl Extension for Zpages {}
