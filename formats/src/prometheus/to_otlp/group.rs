//! Puts together the samples that are one point: the buckets, the sum and the count of a histogram or a summary.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

use super::attributes;
use super::catalog::Series;
use super::exemplar;
use super::point::{HistogramPoint, put_summary};
use super::roles::Role;
use super::transaction::Sample;
use crate::prometheus::model::is_stale;

/// The groups of a transaction, and their parts in one list.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    parts: Vec<Part>,
    /// What the labels of the parts said, one after the other.
    texts: String,
    /// Of the parts, as fields of a histogram point.
    exemplars: Vec<u8>,
    by_key: HashMap<(usize, u64, i64), usize>,
    /// Where the sample before went: mostly, the next goes there too.
    last: Option<usize>,
    /// How many groups and parts there were the last time.
    usual: (usize, usize),
}

/// One point in the making.
#[derive(Debug)]
pub(super) struct Group {
    /// Which metric it is of.
    pub(super) stream: usize,
    pub(super) attributes: Arc<[u8]>,
    pub(super) start_ms: Option<i64>,
    pub(super) timestamp_ms: i64,
    /// Its last part.
    last: Option<NonZeroU32>,
    pub(super) sum: Option<f64>,
    pub(super) count: Option<f64>,
    /// How many samples came.
    pub(super) samples: usize,
}

/// A bucket or a quantile.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// What `le` or `quantile` says.
    bound: f64,
    pub(super) value: f64,
    text: Range<u32>,
    exemplars: Range<u32>,
    /// The number of the part of the same group before this one, from 1.
    before: Option<NonZeroU32>,
}

/// A group and its place by key.
const GROUP_COST: usize = size_of::<Group>() + 2 * size_of::<((usize, u64, i64), usize)>();

/// One group as it is written; reused.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) parts: Vec<Part>,
    exemplars: Vec<u8>,
    bounds: Vec<f64>,
    counts: Vec<u64>,
}

