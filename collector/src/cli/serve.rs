//! `run`: from the configuration to the last log line.

use std::{process::ExitCode, time::Duration};

use sluice_component::{Budget, Registry, Telemetry, host::Process};
use sluice_config::{ByteSize, Problems, Reach};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{
    args::Common,
    container,
    failure::Failure,
    gates, readiness,
    signals::Signals,
    sources::{self, Sound},
};
use crate::{
    exposition::Exposition, logging::Logging, plan::Plan, runtime, service::Service,
    telemetry_settings::Resource,
};

/// How long a scrape that is under way may take at the end.
const LAST_SCRAPE: Duration = Duration::from_millis(500);

pub(super) fn run(common: &Common, gates: &[gates::Named], registry: &Registry) -> Result<ExitCode, Failure> {
    let logging = Logging::install();
    let done = sources::read(common, registry, Reach::Machine)
        .and_then(|sound| go(sound, &logging, gates, registry));
    logging.finish();
    done
}

fn go(
    sound: Sound,
    logging: &Logging,
    gates: &[gates::Named],
    registry: &Registry,
) -> Result<ExitCode, Failure> {
    let Sound { plan, warnings, found } = sound;
    let resource = plan.telemetry.resource.resolve(&uuid::Uuid::new_v4().to_string());
    let configured = logging.configure(&plan.telemetry.logs, &resource);
    configured.map_err(|error| Failure::new(format!("failed to create logger: {error}")))?;
    info!(
        Version = env!("CARGO_PKG_VERSION"),
        NumCPU = runtime::cpus(),
        configuration = found.join(", "),
        "Starting sluice..."
    );
    log_warnings(&warnings);
    container::warn_when_unreachable(&plan);
    for gate in gates {
        info!(gate = gate.id, enabled = gate.enabled, here = gate.here, "feature gate changes nothing");
    }
    let runtime =
        runtime::build().map_err(|error| Failure::new(format!("cannot start the runtime: {error}")))?;
    let code = runtime.block_on(Box::pin(live(plan, &resource, registry)));
    // What still blocks, such as a name that is being resolved, ends with the process.
    runtime.shutdown_background();
    code
}

fn log_warnings(warnings: &Problems) {
    for problem in warnings.in_order() {
        let place = problem.span.as_ref().map(ToString::to_string);
        warn!(place, problem = %problem, help = problem.help, "configuration may not do what was meant");
    }
}

/// Builds, starts, waits for a signal, and stops. A second signal ends it at once, with failure.
async fn live(plan: Plan, resource: &Resource, registry: &Registry) -> Result<ExitCode, Failure> {
    let mut signals =
        Signals::listen().map_err(|error| Failure::new(format!("cannot hear signals: {error}")))?;
    let budget =
        plan.settings.memory_budget.non_zero().map_or_else(runtime::default_budget, ByteSize::as_usize);
    let telemetry = plan.telemetry.clone();
    let process = Process::new(Budget::new(budget), Telemetry::new(telemetry.metrics.level));
    let _answering = readiness::serve(process.health.clone());
    let service = Service::build(plan, registry, process.clone()).map_err(Failure::unbuilt)?;
    let exposition = Exposition::start(&telemetry, resource, &process)
        .await
        .map_err(|error| Failure::new(format!("failed to start telemetry: {error}")))?;
    for address in exposition.addresses() {
        info!(%address, "serving own metrics");
    }
    let signal = tokio::select! {
        started = service.start() => match started {
            Ok(()) => signals.stop().await,
            Err(error) => {
                exposition.shutdown(Instant::now()).await;
                return Err(Failure::new(format!("cannot start pipelines: {}", with_causes(&error))));
            }
        },
        signal = signals.stop() => signal,
    };
    info!(signal, "Received signal from OS");
    tokio::select! {
        _drained = service.stop() => {}
        signal = signals.stop() => {
            let held_items: u64 = process.ledger.balances().iter().map(sluice_component::ledger::Balance::held).sum();
            error!(signal, held_items, "second signal, exiting at once");
            return Ok(ExitCode::FAILURE);
        }
    }
    exposition.shutdown(Instant::now() + LAST_SCRAPE).await;
    Ok(ExitCode::SUCCESS)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
