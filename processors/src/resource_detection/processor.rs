//! Puts what was detected on resources.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_component::{
    BuildCx, BuildError, Component, Consume, Context, Growth, Host, Processor, ProcessorFactory, Refusal,
    Stability, Stage, StartError,
};
use sluice_pdata::Pdata;

use super::{Settings, detected::Detected, machine::Machine};

/// Makes `resource_detection` processors.
#[derive(Debug)]
pub struct Factory;

impl ProcessorFactory for Factory {
    const TYPE: &'static str = "resource_detection";
    const ALIASES: &'static [&'static str] = &["resourcedetection"];
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx, next: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        let make = || Detected::new(settings.clone(), Machine::this());
        let detected = cx.shared.get_or_make(&cx.component, make);
        let (overrides, growth) = (settings.overrides, Growth::of(&cx));
        Ok(Processor::Stage(Arc::new(ResourceDetection { detected, overrides, growth, next })))
    }
}

/// In one pipeline. A stage and no transform, since it has to start.
pub(super) struct ResourceDetection {
    pub(super) detected: Arc<Detected>,
    pub(super) overrides: bool,
    pub(super) growth: Growth,
    pub(super) next: Arc<dyn Consume>,
}

#[async_trait]
impl Component for ResourceDetection {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        self.detected.start(host).await
    }
}

#[async_trait]
impl Consume for ResourceDetection {
    async fn consume(&self, cx: Context, mut data: Pdata) -> Result<(), Refusal> {
        let found = self.detected.found();
        if !found.is_empty() {
            self.growth.edit(&mut data, |data, room| {
                data.edit_resources(room, |attributes| {
                    for (key, attribute) in found.iter() {
                        let place = attributes.find(key);
                        if place.is_none() || self.overrides {
                            attributes.put(attribute, place);
                        }
                    }
                })
            })?;
        }
        self.next.consume(cx, data).await
    }
}

impl Stage for ResourceDetection {}
