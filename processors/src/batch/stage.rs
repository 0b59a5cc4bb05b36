//! The processor: finds the lane of a request and keeps the whole within its bound.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use sluice_component::{
    Budget, BuildCx, BuildError, Component, Consume, Context, DrainError, Host, Processor, ProcessorFactory,
    Reason, Refusal, Stability, Stage, StartError, async_trait,
};
use sluice_pdata::Pdata;
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use super::{
    Settings,
    buffer::Rules,
    lane::{Common, Lane},
};

/// The most bytes that one `batch` holds in one pipeline, where the memory budget allows it.
const MOST_BYTES: usize = 64 << 20;
/// And the part of the memory budget that it may hold: one in so many.
const BUDGET_PART: usize = 4;

/// Makes `batch` processors.
#[derive(Debug)]
pub struct Factory;

impl ProcessorFactory for Factory {
    const TYPE: &'static str = "batch";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx, next: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        Ok(Processor::Stage(Arc::new(Batch::new(settings, cx, next)?)))
    }
}

struct Batch {
    common: Arc<Common>,
    /// Lower case.
    keys: Vec<String>,
    most_lanes: usize,
    running: RwLock<Option<Arc<Running>>>,
}

/// From start to shutdown.
struct Running {
    host: Host,
    room: Budget,
    stop: watch::Sender<Option<Instant>>,
    /// The only lane when there are no metadata keys.
    single: Option<Arc<Lane>>,
    lanes: Arc<Mutex<Lanes>>,
}

#[derive(Default)]
struct Lanes {
    by_metadata: HashMap<Metadata, (Arc<Lane>, JoinHandle<()>)>,
    closed: bool,
}

/// The values of the metadata keys; empty for the only lane when there are none.
type Metadata = Vec<Vec<String>>;

impl Lanes {
    /// Forgets a lane that has nothing to do. Returns whether it did.
    fn retire(&mut self, metadata: &Metadata) -> bool {
        // Requests get hold of a lane only under the lock of `self`: the two are ours and its task's.
        let is_idle = self
            .by_metadata
            .get(metadata)
            .is_some_and(|(lane, _)| Arc::strong_count(lane) <= 2 && lane.close_if_empty());
        is_idle && self.by_metadata.remove(metadata).is_some()
    }
}

impl Batch {
    fn new(settings: &Settings, cx: BuildCx, next: Arc<dyn Consume>) -> Result<Self, BuildError> {
        let (Some(signal), Some(account)) = (cx.signal, cx.account.clone()) else {
            return Err(cx.error("", "a processor belongs to one pipeline"));
        };
        let max = usize::try_from(settings.send_batch_max_size).ok().filter(|&max| max > 0);
        let size = usize::try_from(settings.send_batch_size).unwrap_or(usize::MAX);
        let rules =
            Rules { timeout: settings.timeout.non_zero().filter(|_| size > 0), size: size.max(1), max };
        let metrics = cx.telemetry.batch(&cx.component);
        let common = Common {
            component: cx.component,
            signal,
            tier: cx.tier,
            account,
            rules,
            next,
            metrics,
            lost: AtomicUsize::new(0),
        };
        let most_lanes = usize::try_from(settings.metadata_cardinality_limit).unwrap_or(usize::MAX);
        Ok(Self {
            common: Arc::new(common),
            keys: settings.metadata_keys.iter().map(|key| key.to_lowercase()).collect(),
            most_lanes: if most_lanes == 0 { usize::MAX } else { most_lanes },
            running: RwLock::default(),
        })
    }

    fn running(&self) -> Option<Arc<Running>> {
        self.running.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lane of a request, opened for the first of its kind.
    fn lane(&self, running: &Running, cx: &Context, items: usize) -> Result<Arc<Lane>, Refusal> {
        if let Some(single) = &running.single {
            return Ok(single.clone());
        }
        let metadata = cx.request().partition(&self.keys);
        let mut lanes = running.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((lane, _)) = lanes.by_metadata.get(&metadata) {
            return Ok(lane.clone());
        }
        let common = &self.common;
        if lanes.closed {
            return Err(common.refusal(items, Reason::Stopping));
        }
        if lanes.by_metadata.len() >= self.most_lanes {
            let refusal = Refusal::permanent(common.component.clone(), common.signal, items, Reason::Invalid);
            return Err(refusal.because("too many batcher metadata-value combinations"));
        }
        Ok(self.open(running, &mut lanes, metadata, cx.detached(&self.keys)))
    }

    fn open(&self, running: &Running, lanes: &mut Lanes, metadata: Metadata, context: Context) -> Arc<Lane> {
        let lane = Lane::new(self.common.clone(), context, running.room.clone());
        let (shared, common, key) = (running.lanes.clone(), self.common.clone(), metadata.clone());
        let retire = move || {
            let retired =
                !key.is_empty() && shared.lock().unwrap_or_else(PoisonError::into_inner).retire(&key);
            if retired {
                common.metrics.metadata_cardinality.dec();
            }
            retired
        };
        let task = running.host.spawn("send", lane.clone().run(running.stop.subscribe(), retire));
        lanes.by_metadata.insert(metadata, (lane.clone(), task));
        self.common.metrics.metadata_cardinality.inc();
        lane
    }
}

#[async_trait]
impl Consume for Batch {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        // Resources without items are not worth a batch.
        if data.is_empty() {
            return Ok(());
        }
        let items = data.items();
        let running = self.running().ok_or_else(|| self.common.refusal(items, Reason::Stopping))?;
        match self.lane(&running, &cx, items)?.put(&cx, data)? {
            None => Ok(()),
            Some(waiting) => waiting.verdict().await,
        }
    }
}

#[async_trait]
impl Component for Batch {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let room = Budget::new((host.budget().limit() / BUDGET_PART).min(MOST_BYTES));
        let mut running = Running {
            host: host.clone(),
            room,
            stop: watch::Sender::new(None),
            single: None,
            lanes: Arc::default(),
        };
        if self.keys.is_empty() {
            let lanes = running.lanes.clone();
            let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
            running.single = Some(self.open(&running, &mut lanes, Vec::new(), Context::default()));
        }
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(running));
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let running = self.running.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(running) = running else { return Ok(()) };
        running.stop.send_replace(Some(deadline));
        let tasks = {
            let mut lanes = running.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.closed = true;
            std::mem::take(&mut lanes.by_metadata)
        };
        for (_, task) in tasks.into_values() {
            // A lane that panicked has booked its loss and marked the component as failed.
            let _panicked = task.await.is_err();
            self.common.metrics.metadata_cardinality.dec();
        }
        match self.common.lost.swap(0, Ordering::Relaxed) {
            0 => Ok(()),
            lost => Err(DrainError { component: self.common.component.clone(), lost }),
        }
    }
}

impl Stage for Batch {}

#[cfg(test)]
mod tests;
