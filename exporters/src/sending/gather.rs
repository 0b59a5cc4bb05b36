//! `sending_queue: batch:` - requests become batches when they leave the queue.
//!
//! There is no task of its own: one consumer at a time gathers, and sends what it gathered while the next one
//! gathers. What is being gathered still counts as queued, for the ledger and for `queue_size`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::pending,
    sync::Arc,
    time::Duration,
};

use sluice_component::{Context, ledger::Branch};
use tokio::time::{Instant, sleep_until};

use super::{
    entry::Entry,
    queue::Queue,
    settings::{Batch, Sizer},
};

/// What may share a batch: the pipeline it came through, since each keeps its own accounts, and the values of
/// `metadata_keys`.
type Partition = (Option<usize>, Vec<Vec<String>>);

/// Batches that grow, and those that are complete.
pub(super) struct Gather {
    flush_timeout: Duration,
    min: usize,
    max: usize,
    sizer: Sizer,
    keys: Vec<String>,
    growing: BTreeMap<Partition, Growing>,
    /// When each of those that grow has to leave.
    dues: BTreeSet<(Instant, Partition)>,
    complete: VecDeque<(Partition, Entry)>,
    /// The first that was due when a full batch of another partition left: its turn comes next.
    overtaken: Option<Partition>,
}

struct Growing {
    entry: Entry,
    size: usize,
    due: Instant,
}

impl Gather {
    pub(super) fn new(settings: &Batch, sizer: Sizer) -> Self {
        Self {
            flush_timeout: settings.flush_timeout.get(),
            min: usize::try_from(settings.min_size).unwrap_or_default(),
            max: settings.most().unwrap_or(usize::MAX),
            sizer,
            keys: settings.keys(),
            growing: BTreeMap::new(),
            dues: BTreeSet::new(),
            complete: VecDeque::new(),
            overtaken: None,
        }
    }

    /// The next batch; `None` once the queue is closed and everything was given out. Dropping the future loses
    /// nothing.
    pub(super) async fn next(&mut self, queue: &Queue<Entry>) -> Option<Entry> {
        loop {
            if let Some(batch) = self.overtaken.take().and_then(|partition| self.take(&partition)) {
                return Some(batch);
            }
            if let Some((partition, batch)) = self.complete.pop_front() {
                self.overtaken = self.first_due_beside(&partition);
                return Some(batch);
            }
            tokio::select! {
                biased;
                // What waits in the queue comes before a batch that is due: after a jam batches are full again.
                entry = queue.pop() => match entry {
                    Some(entry) => self.add(entry),
                    None => return self.take_first(),
                },
                () = self.first_due() => return self.take_first(),
            }
        }
    }

    /// Gives up everything.
    pub(super) fn clear(&mut self) {
        self.growing.clear();
        self.dues.clear();
        self.complete.clear();
        self.overtaken = None;
    }

    /// Joins `entry` with others of its kind. A batch that it would make too large leaves without it.
    fn add(&mut self, entry: Entry) {
        if entry.is_abandoned() {
            return;
        }
        let size = self.sizer.weigh(&entry.data);
        let partition = self.partition(&entry.cx);
        if self.growing.get(&partition).is_some_and(|growing| growing.size.saturating_add(size) > self.max) {
            self.finish(&partition);
        }
        let due = self.due(&entry);
        let size = match self.growing.get_mut(&partition) {
            Some(growing) => {
                growing.entry.join(entry);
                growing.size = growing.size.saturating_add(size);
                if due < growing.due {
                    self.dues.remove(&(growing.due, partition.clone()));
                    self.dues.insert((due, partition.clone()));
                    growing.due = due;
                }
                growing.size
            }
            None => {
                self.dues.insert((due, partition.clone()));
                self.growing.insert(partition.clone(), Growing { entry, size, due });
                size
            }
        };
        if size >= self.min {
            self.finish(&partition);
        }
    }

    fn partition(&self, cx: &Context) -> Partition {
        let branch = cx.branch().map(|branch: &Arc<Branch>| Arc::as_ptr(branch).addr());
        (branch, cx.request().partition(&self.keys))
    }

    /// When a batch with this entry has to leave: a caller that waits needs half of its time for the sending.
    fn due(&self, entry: &Entry) -> Instant {
        let due = entry.since + self.flush_timeout;
        let half = |deadline: Instant| entry.since + deadline.saturating_duration_since(entry.since) / 2;
        entry.cx.deadline().map_or(due, |deadline| due.min(half(deadline)))
    }

    async fn first_due(&self) {
        match self.dues.first() {
            Some(&(due, _)) => sleep_until(due).await,
            None => pending().await,
        }
    }

    fn first_due_beside(&self, partition: &Partition) -> Option<Partition> {
        let now = Instant::now();
        let mut due = self.dues.iter().take_while(|(due, _)| *due <= now);
        due.find(|(_, other)| other != partition).map(|(_, other)| other.clone())
    }

    fn take_first(&mut self) -> Option<Entry> {
        let (_, partition) = self.dues.first()?.clone();
        self.take(&partition)
    }

    fn finish(&mut self, partition: &Partition) {
        let batch = self.take(partition);
        self.complete.extend(batch.map(|batch| (partition.clone(), batch)));
    }

    fn take(&mut self, partition: &Partition) -> Option<Entry> {
        let (partition, growing) = self.growing.remove_entry(partition)?;
        self.dues.remove(&(growing.due, partition));
        Some(growing.entry)
    }
}
