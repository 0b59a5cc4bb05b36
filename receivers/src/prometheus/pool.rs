//! The targets of one job: starts the loops of those that are found, ends those of the ones that are gone.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use tokio::{sync::watch, task::JoinHandle};

use super::{
    discovery::{Found, Source},
    job::Job,
    reach::Reach,
    scraper::{Phase, Scraper},
    shared::Shared,
    target::{self, Target},
};

/// A job with the way to its targets.
pub(super) struct Pool {
    shared: Arc<Shared>,
    job: Arc<Job>,
    reach: Reach,
    loops: HashMap<u64, Loop>,
    forbidden: watch::Sender<Option<String>>,
}

struct Loop {
    phase: watch::Sender<Phase>,
    task: JoinHandle<()>,
}

impl Pool {
    pub(super) fn new(shared: Arc<Shared>, job: Job, reach: Reach) -> Self {
        let (forbidden, _) = watch::channel(None);
        Self { shared, job: Arc::new(job), reach, loops: HashMap::new(), forbidden }
    }

    /// Scrapes what is found until `stop` says that the process stops, or that the job is gone. Returns when no scrape
    /// is in flight.
    pub(super) async fn run(
        mut self,
        sources: Vec<Source>,
        mut found: watch::Receiver<Found>,
        mut stop: watch::Receiver<Phase>,
    ) {
        let discovery = futures_util::future::join_all(sources);
        let mut discovery = std::pin::pin!(discovery);
        let mut discovers = true;
        self.sync(&found.borrow_and_update().clone());
        let mut phase = loop {
            tokio::select! {
                changed = found.changed(), if discovers => match changed {
                    Ok(()) => {
                        let found = found.borrow_and_update().clone();
                        self.sync(&found);
                    }
                    // There is nobody who could find more.
                    Err(_) => discovers = false,
                },
                _ = &mut discovery, if discovers => discovers = false,
                changed = stop.changed() => match changed.map(|()| *stop.borrow_and_update()) {
                    Ok(Phase::Run) => {}
                    Ok(phase) => break phase,
                    Err(_) => break Phase::Stop,
                },
            }
        };
        self.order(phase);
        loop {
            tokio::select! {
                () = self.ended() => return,
                // A job that is gone waits for its targets' ends, unless the process stops meanwhile.
                changed = stop.changed(), if phase == Phase::Gone => {
                    if changed.is_err() || *stop.borrow_and_update() == Phase::Stop {
                        phase = Phase::Stop;
                        self.order(phase);
                    }
                }
            }
        }
    }

    fn order(&self, phase: Phase) {
        for running in self.loops.values() {
            running.phase.send_if_modified(|before| std::mem::replace(before, phase) != phase);
        }
    }

    /// Waits for all loops to end.
    async fn ended(&mut self) {
        while let Some(id) = self.loops.keys().next().copied() {
            if let Some(running) = self.loops.get_mut(&id) {
                // A panic was told by the host.
                (&mut running.task).await.unwrap_or_default();
            }
            self.loops.remove(&id);
        }
    }

    /// Makes the loops those of what is found.
    fn sync(&mut self, found: &Found) {
        let mut wanted: HashMap<u64, Target> = HashMap::new();
        for group in found.values().flat_map(|groups| groups.iter()) {
            for target in target::targets(&self.job, group) {
                match target {
                    Ok(target) => drop(wanted.insert(target.id, target)),
                    Err(error) => {
                        tracing::error!(job = self.job.name, error, "what was discovered is no target");
                    }
                }
            }
        }
        self.limit(wanted.len());
        self.loops.retain(|id, running| {
            if !wanted.contains_key(id) {
                running.phase.send_if_modified(|phase| std::mem::replace(phase, Phase::Gone) != Phase::Gone);
            }
            !running.task.is_finished()
        });
        for (id, target) in wanted {
            match self.loops.entry(id) {
                Entry::Occupied(running) => {
                    let phase = &running.get().phase;
                    phase.send_if_modified(|phase| std::mem::replace(phase, Phase::Run) != Phase::Run);
                }
                Entry::Vacant(vacant) => {
                    let (phase, reader) = watch::channel(Phase::Run);
                    let (shared, job, reach) = (self.shared.clone(), self.job.clone(), self.reach.clone());
                    let scraper =
                        Scraper::new(shared, job, Arc::new(target), reach, self.forbidden.subscribe());
                    let task = self.shared.host.spawn("scrape", scraper.run(reader));
                    vacant.insert(Loop { phase, task });
                }
            }
        }
    }

    /// More targets than the limit fail all of them.
    fn limit(&self, targets: usize) {
        let limit = self.job.limits.targets;
        let over = limit > 0 && targets as u64 > limit;
        let error =
            over.then(|| format!("target_limit exceeded (number of targets: {targets}, limit: {limit})"));
        self.forbidden.send_if_modified(|before| std::mem::replace(before, error.clone()) != error);
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.task.abort();
    }
}
