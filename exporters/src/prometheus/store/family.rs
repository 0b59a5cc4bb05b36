//! The series of one name.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use hashbrown::HashTable;
use sluice_formats::prometheus::{
    expose::{Family as Head, Writer, labels_of},
    model::MetricType,
};
use sluice_pdata::stream::StreamId;

use super::{Room, Series};
use crate::prometheus::{kept::Bounds, labels::Texts, lost::Lost, naming::Description};

/// Series in one piece of the table: it grows without moving what is there.
const BLOCK: usize = 256;

/// A family and its series.
#[derive(Debug)]
pub(in crate::prometheus) struct Family {
    pub(super) name: Arc<str>,
    pub(super) kind: MetricType,
    help: Box<str>,
    unit: Box<str>,
    rows: Mutex<Rows>,
}

/// How a family is written.
#[derive(Debug, Clone, Copy)]
pub(in crate::prometheus) struct View {
    pub(in crate::prometheus) timestamps: bool,
    /// Series that were updated before are not shown.
    pub(in crate::prometheus) since: u64,
}

/// The series of a family, and the ways to find them.
#[derive(Debug, Default)]
pub(in crate::prometheus) struct Rows {
    blocks: Vec<Vec<Option<Row>>>,
    free: Vec<u32>,
    by_stream: HashTable<u32>,
    by_labels: HashTable<u32>,
    pub(in crate::prometheus) bounds: Bounds,
    /// The family was removed: nothing may be put into it.
    pub(super) closed: bool,
}

#[derive(Debug)]
struct Row {
    series: Series,
    /// Of the labels, in any order.
    hash: u64,
    /// What was taken from the room.
    bytes: usize,
}

impl Family {
    pub(super) fn new(name: Arc<str>, description: &Description) -> Self {
        Self {
            name,
            kind: description.kind,
            help: description.help.as_str().into(),
            unit: description.unit.as_str().into(),
            rows: Mutex::default(),
        }
    }

    /// Whether that is what the family's first metric said.
    pub(in crate::prometheus) fn has_help(&self, help: &str) -> bool {
        *self.help == *help
    }

    pub(in crate::prometheus) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::prometheus) fn head(&self) -> Head<'_> {
        Head { name: &self.name, kind: self.kind, help: &self.help, unit: &self.unit }
    }

    /// Writes series from `next` on until the writer holds `enough` bytes. The place to go on at; `None` at the end.
    pub(in crate::prometheus) fn write(
        &self,
        writer: &mut Writer,
        next: u32,
        view: View,
        enough: usize,
    ) -> Option<u32> {
        let rows = self.rows();
        let mut at = next;
        while writer.len() < enough {
            let row = rows.blocks.get(at as usize / BLOCK)?.get(at as usize % BLOCK)?;
            at += 1;
            let Some(Row { series, .. }) = row else { continue };
            if series.updated < view.since {
                continue;
            }
            writer.series(series.point(view));
        }
        Some(at)
    }

    /// Removes the series that were updated before `since`. Holds the lock for one block at a time.
    pub(super) fn sweep(&self, since: u64, room: &Room) {
        for block in 0.. {
            let stale = self.rows().stale(block, since);
            let Some(stale) = stale else { return };
            let mut rows = self.rows();
            for at in stale {
                // It may have come back meanwhile.
                if rows.row(at).is_some_and(|row| row.series.updated < since) {
                    rows.remove(at, room);
                }
            }
        }
    }
}

impl Rows {
    fn row(&self, at: u32) -> Option<&Row> {
        self.blocks.get(at as usize / BLOCK)?.get(at as usize % BLOCK)?.as_ref()
    }

    fn slot(&mut self, at: u32) -> Option<&mut Option<Row>> {
        self.blocks.get_mut(at as usize / BLOCK)?.get_mut(at as usize % BLOCK)
    }

    pub(in crate::prometheus) fn is_empty(&self) -> bool {
        self.by_stream.is_empty()
    }

    /// The series that were updated before `since` in a block; `None` behind the last block.
    fn stale(&self, block: usize, since: u64) -> Option<Vec<u32>> {
        let rows = self.blocks.get(block)?;
        let first = u32::try_from(block * BLOCK).unwrap_or(u32::MAX);
        let stale =
            (first..).zip(rows).filter(|(_, row)| row.as_ref().is_some_and(|row| row.series.updated < since));
        Some(stale.map(|(at, _)| at).collect())
    }

    /// Where a stream's series is.
    pub(in crate::prometheus) fn find(&self, stream: StreamId) -> Option<u32> {
        let same = |at: &u32| self.row(*at).is_some_and(|row| row.series.stream == stream);
        self.by_stream.find(short(stream), same).copied()
    }

