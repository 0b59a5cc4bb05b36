//! Every series that is exposed, by family.

mod family;
mod room;
mod series;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sluice_component::Budget;
use sluice_formats::prometheus::{from_otlp::Reason, model::MetricType};
use tokio::time::Instant;

pub(super) use self::{
    family::{Family, Rows, View},
    room::Room,
    series::Series,
};
use super::{
    lost::Lost,
    naming::{Description, sample_names},
    settings::Settings,
};

/// The family that tells what `max_series` kept out.
pub(super) const OVERFLOW: &str = "sluice_exporter_overflow_points_total";

/// What one exporter exposes.
#[derive(Debug)]
pub(super) struct Store {
    index: RwLock<Index>,
    /// Label texts that many series share.
    texts: Mutex<HashSet<Arc<str>>>,
    pub(super) room: Room,
    /// Points of series for which there was no room.
    overflow: AtomicU64,
    open_metrics: bool,
    expiration: u64,
    epoch: Instant,
}

#[derive(Debug, Default)]
struct Index {
    families: BTreeMap<Arc<str>, Arc<Family>>,
    /// Which family has samples of a name.
    samples: HashMap<String, Arc<str>>,
}

impl Store {
    pub(super) fn new(settings: &Settings, budget: Budget) -> Self {
        let mut index = Index::default();
        index.samples.insert(OVERFLOW.to_owned(), OVERFLOW.into());
        Self {
            index: RwLock::new(index),
            texts: Mutex::default(),
            room: Room::new(settings.max_series, budget),
            overflow: AtomicU64::new(0),
            open_metrics: settings.enable_open_metrics,
            expiration: ms(settings.metric_expiration.get()),
            epoch: Instant::now(),
        }
    }

    /// The store's clock.
    pub(super) fn now(&self) -> u64 {
        // So that what has expired has a time.
        ms(self.epoch.elapsed()) + self.expiration
    }

    /// Series that were updated before this have expired.
    pub(super) fn since(&self) -> u64 {
        self.now().saturating_sub(self.expiration)
    }

    /// A family, which is made if there is none of the name.
    pub(super) fn family(&self, description: &Description) -> Result<Arc<Family>, Lost> {
        let known = {
            let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
            index.families.get(description.name.as_str()).cloned()
        };
        let family = match known {
            Some(family) => family,
            None => self.new_family(description)?,
        };
        if family.kind == description.kind { Ok(family) } else { Err(Reason::TypeConflict.into()) }
    }

    fn new_family(&self, description: &Description) -> Result<Arc<Family>, Lost> {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(family) = index.families.get(description.name.as_str()) {
            return Ok(family.clone());
        }
        let samples = sample_names(&description.name, description.kind, self.open_metrics);
        if samples.iter().any(|name| index.samples.contains_key(name)) {
            return Err(Lost::NameConflict);
        }
        self.room.resize(0, self.bytes_of(&description.name, &description.help, description.kind))?;
        let name: Arc<str> = description.name.as_str().into();
        index.samples.extend(samples.into_iter().map(|sample| (sample, name.clone())));
        let family = Arc::new(Family::new(name.clone(), description));
        index.families.insert(name, family.clone());
        Ok(family)
    }

    /// What a family takes beside its series.
    fn bytes_of(&self, name: &str, help: &str, kind: MetricType) -> usize {
        /// Entries of the index, with what their allocations round up to.
        const ENTRY: usize = 64;
        let samples = sample_names(name, kind, self.open_metrics);
        let samples: usize = samples.iter().map(|sample| ENTRY + sample.len()).sum();
        size_of::<Family>() + 2 * ENTRY + name.len() + help.len() + samples
    }

    #[cfg(test)]
    pub(super) fn families(&self) -> usize {
        self.index.read().unwrap().families.len()
    }

    /// The family whose name comes next.
    pub(super) fn after(&self, last: Option<&Family>) -> Option<Arc<Family>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let from = last.map_or(Bound::Unbounded, |family| Bound::Excluded(&family.name));
        index.families.range::<Arc<str>, _>((from, Bound::Unbounded)).next().map(|(_, family)| family.clone())
    }

    /// The same text for equal texts.
    pub(super) fn share(&self, text: String) -> Result<Arc<str>, Lost> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.get(text.as_str()) {
            return Ok(known.clone());
        }
        self.room.resize(0, bytes_of_text(&text))?;
        let text: Arc<str> = text.into();
        texts.insert(text.clone());
        Ok(text)
    }

    /// Forgets a text that no series has come to use.
    pub(super) fn unshare(&self, text: Arc<str>) {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::strong_count(&text) == 2 && texts.remove(&text) {
            // Less is always granted.
            let _granted = self.room.resize(bytes_of_text(&text), 0);
        }
    }

    /// Counts points of series for which there is no room.
    pub(super) fn overflown(&self, points: usize) {
        self.overflow.fetch_add(points as u64, Ordering::Relaxed);
    }

    /// The points that were counted so.
    pub(super) fn overflow(&self) -> u64 {
        self.overflow.load(Ordering::Relaxed)
    }

    /// Forgets series that have expired, and families and texts that nobody needs any more.
    pub(super) fn sweep(&self) {
        let since = self.since();
        let mut last: Option<Arc<Family>> = None;
        while let Some(family) = self.after(last.as_deref()) {
            family.sweep(since, &self.room);
            if family.rows().is_empty() {
                self.remove(&family);
            }
            last = Some(family);
        }
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.retain(|text| {
            let used = Arc::strong_count(text) > 1;
            if !used {
                let _granted = self.room.resize(bytes_of_text(text), 0);
            }
            used
        });
        let len = texts.len();
        texts.shrink_to(2 * len);
    }

    /// Removes a family if it has no series. One that somebody else removed is left alone: another may have its name
    /// by now.
    pub(super) fn remove(&self, family: &Family) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let mut rows = family.rows();
        if rows.is_empty() && !rows.closed {
            rows.closed = true;
            index.families.remove(&family.name);
            let _granted = self.room.resize(self.bytes_of(&family.name, family.head().help, family.kind), 0);
            for sample in sample_names(&family.name, family.kind, self.open_metrics) {
                index.samples.remove(&sample);
            }
        }
    }

    /// Whether a stream that was silent since `updated` gives way to another one with the same labels.
    pub(super) fn is_silent(&self, updated: u64) -> bool {
        self.now().saturating_sub(updated) > self.expiration / 2
    }
}

impl Rows {
    /// Whether the family was removed: a new one has to be asked for.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }
}

fn bytes_of_text(text: &str) -> usize {
    /// An entry of the table, the counts of the `Arc`, and what its allocation rounds up to.
    const ENTRY: usize = 64;
    ENTRY + text.len()
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
