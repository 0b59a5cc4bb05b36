//! `validate`: reads, checks and builds what `run` would, and starts nothing.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde_json::{Value, json};
use sluice_component::{Budget, Registry, Telemetry, Tier, host::Process};
use sluice_config::{Problems, Reach};

use super::{
    args::{Common, Validate, ValidateFormat},
    failure::Failure,
    print, sources,
};
use crate::{plan::Pipeline, runtime, service::Service};

pub(super) fn run(common: &Common, options: &Validate, registry: &Registry) -> Result<ExitCode, Failure> {
    let checked = check(common, registry);
    if options.format == ValidateFormat::Json {
        let code = if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        return print(&json_of(&checked)).map(|()| code);
    }
    let (pipelines, warnings) = checked?;
    let _lost = io::stderr().lock().write_all(warnings.to_text().as_bytes());
    if !options.quiet {
        let lines: String = pipelines.iter().map(line).collect();
        print(&lines)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The pipelines of a configuration that `run` would start, and what may not do what was meant.
fn check(common: &Common, registry: &Registry) -> Result<(Vec<Pipeline>, Problems), Failure> {
    let sound = sources::read(common, registry, Reach::Machine)?;
    let pipelines = sound.plan.pipelines.clone();
    let telemetry = Telemetry::new(sound.plan.telemetry.metrics.level);
    let process = Process::new(Budget::new(runtime::default_budget()), telemetry);
    Service::build(sound.plan, registry, process).map_err(Failure::unbuilt)?;
    Ok((pipelines, sound.warnings))
}

fn line(pipeline: &Pipeline) -> String {
    let means = match pipeline.tier {
        Tier::Memory => "an OK means that the items are in a bounded memory queue",
        Tier::EndToEnd => "an OK means that every exporter that can refuse has acknowledged the items",
    };
    format!("{}: {}, {means}\n", pipeline.id, pipeline.tier.as_str())
}

/// `{"valid", "pipelines": [{"id", "tier"}], "problems": [..]}`, and `error` when something failed.
fn json_of(checked: &Result<(Vec<Pipeline>, Problems), Failure>) -> String {
    let list = |problems: &Problems| serde_json::from_str::<Value>(&problems.to_json()).unwrap_or_default();
    let object = match checked {
        Ok((pipelines, warnings)) => {
            let tier = |p: &Pipeline| json!({"id": p.id.to_string(), "tier": p.tier.as_str()});
            let tiers: Vec<_> = pipelines.iter().map(tier).collect();
            json!({"valid": true, "pipelines": tiers, "problems": list(warnings)})
        }
        Err(failure) => {
            let problems = list(failure.problems());
            json!({"valid": false, "error": failure.message(), "pipelines": [], "problems": problems})
        }
    };
    format!("{object:#}\n")
}
