//! Where the targets of a job come from: each source is a task that posts its groups to the job's [`Board`].
//!
//! - `file`, `http`, `dns`: the sources that change; what one of them cannot find out now stays as it was

mod dns;
mod file;
mod http;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sluice_component::{Budget, quiet::Quiet};
use sluice_config::{Node, Problems, decode};
use tokio::{sync::watch, time::MissedTickBehavior};

use super::{
    reach::Reach,
    settings::{ScrapeConfig, TargetGroup},
};

/// What all sources of a job found, each under its own number.
pub(super) type Found = BTreeMap<usize, Arc<Vec<TargetGroup>>>;

/// Where one source posts what it found.
#[derive(Debug, Clone)]
pub(super) struct Board {
    found: watch::Sender<Found>,
    source: usize,
}

/// A source that runs until it is dropped.
pub(super) type Source = futures_util::future::BoxFuture<'static, ()>;

/// What sources take from the process.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) user_agent: String,
    pub(super) budget: Budget,
}

impl Board {
    /// Replaces what this source found. Nobody is woken if it is the same.
    fn post(&self, groups: Vec<TargetGroup>) {
        self.found.send_if_modified(|found| {
            if found.get(&self.source).is_some_and(|before| **before == groups) {
                return false;
            }
            found.insert(self.source, Arc::new(groups));
            true
        });
    }
}

/// The sources of a job, and where they post. What stands in the configuration is there already.
///
/// # Errors
/// What keeps a source from its work, with its key.
pub(super) fn sources(
    config: &ScrapeConfig,
    surroundings: &Surroundings,
) -> Result<(Vec<Source>, watch::Receiver<Found>), String> {
    let (found, reader) = watch::channel(Found::new());
    let mut numbers = 0..;
    let mut board = || Board { found: found.clone(), source: numbers.next().unwrap_or_default() };
    board().post(config.static_configs.clone());
    let mut sources: Vec<Source> = Vec::new();
    for settings in &config.file_sd_configs {
        sources.push(Box::pin(file::run(settings.clone(), board())));
    }
    for settings in &config.http_sd_configs {
        let reach = Reach::new(&settings.client, &surroundings.user_agent, &surroundings.budget)
            .map_err(|error| format!("http_sd_configs: {error}"))?;
        sources.push(Box::pin(http::run(settings.clone(), reach, board())));
    }
    for settings in &config.dns_sd_configs {
        sources.push(Box::pin(dns::run(settings.clone(), board())));
    }
    Ok((sources, reader))
}

/// A clock that ticks at once and then every `interval`.
fn every(interval: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Tells that a source could not be asked, at most every 10 s.
fn failed(quiet: &mut Quiet, discovery: &'static str, source: &str, error: &str) {
    if let Some((times, _)) = quiet.note(0) {
        tracing::warn!(discovery, source, times, error, "cannot refresh targets, the last ones stay");
    }
}

/// The target groups that a file or a server lists. `name` is what problems call the text.
fn groups(name: &str, text: &str, is_json: bool) -> Result<Vec<TargetGroup>, String> {
    let node = if is_json {
        serde_json::from_str(text).map_err(|error| format!("{name} is no JSON: {error}"))?
    } else {
        Node::from_yaml(name, text).map_err(|problems| problems.to_text())?
    };
    let mut problems = Problems::new();
    let groups: Option<Vec<TargetGroup>> = decode(&node, "", &mut problems);
    groups.ok_or_else(|| problems.to_text())
}
