//! The targets of one job: starts the loops of those that are found, ends those of the ones that are gone.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use futures_util::future::join_all;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    discovery::{self, Found, Source, Surroundings},
    job::Job,
    reach::Reach,
    scraper::{Assignment, Orders, Phase, Scraper},
    settings::{Config, ScrapeConfig},
    shared::Shared,
    target::{self, Target},
};

/// A job that can begin.
pub(super) struct Plan {
    job: Job,
    reach: Reach,
    sources: Vec<Source>,
    found: watch::Receiver<Found>,
}

impl Plan {
    /// # Errors
    /// What keeps the job from its work, with its key.
    pub(super) fn new(
        config: &ScrapeConfig,
        all: &Config,
        surroundings: &Surroundings,
    ) -> Result<Self, String> {
        let job = Job::new(config, &all.global, all.pace())?;
        let reach = Reach::new(&config.client, &surroundings.user_agent, &surroundings.budget)?;
        let (sources, found) = discovery::sources(config, surroundings)?;
        Ok(Self { job, reach, sources, found })
    }

    /// Begins, until `stop` says that the process stops or that the job is gone. `changes` are plans for the same job
    /// that take this one's place: series which they have as well go on.
    pub(super) fn spawn(
        self,
        shared: &Arc<Shared>,
        stop: watch::Receiver<Phase>,
        changes: mpsc::Receiver<Self>,
    ) -> JoinHandle<()> {
        let Self { job, reach, sources, found } = self;
        let (forbidden, _) = watch::channel(None);
        let pool =
            Pool { shared: shared.clone(), job: Arc::new(job), reach, loops: HashMap::new(), forbidden };
        shared.host.spawn("job", pool.run(sources, found, stop, changes))
    }
}

/// A job and the loops of its targets.
struct Pool {
    shared: Arc<Shared>,
    job: Arc<Job>,
    reach: Reach,
    loops: HashMap<u64, Loop>,
    forbidden: watch::Sender<Option<String>>,
}

struct Loop {
    orders: watch::Sender<Orders>,
    task: JoinHandle<()>,
}

impl Loop {
    fn order(&self, phase: Phase) {
        self.orders.send_if_modified(|orders| std::mem::replace(&mut orders.phase, phase) != phase);
    }
}

