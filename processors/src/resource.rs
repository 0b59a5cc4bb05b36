//! Edits the attributes of resources, on the wire: records are not looked at.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_component::{
    BuildCx, BuildError, Consume, Context, Growth, Processor, ProcessorFactory, Refusal, Stability,
    Transform, Verdict,
};
use sluice_config::{Check, Checker};
use sluice_pdata::Pdata;

use crate::actions::{self, Actions};
pub use crate::actions::{Action, ActionKind, ConvertedType};

/// `processors: resource:`, with otelcol's keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What is done to the attributes of each resource, in order. At least one action.
    pub attributes: Vec<Action>,
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        actions::check(&self.attributes, "attributes", at);
    }
}

/// Makes `resource` processors.
#[derive(Debug)]
pub struct Factory;

impl ProcessorFactory for Factory {
    const TYPE: &'static str = "resource";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx, _: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        let actions = actions::compile(&settings.attributes, "attributes", &cx)?;
        Ok(Processor::Transform(Arc::new(Resource { actions, growth: Growth::of(&cx) })))
    }
}

struct Resource {
    actions: Actions,
    growth: Growth,
}

impl Transform for Resource {
    fn apply(&self, cx: &Context, data: &mut Pdata) -> Result<Verdict, Refusal> {
        let mut run = self.actions.run(cx.request());
        self.growth.edit(data, |data, room| data.edit_resources(room, |attributes| run.apply(attributes)))?;
        Ok(Verdict::Forward)
    }
}