    /// A series, and the bounds that it may share.
    pub(in crate::prometheus) fn series(&mut self, at: u32) -> Option<(&mut Series, &mut Bounds)> {
        let row = self.blocks.get_mut(at as usize / BLOCK)?.get_mut(at as usize % BLOCK)?.as_mut()?;
        Some((&mut row.series, &mut self.bounds))
    }

    /// The series that has these labels, of whatever stream.
    pub(in crate::prometheus) fn same_labels(&self, labels: &Texts) -> Option<(u32, &Series)> {
        let hash = hash_of(labels);
        let same =
            |at: &u32| self.row(*at).is_some_and(|row| row.hash == hash && same(&row.series.labels, labels));
        let at = *self.by_labels.find(hash, same)?;
        Some((at, &self.row(at)?.series))
    }

    /// Adds a series whose stream and labels are not there yet.
    pub(in crate::prometheus) fn insert(&mut self, series: Series, room: &Room) -> Result<(), Lost> {
        let bytes = Row::bytes(&series);
        room.enter(bytes)?;
        let (stream, hash) = (series.stream, hash_of(&series.labels));
        let row = Row { series, hash, bytes };
        let at = self.place(row);
        let Self { blocks, by_stream, by_labels, .. } = self;
        let row = |at: &u32| blocks.get(*at as usize / BLOCK)?.get(*at as usize % BLOCK)?.as_ref();
        by_stream.insert_unique(short(stream), at, |at| row(at).map_or(0, |row| short(row.series.stream)));
        by_labels.insert_unique(hash, at, |at| row(at).map_or(0, |row| row.hash));
        Ok(())
    }

    fn place(&mut self, row: Row) -> u32 {
        if let Some(at) = self.free.pop()
            && let Some(slot) = self.slot(at)
        {
            *slot = Some(row);
            return at;
        }
        let full = self.blocks.last().is_none_or(|block| block.len() == BLOCK);
        if full {
            // A family of one series is not to take the memory of many.
            let first = self.blocks.is_empty();
            self.blocks.push(if first { Vec::new() } else { Vec::with_capacity(BLOCK) });
        }
        let before = (self.blocks.len() - 1) * BLOCK;
        let within = self.blocks.last_mut().map_or(0, |block| {
            block.push(Some(row));
            block.len() - 1
        });
        // `max_series` or the memory ends before 2^32 series.
        u32::try_from(before + within).unwrap_or(u32::MAX)
    }

    /// Removes a series.
    pub(in crate::prometheus) fn remove(&mut self, at: u32, room: &Room) {
        let Some(row) = self.slot(at).and_then(Option::take) else { return };
        if let Ok(entry) = self.by_stream.find_entry(short(row.series.stream), |known| *known == at) {
            entry.remove();
        }
        if let Ok(entry) = self.by_labels.find_entry(row.hash, |known| *known == at) {
            entry.remove();
        }
        room.leave(row.bytes);
        self.free.push(at);
    }

    /// Accounts for what a series takes after its values changed. A series for which there is no room is removed.
    pub(in crate::prometheus) fn resized(&mut self, at: u32, room: &Room) -> Result<(), Lost> {
        let Some(Some(row)) = self.slot(at) else { return Ok(()) };
        let bytes = Row::bytes(&row.series);
        let resized = room.resize(row.bytes, bytes);
        match resized {
            Ok(()) => row.bytes = bytes,
            Err(_) => self.remove(at, room),
        }
        resized
    }
}

impl Row {
    /// What it takes, with its share of the tables.
    fn bytes(series: &Series) -> usize {
        const TABLES: usize = 16;
        size_of::<Option<Self>>() + TABLES + series.heap()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "any half of the hash will do")]
fn short(stream: StreamId) -> u64 {
    stream.get() as u64
}

/// Equal sets have equal hashes, whichever text holds a label.
fn hash_of(labels: &Texts) -> u64 {
    static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let texts = [&*labels.own, &*labels.base];
    texts.into_iter().flat_map(labels_of).fold(0, |hash: u64, label| hash.wrapping_add(KEYS.hash_one(label)))
}

fn same(one: &Texts, other: &Texts) -> bool {
    let sorted = |labels: &Texts| {
        let texts = [&*labels.own, &*labels.base];
        let mut pairs: Vec<_> = texts
            .into_iter()
            .flat_map(labels_of)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        pairs.sort();
        pairs
    };
    one == other || sorted(one) == sorted(other)
}
