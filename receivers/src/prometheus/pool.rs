//! The targets of one job: starts the loops of those that are found, ends those of the ones that are gone.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use sluice_component::{Budget, Consume, Host, Permit, Reason, quiet::Quiet};
use sluice_formats::prometheus::to_otlp::RejectedSamples;
use sluice_pdata::{Limits, Pdata, Signal};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    discovery::{Found, Source},
    job::Job,
    reach::Reach,
    scrape::Counts,
    scraper::{Phase, Scraper},
    target::{self, Target},
};

/// What all loops of a receiver share.
pub(super) struct Shared {
    pub(super) next: Arc<dyn Consume>,
    pub(super) host: Host,
    /// What one scrape may become.
    pub(super) limits: Limits,
    pub(super) trim_metric_suffixes: bool,
    /// Moves all targets within their intervals, so that two collectors do not scrape at the same moments.
    pub(super) seed: u64,
    /// Bytes of an answer where the configuration has no limit.
    pub(super) largest_body: usize,
    rejections: Mutex<Quiet>,
}

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

impl Shared {
    pub(super) fn new(next: Arc<dyn Consume>, host: Host, trim_metric_suffixes: bool, seed: u64) -> Self {
        let mut limits = Limits::default();
        limits.max_decoded_bytes = limits.max_decoded_bytes.min(host.budget().limit());
        // One target may not take the memory of all others.
        let largest_body = host.budget().limit() / 4;
        Self { next, host, limits, trim_metric_suffixes, seed, largest_body, rejections: Mutex::default() }
    }

    pub(super) fn budget(&self) -> &Budget {
        self.host.budget()
    }

    /// The data of a request, which holds its bytes in the budget. `permit` comes as that of the answer.
    pub(super) fn admit(&self, wire: Bytes, permit: Option<Permit>) -> Result<Pdata, String> {
        let mut permit = match permit {
            Some(permit) => permit,
            None => self.budget().reserve(0).map_err(|error| error.to_string())?,
        };
        let more = wire.len().saturating_sub(permit.bytes());
        permit.grow(more).map_err(|error| format!("refused for lack of memory: {error}"))?;
        permit.shrink_to(wire.len());
        let admitted = Pdata::from_wire(Signal::Metrics, wire, &self.limits);
        let (mut data, _) = admitted.map_err(|error| error.to_string())?;
        data.hold(Arc::new(permit));
        Ok(data)
    }

    /// Counts what a refusal cost.
    pub(super) fn count_lost(&self, reason: Reason, points: usize) {
        self.host.rejected_at_the_door(Signal::Metrics, reason.as_str(), points);
    }

    /// Counts samples of a good scrape that were not handed on, and tells of them now and then.
    pub(super) fn count_rejected(&self, target: &Target, counts: &Counts, rejected: &RejectedSamples) {
        let mut all = 0;
        let untranslatable = ("unconvertible", rejected.samples() as u64);
        for (reason, samples) in counts.dropped().chain([untranslatable]).filter(|(_, samples)| *samples > 0)
        {
            let samples = usize::try_from(samples).unwrap_or(usize::MAX);
            self.host.rejected_at_the_door(Signal::Metrics, reason, samples);
            all += samples;
        }
        if all == 0 {
            return;
        }
        let mut quiet = self.rejections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((scrapes, samples)) = quiet.note(all) {
            let component = self.host.component();
            let first = rejected.iter().next().map(|(metric, reason, _)| format!("{metric}: {reason}"));
            tracing::warn!(
                %component,
                target = target.url.as_str(),
                scrapes,
                samples,
                duplicates = counts.duplicates,
                out_of_order = counts.out_of_order,
                too_new = counts.too_new,
                first,
                "failed to add datapoint"
            );
        }
    }
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
            running.phase.send_replace(phase);
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
