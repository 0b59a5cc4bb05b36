//! The series of a batch: how they are kept and added to.
//!
//! `chain`: the elements of one series among those of all; `view`: reading

mod chain;
mod view;

use std::{collections::HashMap, hash::BuildHasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

pub use view::{HistogramView, SeriesView};

use self::chain::{Chain, NONE, number};
use super::{
    lost::{Lost, Reason},
    symbols::{Symbol, Symbols},
};
use crate::prometheus::model::{MetricType, Span};

/// Series with their samples, in few large buffers that are kept when the set is [cleared](Self::clear). After a
/// [release](Self::release) as much is taken at once as the last batch needed.
///
/// A series stands where its first sample came; its samples are in the order of time, no two in one millisecond.
#[derive(Debug, Default)]
pub struct SeriesSet {
    pub(super) symbols: Symbols,
    /// Labels of series and exemplars.
    pub(super) labels: Vec<(Symbol, Symbol)>,
    pub(super) families: Vec<Family>,
    series: Vec<Series>,
    /// Series by their labels.
    table: HashTable<u32>,
    samples: Vec<Sample>,
    histograms: Vec<Histogram>,
    exemplars: Vec<Exemplar>,
    pub(super) spans: Vec<Span>,
    pub(super) deltas: Vec<i64>,
    pub(super) bounds: Vec<f64>,
    pub(super) lost: Lost,
    pub(super) described: Described,
    usual: Usual,
}

/// How much was in the batch before a release.
#[derive(Debug, Clone, Copy, Default)]
struct Usual {
    labels: usize,
    series: usize,
    samples: usize,
}

/// When resources were described last. It outlives the batches.
#[derive(Debug, Default)]
pub(super) struct Described(HashMap<u64, i64, RandomState>);

/// Most resources of which this is remembered. Then all of it is forgotten.
const MOST_DESCRIBED: usize = 1 << 16;

impl Described {
    /// Whether a description at this time would be newer than the last one; then it is the last one.
    pub(super) fn is_news(&mut self, stream: u64, at: i64) -> bool {
        if self.0.len() >= MOST_DESCRIBED && !self.0.contains_key(&stream) {
            self.0.clear();
        }
        let last = self.0.entry(stream).or_insert(i64::MIN);
        at > std::mem::replace(last, at.max(*last))
    }
}

/// A metric family.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The metric's name in OTLP.
    pub metric: Symbol,
    /// The family's name, with `_total` but without `_bucket` and its like.
    pub name: Symbol,
    /// Its type.
    pub kind: MetricType,
    /// Its description.
    pub help: Symbol,
    /// Its unit, in Prometheus's words.
    pub unit: Symbol,
}

#[derive(Debug, Clone, Copy)]
struct Series {
    labels: Slice,
    family: u32,
    stream: u64,
    samples: Chain,
    histograms: Chain,
    exemplars: Chain,
}

/// A number at a time.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The number; a stale marker has its exact bits.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// When the series began, in milliseconds since the Unix epoch; 0 if unknown.
    pub start: i64,
    /// How many data points are counted with this sample: of the series of one point, only one has it.
    pub points: u32,
    next: u32,
}

/// A native histogram at a time.
#[derive(Debug, Clone, Copy)]
pub struct Histogram {
    /// -4 to 8, or that of custom bounds.
    pub schema: i32,
    /// Observations.
    pub count: u64,
    /// Their sum; the stale marker if the series ended.
    pub sum: f64,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in it.
    pub zero_count: u64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// When the series began, in milliseconds since the Unix epoch; 0 if unknown.
    pub start: i64,
    pub(super) positive: Buckets,
    pub(super) negative: Buckets,
    pub(super) bounds: Slice,
    /// As of a [`Sample`].
    pub points: u32,
    next: u32,
}

/// Where the buckets of one sign stand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Buckets {
    pub(super) spans: Slice,
    pub(super) deltas: Slice,
}

/// An example of what was counted.
#[derive(Debug, Clone, Copy)]
pub struct Exemplar {
    labels: Slice,
    /// What was observed.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    next: u32,
}

/// A piece of a buffer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slice {
    start: u32,
    end: u32,
}

impl Slice {
    /// What was appended to a buffer since it was `start` long.
    pub(super) fn since<T>(start: usize, buffer: &[T]) -> Self {
        Self { start: number(start), end: number(buffer.len()) }
    }

    fn of<T>(self, buffer: &[T]) -> &[T] {
        buffer.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// What the writer side says of a sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) timestamp: i64,
    pub(super) start: i64,
}

impl Times {
    pub(super) fn new(time_unix_nano: u64, start_time_unix_nano: u64) -> Self {
        Self { timestamp: millis(time_unix_nano), start: millis(start_time_unix_nano) }
    }
}

pub(super) fn millis(unix_nano: u64) -> i64 {
    (unix_nano / 1_000_000).cast_signed()
}

impl SeriesSet {
    /// Forgets the batch and keeps the memory.
    pub fn clear(&mut self) {
        self.symbols.clear();
        self.labels.clear();
        self.families.clear();
        self.series.clear();
        self.table.clear();
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.spans.clear();
        self.deltas.clear();
        self.bounds.clear();
        self.lost.clear();
        if self.series.capacity() == 0 {
            let Usual { labels, series, samples } = self.usual;
            self.labels.reserve_exact(labels);
            self.series.reserve_exact(series);
            self.samples.reserve_exact(samples);
            // It is empty: there is nothing to hash again.
            self.table.reserve(series, |_| 0);
        }
    }

