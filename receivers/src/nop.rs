//! Receives nothing: keeps a pipeline whole that has no source yet.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_component::{
    BuildCx, BuildError, Component, Outputs, Receiver, ReceiverFactory, Stability, async_trait,
};
use sluice_config::{Check, Checker};

/// `receivers: nop:` has no keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {}

impl Check for Settings {
    fn check(&self, _at: &mut Checker<'_>) {}
}

/// Makes `nop` receivers.
#[derive(Debug)]
pub struct Factory;

impl ReceiverFactory for Factory {
    const TYPE: &'static str = "nop";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(_: &Settings, _: BuildCx, _: Outputs) -> Result<Arc<dyn Receiver>, BuildError> {
        Ok(Arc::new(Nop))
    }
}

struct Nop;

#[async_trait]
impl Component for Nop {}

impl Receiver for Nop {}
