//! The receiver: its jobs, and the end of them.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use sluice_component::{
    BuildCx, BuildError, Component, DrainError, Host, Outputs, Receiver, ReceiverFactory, Stability,
    StartError, async_trait,
};
use sluice_pdata::Signal;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

use super::{
    Config, ScrapeConfig, Settings, TargetAllocator, allocator::Allocator, discovery::Surroundings,
    pool::Plan, reach::Reach, scraper::Phase, settings::files, shared::Shared,
};

/// Makes `prometheus` receivers.
#[derive(Debug)]
pub struct Factory;

impl ReceiverFactory for Factory {
    const TYPE: &'static str = "prometheus";
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    type Settings = Settings;

    fn build(settings: &Settings, _: BuildCx, outputs: Outputs) -> Result<Arc<dyn Receiver>, BuildError> {
        Ok(Arc::new(Prometheus { settings: settings.clone(), outputs, running: Mutex::default() }))
    }
}

/// The receiver, as `build` makes it.
struct Prometheus {
    settings: Settings,
    outputs: Outputs,
    running: Mutex<Option<Running>>,
}

struct Running {
    phase: watch::Sender<Phase>,
    tasks: Vec<JoinHandle<()>>,
}

#[async_trait]
impl Component for Prometheus {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let Some(next) = self.outputs.get(Signal::Metrics) else { return Ok(()) };
        let error = |key: &str, text: String| StartError::new(host.component().clone(), key, text);
        let shared = Shared::new(next.clone(), host.clone(), self.settings.trim_metric_suffixes, seed());
        let shared = Arc::new(shared);
        let surroundings =
            Surroundings { user_agent: host.user_agent().to_owned(), budget: host.budget().clone() };
        let config = self.settings.config.clone().unwrap_or_default();
        let (phase, reader) = watch::channel(Phase::Run);
        let mut running = Running { phase, tasks: Vec::new() };
        let configs = all_jobs(&config).await.map_err(|text| error("config.scrape_config_files", text))?;
        for (index, config_of_job) in configs.iter().enumerate() {
            let plan = Plan::new(config_of_job, &config, &surroundings);
            let plan = plan.map_err(|text| error(&format!("config.scrape_configs[{index}]"), text))?;
            running.tasks.push(plan.spawn(&shared, reader.clone(), mpsc::channel(1).1));
        }
        if let Some(settings) = &self.settings.target_allocator {
            let reach =
                allocator_reach(settings, &surroundings).map_err(|text| error("target_allocator", text))?;
            let (settings, shared) = (settings.clone(), shared.clone());
            let allocator = Allocator { settings, config, shared, surroundings, reach };
            running.tasks.push(host.spawn("target allocator", allocator.run(reader)));
        }
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut running) = running else { return Ok(()) };
        running.phase.send_replace(Phase::Stop);
        for task in &mut running.tasks {
            if tokio::time::timeout_at(deadline, &mut *task).await.is_err() {
                tracing::warn!("scrapes were still in flight at the shutdown deadline and were cut");
                break;
            }
        }
        Ok(())
    }
}

impl Receiver for Prometheus {}

/// What is still there when the receiver goes is cut.
impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The jobs of the configuration and of the files that it names.
async fn all_jobs(config: &Config) -> Result<Vec<ScrapeConfig>, String> {
    let patterns: Vec<String> = config.scrape_config_files.iter().map(ToString::to_string).collect();
    let read = tokio::task::spawn_blocking(move || {
        patterns.iter().map(|pattern| files::scrape_configs(pattern)).collect::<Result<Vec<_>, _>>()
    });
    let from_files = read.await.map_err(|error| error.to_string())??;
    let mut jobs = config.scrape_configs.clone();
    jobs.extend(from_files.into_iter().flatten());
    config.problem_of(&jobs).map_or(Ok(jobs), Err)
}

fn allocator_reach(settings: &TargetAllocator, surroundings: &Surroundings) -> Result<Reach, String> {
    Reach::of_client(&settings.client, &surroundings.user_agent, &surroundings.budget)
}

/// Of this machine, where its name is known: the places of targets stay the same when the process starts again.
fn seed() -> u64 {
    let mut hasher = DefaultHasher::new();
    std::env::var("HOSTNAME").unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