    /// Forgets the batch and gives the memory back. Streams keep their numbers.
    pub fn release(&mut self) {
        let (symbols, described) = (self.symbols.released(), std::mem::take(&mut self.described));
        let (labels, series, samples) = (self.labels.len(), self.series.len(), self.samples.len());
        *self = Self { symbols, described, usual: Usual { labels, series, samples }, ..Self::default() };
    }

    /// The strings.
    #[must_use]
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there is no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The series, those of one data point together where it was the first of its stream.
    pub fn series(&self) -> impl ExactSizeIterator<Item = SeriesView<'_>> {
        self.series.iter().map(|series| SeriesView { set: self, series })
    }

    /// The families, by resource: a name may occur several times.
    #[must_use]
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Whether every data point was converted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lost.is_empty()
    }

    /// Data points that were not converted: the metric's name in OTLP, the reason, how many.
    pub fn lost(&self) -> impl Iterator<Item = (&str, Reason, usize)> {
        self.lost.iter(&self.symbols)
    }

    /// The series of the labels that were appended since `start`.
    pub(super) fn series_of(&mut self, start: usize, family: u32, stream: u64) -> u32 {
        let Self { symbols, labels, series, table, .. } = self;
        let wanted = labels.get(start..).unwrap_or_default();
        let hash = |labels: &[(Symbol, Symbol)]| symbols.hasher().hash_one(labels);
        let wanted_hash = hash(wanted);
        let of = |number: u32| series.get(number as usize).map_or(&[][..], |series| series.labels.of(labels));
        if let Some(&found) = table.find(wanted_hash, |&number| of(number) == wanted) {
            labels.truncate(start);
            return found;
        }
        let new = number(series.len());
        table.insert_unique(wanted_hash, new, |&number| hash(of(number)));
        series.push(Series {
            labels: Slice::since(start, labels),
            family,
            stream,
            samples: Chain::EMPTY,
            histograms: Chain::EMPTY,
            exemplars: Chain::EMPTY,
        });
        new
    }

    /// Appends a sample to a series.
    pub(super) fn sample(
        &mut self,
        series: u32,
        value: f64,
        times: Times,
        points: u32,
    ) -> Result<(), Reason> {
        let Some(series) = self.series.get_mut(series as usize) else { return Ok(()) };
        if !series.histograms.is_empty() {
            return Err(Reason::MixedSeries);
        }
        let Times { timestamp, start } = times;
        series.samples.push(&mut self.samples, Sample { value, timestamp, start, points, next: NONE });
        Ok(())
    }

    /// Appends a histogram to a series.
    pub(super) fn histogram(&mut self, series: u32, histogram: Histogram) -> Result<(), Reason> {
        let Some(series) = self.series.get_mut(series as usize) else { return Ok(()) };
        if !series.samples.is_empty() {
            return Err(Reason::MixedSeries);
        }
        series.histograms.push(&mut self.histograms, histogram);
        Ok(())
    }

    /// Appends an exemplar, whose labels were appended since `start`.
    pub(super) fn exemplar(&mut self, series: u32, start: usize, value: f64, timestamp: i64) {
        let labels = Slice::since(start, &self.labels);
        if let Some(series) = self.series.get_mut(series as usize) {
            series.exemplars.push(&mut self.exemplars, Exemplar { labels, value, timestamp, next: NONE });
        }
    }

    /// Puts the samples of each series in the order of time, and leaves one of each millisecond.
    pub(super) fn finish(&mut self) {
        for series in &mut self.series {
            let metric =
                self.families.get(series.family as usize).map_or(Symbol::EMPTY, |family| family.metric);
            let lost = &mut self.lost;
            let mut replace = |same: bool, before: u32, later: &mut u32| match same {
                true => *later += before,
                false => lost.add(metric, Reason::DuplicateTimestamp, before as usize),
            };
            series.samples.sort(&mut self.samples, |before, later| {
                replace(before.value.to_bits() == later.value.to_bits(), before.points, &mut later.points);
            });
            series.histograms.sort(&mut self.histograms, |before, later| {
                replace(before.count == later.count, before.points, &mut later.points);
            });
            series.exemplars.sort(&mut self.exemplars, |_, _| {});
        }
    }
}

impl Histogram {
    pub(super) fn new(times: Times) -> Self {
        Self {
            schema: 0,
            count: 0,
            sum: 0.0,
            zero_threshold: 0.0,
            zero_count: 0,
            timestamp: times.timestamp,
            start: times.start,
            positive: Buckets::default(),
            negative: Buckets::default(),
            bounds: Slice::default(),
            points: 1,
            next: NONE,
        }
    }
}