impl Pool {
    /// Scrapes what is found. Returns when no scrape is in flight.
    async fn run(
        mut self,
        sources: Vec<Source>,
        mut found: watch::Receiver<Found>,
        mut stop: watch::Receiver<Phase>,
        mut changes: mpsc::Receiver<Plan>,
    ) {
        let mut discovery = join_all(sources);
        let mut discovers = true;
        // Sources that have to be heard before what is found counts: a changed job keeps its targets until then.
        let mut awaited = 0;
        self.sync(&found.borrow_and_update().clone());
        let mut phase = loop {
            tokio::select! {
                changed = found.changed(), if discovers => match changed {
                    Ok(()) => {
                        let found = found.borrow_and_update().clone();
                        if found.len() >= awaited {
                            self.sync(&found);
                        }
                    }
                    // There is nobody who could find more.
                    Err(_) => discovers = false,
                },
                _ = &mut discovery, if discovers => {
                    discovers = false;
                    self.sync(&found.borrow_and_update().clone());
                }
                Some(plan) = changes.recv() => {
                    (self.job, self.reach) = (Arc::new(plan.job), plan.reach);
                    awaited = plan.sources.len() + 1;
                    (discovery, found, discovers) = (join_all(plan.sources), plan.found, true);
                }
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
        self.loops.values().for_each(|running| running.order(phase));
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
        let wanted = self.wanted(found);
        self.limit(wanted.len());
        self.loops.retain(|_, running| !running.task.is_finished());
        self.take_over(&wanted);
        for (_, running) in self.loops.iter().filter(|(id, _)| !wanted.contains_key(id)) {
            running.order(Phase::Gone);
        }
        for (id, target) in wanted {
            match self.loops.entry(id) {
                Entry::Occupied(running) => {
                    let (job, reach) = (&self.job, &self.reach);
                    running.get().orders.send_if_modified(|orders| {
                        let is_new = !orders.assignment.is(job, &target);
                        if is_new {
                            orders.assignment = Assignment {
                                job: job.clone(),
                                target: Arc::new(target),
                                reach: reach.clone(),
                            };
                        }
                        std::mem::replace(&mut orders.phase, Phase::Run) != Phase::Run || is_new
                    });
                }
                Entry::Vacant(vacant) => {
                    let (job, reach) = (self.job.clone(), self.reach.clone());
                    let assignment = Assignment { job, target: Arc::new(target), reach };
                    let scraper =
                        Scraper::new(self.shared.clone(), assignment.clone(), self.forbidden.subscribe());
                    let (orders, reader) = watch::channel(Orders { phase: Phase::Run, assignment });
                    let task = self.shared.host.spawn("scrape", scraper.run(reader));
                    vacant.insert(Loop { orders, task });
                }
            }
        }
    }

    fn wanted(&self, found: &Found) -> HashMap<u64, Target> {
        let mut wanted = HashMap::new();
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
        wanted
    }

    /// Gives loops whose targets are gone to new targets with the same series, such as one with another path or
    /// interval: the series go on.
    fn take_over(&mut self, wanted: &HashMap<u64, Target>) {
        let gone = self.loops.iter().filter(|(id, _)| !wanted.contains_key(id));
        let gone = gone.map(|(id, running)| (*id, running.orders.borrow().assignment.target.clone()));
        let new = wanted.values().filter(|target| !self.loops.contains_key(&target.id));
        for (before, now) in heirs(gone.collect(), new.collect()) {
            if let Some(running) = self.loops.remove(&before) {
                self.loops.insert(now, running);
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

/// The targets that go on with the series of others, `(before, now)`: of several, those with one path and query first.
fn heirs(gone: Vec<(u64, Arc<Target>)>, mut new: Vec<&Target>) -> Vec<(u64, u64)> {
    let mut by_series: HashMap<u64, Vec<(u64, Arc<Target>)>> = HashMap::new();
    for (id, target) in gone {
        by_series.entry(target.series_id).or_default().push((id, target));
    }
    let mut heirs = Vec::new();
    for same_path in [true, false] {
        new.retain(|now| {
            let Some(gone) = by_series.get_mut(&now.series_id) else { return false };
            let path =
                |target: &Target| (target.url.path().to_owned(), target.url.query().map(str::to_owned));
            let found = gone.iter().position(|(_, before)| !same_path || path(before) == path(now));
            heirs.extend(found.map(|at| (gone.swap_remove(at).0, now.id)));
            found.is_none()
        });
    }
    heirs
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: u64, series_id: u64, path: &str) -> Target {
        Target {
            labels: Default::default(),
            url: format!("http://127.0.0.1:1/{path}").parse().unwrap(),
            interval: Default::default(),
            timeout: Default::default(),
            id,
            series_id,
            resource: Vec::new(),
        }
    }

    #[test]
    fn all_targets_of_the_same_series_have_heirs_and_those_of_their_path_first() {
        let gone = [(1, 7, "a"), (2, 7, "b"), (3, 7, "c"), (4, 8, "a")];
        let gone: Vec<_> =
            gone.iter().map(|(id, series, path)| (*id, Arc::new(target(*id, *series, path)))).collect();
        let new = [(10, 7, "x"), (11, 7, "c"), (12, 7, "a"), (13, 9, "a"), (14, 7, "y")];
        let new: Vec<_> = new.iter().map(|(id, series, path)| target(*id, *series, path)).collect();
        let mut heirs = heirs(gone, new.iter().collect());
        heirs.sort_unstable();
        assert_eq!(heirs, [(1, 12), (2, 10), (3, 11)]);
    }
}