/// As a request has less than 4 GiB of anything.
fn short(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn long(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl Groups {
    /// Adds a sample to its group. `one_time` says that all samples of a series are of one time.
    pub(super) fn add(
        &mut self,
        stream: usize,
        series: &Series,
        sample: &Sample<'_>,
        value: f64,
        one_time: bool,
    ) -> Result<(), &'static str> {
        let index = self.find(stream, series, sample.timestamp_ms, one_time);
        self.last = Some(index);
        let Self { groups, parts, texts, exemplars, .. } = self;
        let Some(group) = groups.get_mut(index) else { return Ok(()) };
        if group.timestamp_ms != sample.timestamp_ms {
            return Err("the samples of one point have several timestamps");
        }
        group.samples += 1;
        group.start_ms = group.start_ms.or(sample.start_ms);
        match series.role {
            Role::Sum => group.sum = Some(value),
            Role::Count => group.count = Some(value),
            Role::Bucket(bound) | Role::Quantile(bound) => {
                let (text, own) = (short(texts.len()), short(exemplars.len()));
                texts.push_str(&series.bound);
                exemplar::put_all(exemplars, EXEMPLARS, sample);
                let (text, exemplars) = (text..short(texts.len()), own..short(exemplars.len()));
                parts.push(Part { bound, value, text, exemplars, before: group.last });
                group.last = NonZeroU32::new(short(parts.len()));
            }
            _ => {}
        }
        Ok(())
    }

    fn find(&mut self, stream: usize, series: &Series, timestamp_ms: i64, one_time: bool) -> usize {
        let is_of = |group: &Group| {
            group.stream == stream
                && (one_time || group.timestamp_ms == timestamp_ms)
                && (Arc::ptr_eq(&group.attributes, &series.attributes)
                    || group.attributes == series.attributes)
        };
        if let Some(last) = self.last
            && self.groups.get(last).is_some_and(is_of)
        {
            return last;
        }
        if self.groups.capacity() == 0 {
            let (groups, parts) = self.usual;
            self.groups.reserve_exact(groups);
            self.by_key.reserve(groups);
            self.parts.reserve_exact(parts);
        }
        // Where a hash is taken by other attributes, the next one is tried.
        let hash = attributes::hash(&series.attributes);
        let mut key = (stream, hash, if one_time { 0 } else { timestamp_ms });
        while let Some(&index) = self.by_key.get(&key) {
            if self.groups.get(index).is_some_and(is_of) {
                return index;
            }
            key.1 = key.1.wrapping_add(1);
        }
        let index = self.groups.len();
        self.by_key.insert(key, index);
        self.groups.push(Group {
            stream,
            attributes: Arc::clone(&series.attributes),
            start_ms: None,
            timestamp_ms,
            last: None,
            sum: None,
            count: None,
            samples: 0,
        });
        index
    }

    /// Bytes of what is in the groups.
    pub(super) fn bytes(&self) -> usize {
        let lists = self.groups.len() * GROUP_COST + self.parts.len() * size_of::<Part>();
        lists + self.texts.len() + self.exemplars.len()
    }

    /// Bytes that are allocated for groups.
    pub(super) fn capacity(&self) -> usize {
        let lists = self.groups.capacity() * GROUP_COST + self.parts.capacity() * size_of::<Part>();
        lists + self.texts.capacity() + self.exemplars.capacity()
    }

    /// The groups of the transaction, in the order in which they began.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// Puts the parts of a group into the scratch, in the order in which they came, with their exemplars.
    pub(super) fn gather(&self, group: &Group, scratch: &mut Scratch) {
        scratch.parts.clear();
        let mut last = group.last;
        while let Some(part) = last.and_then(|number| self.parts.get(number.get() as usize - 1)) {
            scratch.parts.push(part.clone());
            last = part.before;
        }
        scratch.parts.reverse();
        scratch.exemplars.clear();
        for part in &scratch.parts {
            scratch.exemplars.extend_from_slice(self.exemplars(part));
        }
    }

    /// What the label of a part said.
    pub(super) fn text(&self, part: &Part) -> &str {
        self.texts.get(long(&part.text)).unwrap_or_default()
    }

    /// The exemplars of a part, as fields [`EXEMPLARS`].
    pub(super) fn exemplars(&self, part: &Part) -> &[u8] {
        self.exemplars.get(long(&part.exemplars)).unwrap_or_default()
    }

    /// Forgets the groups and gives their memory back.
    pub(super) fn clear(&mut self) {
        *self = Self { usual: (self.groups.len(), self.parts.len()), ..Self::default() };
    }

    /// Bytes that are allocated with the first group.
    pub(super) fn usual(&self) -> usize {
        let (groups, parts) = self.usual;
        groups * GROUP_COST + parts * size_of::<Part>()
    }
}

impl Group {
    /// Count and sum as OTLP has them; `None` of a series that ended: its count says so. Where the count goes on, other
    /// parts can end alone, as the bucket that is gone does, and are left out.
    fn total(&self, count: f64, parts: &mut Vec<Part>) -> Option<(u64, Option<f64>)> {
        if is_stale(count) {
            return None;
        }
        parts.retain(|part| !is_stale(part.value));
        Some((whole(count), self.sum.filter(|sum| !is_stale(*sum))))
    }

    /// Appends the point of a histogram, whose parts are in the scratch.
    ///
    /// # Errors
    /// When the buckets contradict each other or the count.
    pub(super) fn put_histogram(
        &self,
        out: &mut Vec<u8>,
        count: f64,
        scratch: &mut Scratch,
    ) -> Result<(), &'static str> {
        let total = self.total(count, &mut scratch.parts);
        sort(&mut scratch.parts);
        scratch.bounds.clear();
        scratch.counts.clear();
        let mut below = 0.0;
        for part in scratch.parts.iter().filter(|part| part.bound != f64::INFINITY) {
            scratch.bounds.push(part.bound);
            if total.is_none() {
                scratch.counts.push(0);
                continue;
            }
            if part.value.is_nan() || part.value < below {
                return Err("the buckets of a histogram are not numbers that ascend");
            }
            scratch.counts.push(between(below, part.value));
            below = part.value;
        }
        if total.is_some() && (count.is_nan() || count < below) {
            return Err("the count of a histogram is less than its last bucket");
        }
        scratch.counts.push(if total.is_some() { between(below, count) } else { 0 });
        let point = HistogramPoint {
            attributes: &self.attributes,
            start_ms: self.start_ms,
            timestamp_ms: self.timestamp_ms,
            count: total,
            bounds: &scratch.bounds,
            counts: &scratch.counts,
            exemplars: &scratch.exemplars,
        };
        point.put(out);
        Ok(())
    }

    /// Appends the point of a summary, whose parts are these.
    pub(super) fn put_summary(&self, out: &mut Vec<u8>, count: f64, parts: &mut Vec<Part>) {
        let total = self.total(count, parts);
        sort(parts);
        let quantiles = parts.iter().map(|part| (part.bound, if total.is_some() { part.value } else { 0.0 }));
        put_summary(out, &self.attributes, (self.start_ms, self.timestamp_ms), total, quantiles);
    }
}

/// The field of exemplars in a histogram point.
pub(super) const EXEMPLARS: u32 = 8;

/// By bound; of those that are there twice, the last one stays.
fn sort(parts: &mut Vec<Part>) {
    if !parts.iter().zip(parts.iter().skip(1)).all(|(part, next)| part.bound < next.bound) {
        parts.sort_by(|a, b| a.bound.total_cmp(&b.bound));
        parts.dedup_by(|later, part| {
            let is_same = later.bound == part.bound;
            if is_same {
                std::mem::swap(later, part);
            }
            is_same
        });
    }
}

/// What a bucket adds to those below it. All are cut to whole numbers before, so that buckets add up to the count.
fn between(below: f64, count: f64) -> u64 {
    whole(count).saturating_sub(whole(below))
}

/// Counts are floats in text; OTLP has whole ones.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn whole(count: f64) -> u64 {
    count as u64
}
