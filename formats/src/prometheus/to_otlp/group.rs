//! Puts together the samples that are one point: the buckets, the sum and the count of a histogram or a summary.

use std::collections::HashMap;
use std::ops::Range;

use super::attributes;
use super::catalog::Series;
use super::exemplar;
use super::point::{HistogramPoint, put_summary};
use super::roles::Role;
use super::transaction::Sample;
use crate::prometheus::model::is_stale;

/// The groups of a transaction. Their memory is kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    /// How many of them are of this transaction.
    used: usize,
    by_key: HashMap<(usize, u64, i64), usize>,
    /// Where the sample before went: mostly, the next goes there too.
    last: Option<usize>,
}

/// One point in the making.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Which metric it is of.
    pub(super) stream: usize,
    pub(super) attributes: Vec<u8>,
    pub(super) start_ms: Option<i64>,
    pub(super) timestamp_ms: i64,
    /// Buckets or quantiles.
    pub(super) parts: Vec<Part>,
    /// What the labels of the parts said, one after the other.
    texts: String,
    /// Of the parts, as fields of a histogram point.
    exemplars: Vec<u8>,
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
    text: Range<usize>,
    exemplars: Range<usize>,
}

/// The dense form of a histogram's buckets; reused.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    bounds: Vec<f64>,
    counts: Vec<u64>,
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
        match self.groups.get_mut(index) {
            Some(group) => group.add(series, sample, value),
            None => Ok(()),
        }
    }

    fn find(&mut self, stream: usize, series: &Series, timestamp_ms: i64, one_time: bool) -> usize {
        let is_of = |group: &Group| {
            group.stream == stream
                && (one_time || group.timestamp_ms == timestamp_ms)
                && *group.attributes == *series.attributes
        };
        if let Some(last) = self.last
            && self.groups.get(last).is_some_and(is_of)
        {
            return last;
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
        let index = self.used;
        self.used += 1;
        self.by_key.insert(key, index);
        match self.groups.get_mut(index) {
            Some(group) => group.begin(stream, series, timestamp_ms),
            None => {
                let mut group = Group::default();
                group.begin(stream, series, timestamp_ms);
                self.groups.push(group);
            }
        }
        index
    }

    /// The groups of the transaction, in the order in which they began.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Group> {
        self.groups.iter_mut().take(self.used)
    }

    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.by_key.clear();
        self.last = None;
    }
}

impl Group {
    fn begin(&mut self, stream: usize, series: &Series, timestamp_ms: i64) {
        self.stream = stream;
        self.attributes.clear();
        self.attributes.extend_from_slice(&series.attributes);
        self.start_ms = None;
        self.timestamp_ms = timestamp_ms;
        self.parts.clear();
        self.texts.clear();
        self.exemplars.clear();
        self.sum = None;
        self.count = None;
        self.samples = 0;
    }

    fn add(&mut self, series: &Series, sample: &Sample<'_>, value: f64) -> Result<(), &'static str> {
        if self.timestamp_ms != sample.timestamp_ms {
            return Err("the samples of one point have several timestamps");
        }
        self.samples += 1;
        self.start_ms = self.start_ms.or(sample.start_ms);
        match series.role {
            Role::Sum => self.sum = Some(value),
            Role::Count => self.count = Some(value),
            Role::Bucket(bound) | Role::Quantile(bound) => {
                let (text, exemplars) = (self.texts.len(), self.exemplars.len());
                self.texts.push_str(&series.bound);
                exemplar::put_all(&mut self.exemplars, EXEMPLARS, sample);
                self.parts.push(Part {
                    bound,
                    value,
                    text: text..self.texts.len(),
                    exemplars: exemplars..self.exemplars.len(),
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// What the label of a part said.
    pub(super) fn text(&self, part: &Part) -> &str {
        self.texts.get(part.text.clone()).unwrap_or_default()
    }

    /// The exemplars of a part, as fields [`EXEMPLARS`].
    pub(super) fn exemplars(&self, part: &Part) -> &[u8] {
        self.exemplars.get(part.exemplars.clone()).unwrap_or_default()
    }

    /// Count and sum as OTLP has them; `None` of a series that ended: its count says so. Where the count goes on, other
    /// parts can end alone, as the bucket that is gone does, and are left out.
    fn total(&mut self, count: f64) -> Option<(u64, Option<f64>)> {
        if is_stale(count) {
            return None;
        }
        self.parts.retain(|part| !is_stale(part.value));
        Some((whole(count), self.sum.filter(|sum| !is_stale(*sum))))
    }

    /// Appends the point of a histogram.
    ///
    /// # Errors
    /// When the buckets contradict each other or the count.
    pub(super) fn put_histogram(
        &mut self,
        out: &mut Vec<u8>,
        count: f64,
        scratch: &mut Scratch,
    ) -> Result<(), &'static str> {
        let total = self.total(count);
        sort(&mut self.parts);
        scratch.bounds.clear();
        scratch.counts.clear();
        let mut below = 0.0;
        for part in self.parts.iter().filter(|part| part.bound != f64::INFINITY) {
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
            exemplars: &self.exemplars,
        };
        point.put(out);
        Ok(())
    }

    /// Appends the point of a summary.
    pub(super) fn put_summary(&mut self, out: &mut Vec<u8>, count: f64) {
        let total = self.total(count);
        sort(&mut self.parts);
        let quantiles =
            self.parts.iter().map(|part| (part.bound, if total.is_some() { part.value } else { 0.0 }));
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
