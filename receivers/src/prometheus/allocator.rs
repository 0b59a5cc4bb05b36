//! `target_allocator`: a server of the OpenTelemetry operator says which jobs there are, and which of their targets are
//! this collector's.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use sluice_component::quiet::Quiet;
use sluice_config::{Node, Print, Problems, Value, decode};
use sluice_net::http::{HeaderMap, Url};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::MissedTickBehavior,
};

use super::{
    discovery::Surroundings,
    pool::Plan,
    reach::Reach,
    scraper::Phase,
    settings::{Config, HttpClient, HttpDiscovery, ScrapeConfig, TargetAllocator},
    shared::Shared,
};

/// Asks the allocator, and keeps the jobs those that it names.
pub(super) struct Allocator {
    pub(super) settings: TargetAllocator,
    /// What `global` says holds for its jobs too.
    pub(super) config: Config,
    pub(super) shared: Arc<Shared>,
    pub(super) surroundings: Surroundings,
    pub(super) reach: Reach,
}

/// The jobs, by name, and those that are gone but still have ends of series to tell.
#[derive(Default)]
struct Jobs {
    running: HashMap<String, Running>,
    ending: Vec<Running>,
}

/// A job that runs.
struct Running {
    hash: u64,
    phase: watch::Sender<Phase>,
    changes: mpsc::Sender<Plan>,
    task: JoinHandle<()>,
}

impl Allocator {
    /// Runs until `stop` says that the process stops. Returns when no scrape is in flight.
    pub(super) async fn run(self, mut stop: watch::Receiver<Phase>) {
        let mut jobs = Jobs::default();
        let mut quiet = Quiet::default();
        let mut ticks = tokio::time::interval(self.settings.interval.get());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => match self.ask().await {
                    Ok(wanted) => self.sync(wanted, &mut jobs),
                    Err(error) => {
                        if let Some((times, _)) = quiet.note(0) {
                            let endpoint = &self.settings.client.endpoint;
                            tracing::error!(endpoint, times, error, "Failed to retrieve job list");
                        }
                    }
                },
                changed = stop.changed() => {
                    if changed.is_err() || *stop.borrow_and_update() == Phase::Stop {
                        break;
                    }
                }
            }
        }
        let all: Vec<Running> = jobs.running.into_values().chain(jobs.ending).collect();
        for job in &all {
            job.phase.send_replace(Phase::Stop);
        }
        for job in all {
            // A panic was told by the host.
            job.task.await.unwrap_or_default();
        }
    }

    /// The jobs by name, each with what tells whether it has changed; `None` for one that cannot be read.
    async fn ask(&self) -> Result<BTreeMap<String, Option<(ScrapeConfig, u64)>>, String> {
        let url = self.url("scrape_configs")?;
        let asked = self.reach.document(&url, HeaderMap::new());
        let document = tokio::time::timeout(self.settings.interval.get(), asked).await;
        let document = document.map_err(|_| format!("no answer within {}", self.settings.interval))??;
        let node = Node::from_yaml(url.as_str(), &document.text).map_err(|problems| problems.to_text())?;
        let mut jobs = BTreeMap::new();
        for entry in node.entries() {
            let mut hasher = DefaultHasher::new();
            entry.value.to_yaml(Print::default()).hash(&mut hasher);
            let mut problems = Problems::new();
            let config: Option<ScrapeConfig> =
                decode(&without_discovery(&entry.value), &format!("`{}`", entry.key), &mut problems);
            let config = match config {
                Some(config) => Some((self.own(&entry.key, config)?, hasher.finish())),
                None => {
                    let error = problems.to_text();
                    tracing::error!(job = &*entry.key, error, "the target allocator's job is none");
                    None
                }
            };
            jobs.insert(entry.key.to_string(), config);
        }
        Ok(jobs)
    }

    /// The job with its targets from the allocator.
    fn own(&self, name: &str, mut config: ScrapeConfig) -> Result<ScrapeConfig, String> {
        let mut url = self.url("jobs")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(name).push("targets");
        }
        url.query_pairs_mut().append_pair("collector_id", &self.settings.collector_id);
        config.http_sd_configs = vec![HttpDiscovery {
            url: url.into(),
            refresh_interval: self.settings.http_sd_config.refresh_interval,
            client: self.settings.http_sd_config.client.clone(),
        }];
        if let Some(client) = &self.settings.http_scrape_config {
            config.client = HttpClient::clone(client);
        }
        Ok(config)
    }

    fn url(&self, path: &str) -> Result<Url, String> {
        let endpoint = self.settings.client.endpoint.trim_end_matches('/');
        Url::parse(&format!("{endpoint}/{path}")).map_err(|error| error.to_string())
    }

    /// Makes the jobs those that are wanted. One that is of no use now runs on as it was.
    fn sync(&self, wanted: BTreeMap<String, Option<(ScrapeConfig, u64)>>, jobs: &mut Jobs) {
        jobs.ending.retain(|job| !job.task.is_finished());
        jobs.running.retain(|_, job| !job.task.is_finished());
        for (_, job) in jobs.running.extract_if(|name, _| !wanted.contains_key(name)) {
            job.phase.send_replace(Phase::Gone);
            jobs.ending.push(job);
        }
        for (name, job) in wanted {
            let Some((config, hash)) = job else { continue };
            let running = jobs.running.get_mut(&name);
            if running.as_ref().is_some_and(|job| job.hash == hash) {
                continue;
            }
            match (Plan::new(&config, &self.config, &self.surroundings), running) {
                (Err(error), _) => tracing::error!(job = name, error, "the target allocator's job is none"),
                // A job that has not followed the last change yet is told the next time.
                (Ok(plan), Some(job)) => {
                    if job.changes.try_send(plan).is_ok() {
                        tracing::info!(job = name, "Scrape job changed");
                        job.hash = hash;
                    }
                }
                (Ok(plan), None) => {
                    tracing::info!(job = name, "Scrape job added");
                    let (phase, stop) = watch::channel(Phase::Run);
                    let (changes, reader) = mpsc::channel(1);
                    let task = plan.spawn(&self.shared, stop, reader);
                    jobs.running.insert(name, Running { hash, phase, changes, task });
                }
            }
        }
    }
}

/// The allocator asks the sources itself, whatever they are.
fn without_discovery(node: &Node) -> Node {
    let own = |key: &str| key.ends_with("_sd_configs") || key == "static_configs";
    Node::new(Value::Map(node.entries().iter().filter(|entry| !own(&entry.key)).cloned().collect()))
}
