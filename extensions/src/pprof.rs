//! Accepts the section of Go's profiler. Nothing is served or saved yet, and nothing is bound.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_component::{BuildCx, BuildError, Component, Extension, ExtensionFactory, Stability, async_trait};
use sluice_config::{Check, Checker, GoDuration};

/// `extensions: pprof:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where profiles would be served.
    pub endpoint: String,
    /// How connections would be made.
    pub dialer: Dialer,
    /// Share of blocking events in Go's profile.
    pub block_profile_fraction: i64,
    /// Share of mutex contention in Go's profile.
    pub mutex_profile_fraction: i64,
    /// The file for a CPU profile from start to stop.
    pub save_to_file: String,
}

/// `dialer:`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dialer {
    /// For making a connection; 0 is no limit.
    pub timeout: GoDuration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: "localhost:1777".to_owned(),
            dialer: Dialer::default(),
            block_profile_fraction: 0,
            mutex_profile_fraction: 0,
            save_to_file: String::new(),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        at.warn("accepted, but profiles are not served yet");
    }
}

/// Makes `pprof` extensions.
#[derive(Debug)]
pub struct Factory;

impl ExtensionFactory for Factory {
    const TYPE: &'static str = "pprof";
    const STABILITY: Stability = Stability::Development;
    type Settings = Settings;

    fn build(_: &Settings, _: BuildCx) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(Pprof))
    }
}

struct Pprof;

#[async_trait]
impl Component for Pprof {}

impl Extension for Pprof {}
