//! `owner`: writes onto every resource which team answers for it, unless it says so itself.
//!
//! ```yaml
//! processors:
//!   owner:
//!     team: payments
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_component::{
    BuildCx, BuildError, Consume, Context, Growth, Processor, ProcessorFactory, Refusal, Stability,
    Transform, Verdict,
};
use sluice_config::{Check, Checker};
use sluice_pdata::Pdata;

/// The section in the YAML. Unknown keys and wrong types are reported for us, with file, line and column.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Value of the resource attribute `team`.
    pub team: String,
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.team.is_empty() {
            at.key("team").must("name a team");
        }
    }
}

/// Makes `owner` processors.
#[derive(Debug)]
pub struct Factory;

impl ProcessorFactory for Factory {
    const TYPE: &'static str = "owner";
    const STABILITY: Stability = Stability::Development;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx, _next: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        Ok(Processor::Transform(Arc::new(Owner { team: settings.team.clone(), growth: Growth::of(&cx) })))
    }
}

struct Owner {
    team: String,
    growth: Growth,
}

impl Transform for Owner {
    fn apply(&self, _cx: &Context, data: &mut Pdata) -> Result<Verdict, Refusal> {
        // On the wire: only the resource messages are written anew, spans and records stay untouched.
        // What that adds is taken out of the memory budget, which may have no room for it.
        self.growth.edit(data, |data, room| {
            data.edit_resources(room, |resource| {
                resource.insert("team", self.team.as_str());
            })
        })?;
        Ok(Verdict::Forward)
    }
}
