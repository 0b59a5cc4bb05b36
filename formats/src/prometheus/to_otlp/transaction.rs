//! One scrape or one remote-write request.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use sluice_pdata::Limits;

use super::attributes::{self, KEPT_AS};
use super::catalog::{Metric, Origin, Series, loose_metric};
use super::group::{EXEMPLARS, Group, Groups, Part, Scratch};
use super::native::{self, Dense};
use super::rejected::RejectedSamples;
use super::roles::Role;
use super::{Source, point, request};
use crate::Malformed;
use crate::prometheus::model::{Exemplar, MetricType, NativeHistogram, Value, stale_nan};

/// A value of a series.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'s> {
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// When the series began to count, if that is known.
    pub start_ms: Option<i64>,
    /// What it says.
    pub value: Value<'s>,
    /// Examples of what was counted.
    pub exemplars: &'s [Exemplar],
}

/// Takes samples and makes a request of them. The points' memory is given back with the request, and for the next one as
/// much is taken at once as the last one needed: a scraper neither allocates for each sample, nor holds between scrapes
/// what it needs for milliseconds.
#[derive(Debug)]
pub struct Transaction {
    source: Source,
    limits: Limits,
    /// Points as their streams hold them, in the order in which they were written.
    pub(super) points: Vec<u8>,
    /// How many bytes of them the last request had.
    usual: usize,
    pub(super) streams: Vec<Stream>,
    /// By the address of the metric, which its stream keeps alive.
    by_metric: HashMap<(usize, Shape), usize>,
    /// Where the sample before went.
    last: usize,
    groups: Groups,
    /// Streams of samples that did not become part of a point, by their metric's address and suffix.
    loose: HashMap<(usize, &'static str), usize>,
    /// What info metrics say of resources and scopes.
    pub(super) target_infos: Vec<(Arc<Origin>, Vec<u8>)>,
    pub(super) scope_infos: Vec<(Arc<Origin>, Vec<u8>)>,
    items: usize,
    rejected: RejectedSamples,
    dense: Dense,
    scratch: Scratch,
}

/// The kinds of metrics in OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Gauge,
    MonotonicSum,
    Sum,
    Histogram,
    ExponentialHistogram,
    Summary,
}

/// The points of one metric.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) metric: Arc<Metric>,
    pub(super) shape: Shape,
    /// Pieces of [`Transaction::points`].
    pub(super) pieces: Vec<Range<usize>>,
    pub(super) len: usize,
}

/// One origin of a resource, and what is said of the resource.
type TargetInfo<'t> = (&'t Arc<Origin>, Vec<u8>);

/// What became of the samples.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// An `ExportMetricsServiceRequest`.
    pub wire: bytes::Bytes,
    /// How many points are in it.
    pub points: usize,
    /// Samples that are not in it.
    pub rejected: RejectedSamples,
}

impl Transaction {
    /// An empty transaction. `source` has to be that of the [`Catalog`](super::Catalog) whose series it takes.
    #[must_use]
    pub fn new(source: Source, limits: &Limits) -> Self {
        Self {
            source,
            limits: *limits,
            points: Vec::new(),
            usual: 0,
            streams: Vec::new(),
            by_metric: HashMap::new(),
            last: usize::MAX,
            groups: Groups::default(),
            loose: HashMap::new(),
            target_infos: Vec::new(),
            scope_infos: Vec::new(),
            items: 0,
            rejected: RejectedSamples::default(),
            dense: Dense::default(),
            scratch: Scratch::default(),
        }
    }

    /// Takes a sample.
    ///
    /// # Errors
    /// When the sample has no form in OTLP. It is counted, and nothing else is lost.
    pub fn push(&mut self, series: &Series, sample: &Sample<'_>) -> Result<(), &'static str> {
        if self.points.capacity() == 0 {
            self.points.reserve_exact(self.usual);
        }
        let result = match sample.value {
            // Whatever comes, no more memory is taken; `finish` tells.
            _ if self.bytes() > self.limits.max_decoded_bytes => Err("the request is too large"),
            Value::Float(value) => self.push_float(series, sample, value),
            Value::Histogram(_) => self.push_native(series, sample),
        };
        if let Err(reason) = result {
            self.rejected.add(&series.metric.name, reason, 1);
        }
        result
    }

    /// Bytes that are allocated for the samples, or, before the first of them, will be if the request becomes as large as
    /// the last one.
    #[must_use]
    pub fn held(&self) -> usize {
        self.points.capacity().max(self.usual) + self.groups.capacity().max(self.groups.usual())
    }

    /// Bytes of what the samples came to.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.points.len() + self.groups.bytes()
    }

    /// Counts samples that did not even become a series.
    pub fn reject(&mut self, metric: &str, reason: &'static str, samples: usize) {
        self.rejected.add(metric, reason, samples);
    }

    fn push_float(&mut self, series: &Series, sample: &Sample<'_>, value: f64) -> Result<(), &'static str> {
        match series.role {
            Role::Number => {
                let shape = number_shape(series.metric.metadata.kind);
                let stream = self.stream(&series.metric, shape);
                let start = self.points.len();
                let has_start = shape != Shape::Gauge;
                point::put_number(&mut self.points, &series.attributes, sample, value, has_start);
                self.place(stream, start);
                Ok(())
            }
            Role::Bucket(_) | Role::Sum | Role::Count | Role::Quantile(_) => {
                let shape = match series.metric.metadata.kind {
                    MetricType::Summary => Shape::Summary,
                    _ => Shape::Histogram,
                };
                let stream = self.stream(&series.metric, shape);
                let one_time = matches!(self.source, Source::Scrape { .. });
                self.groups.add(stream, series, sample, value, one_time)
            }
            Role::Native if sample.value.is_stale() => self.push_ended(series, sample),
            Role::Native => Err("a sample of a histogram is neither bucket, sum nor count"),
            Role::TargetInfo => {
                self.target_infos.push((Arc::clone(&series.metric.origin), series.attributes.to_vec()));
                Ok(())
            }
            Role::ScopeInfo => {
                self.scope_infos.push((Arc::clone(&series.metric.origin), series.attributes.to_vec()));
                Ok(())
            }
            Role::NoBound => Err("a bucket has no number as its `le`"),
            Role::NoQuantile => Err("a sample of a summary has no number as its `quantile`"),
        }
    }

    /// The stale marker of a native histogram is a float.
    fn push_ended(&mut self, series: &Series, sample: &Sample<'_>) -> Result<(), &'static str> {
        let ended = NativeHistogram { sum: stale_nan(), ..NativeHistogram::default() };
        self.push_native(series, &Sample { value: Value::Histogram(&ended), ..*sample })
    }

    fn push_native(&mut self, series: &Series, sample: &Sample<'_>) -> Result<(), &'static str> {
        let Value::Histogram(histogram) = sample.value else {
            return Ok(());
        };
        if !matches!(series.role, Role::Number | Role::Native) {
            return Err("a native histogram has the name of a classic one's part");
        }
        self.dense.read(histogram)?;
        let shape =
            if native::has_custom_bounds(histogram) { Shape::Histogram } else { Shape::ExponentialHistogram };
        let stream = self.stream(&series.metric, shape);
        let start = self.points.len();
        self.dense.put(&mut self.points, &series.attributes, sample, histogram);
        self.place(stream, start);
        Ok(())
    }

    /// The place of the stream of a metric.
    fn stream(&mut self, metric: &Arc<Metric>, shape: Shape) -> usize {
        if let Some(last) = self.streams.get(self.last)
            && Arc::ptr_eq(&last.metric, metric)
            && last.shape == shape
        {
            return self.last;
        }
        let key = (Arc::as_ptr(metric).addr(), shape);
        let streams = &mut self.streams;
        self.last = *self.by_metric.entry(key).or_insert_with(|| {
            streams.push(Stream { metric: Arc::clone(metric), shape, pieces: Vec::new(), len: 0 });
            streams.len() - 1
        });
        self.last
    }

    /// Takes note of the point that was just appended to `points`, from `start`.
    fn place(&mut self, stream: usize, start: usize) {
        self.items += 1;
        let point = start..self.points.len();
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.len += point.len();
            match stream.pieces.last_mut() {
                Some(before) if before.end == point.start => before.end = point.end,
                _ => stream.pieces.push(point),
            }
        }
    }

    /// Visits the resources of the samples: job, instance, and what `target_info` said of them, as bytes that only
    /// another transaction understands. What is put there is used, so that one request can know what an earlier one
    /// said.
    pub fn each_target_info(&mut self, mut visit: impl FnMut(&str, &str, &mut Vec<u8>)) {
        let mut resources: HashMap<(&str, &str), TargetInfo<'_>> = HashMap::new();
        let told = self.target_infos.iter().map(|(origin, info)| (origin, info.as_slice()));
        let silent = self.streams.iter().map(|stream| (&stream.metric.origin, &[][..]));
        for (origin, info) in told.chain(silent) {
            let resource = resources.entry((&origin.job, &origin.instance));
            resource.or_insert_with(|| (origin, Vec::new())).1.extend_from_slice(info);
        }
        let target_infos = resources
            .into_iter()
            .map(|((job, instance), (origin, mut info))| {
                visit(job, instance, &mut info);
                (Arc::clone(origin), info)
            })
            .collect();
        self.target_infos = target_infos;
    }

    /// The request of all samples; the transaction is empty then.
    ///
    /// # Errors
    /// When the request would exceed the limits. The samples are gone.
    pub fn finish(&mut self) -> Result<Request, Malformed> {
        self.close_groups();
        let result = self.check().map(|()| Request {
            wire: request::assemble(self, &self.source).into(),
            points: self.items,
            rejected: std::mem::take(&mut self.rejected),
        });
        if result.is_ok() {
            self.usual = self.points.len();
            self.empty();
        } else {
            self.clear();
        }
        result
    }

    /// Forgets the samples, for a scrape that failed, and how many they mostly are.
    pub fn clear(&mut self) {
        self.empty();
        self.usual = 0;
        self.groups = Groups::default();
    }

    fn empty(&mut self) {
        self.points = Vec::new();
        self.streams.clear();
        self.by_metric.clear();
        self.last = usize::MAX;
        self.groups.clear();
        self.loose.clear();
        self.target_infos.clear();
        self.scope_infos.clear();
        self.items = 0;
        self.rejected = RejectedSamples::default();
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.items > self.limits.max_items {
            return Err(Malformed::TooLarge { what: "number of items", limit: self.limits.max_items });
        }
        if self.bytes() > self.limits.max_decoded_bytes {
            return Err(Malformed::TooLarge {
                what: "decoded size in bytes",
                limit: self.limits.max_decoded_bytes,
            });
        }
        Ok(())
    }

    /// Writes the points of histograms and summaries, whose last samples are there now.
    fn close_groups(&mut self) {
        let groups = std::mem::take(&mut self.groups);
        let mut scratch = std::mem::take(&mut self.scratch);
        for group in groups.iter() {
            if self.points.len() + groups.bytes() > self.limits.max_decoded_bytes {
                // `check` tells.
                break;
            }
            let Some(Stream { metric, shape, .. }) = self.streams.get(group.stream) else {
                continue;
            };
            let (metric, shape) = (Arc::clone(metric), *shape);
            groups.gather(group, &mut scratch);
            let start = self.points.len();
            let written = match (group.count, shape) {
                (Some(count), Shape::Summary) => {
                    group.put_summary(&mut self.points, count, &mut scratch.parts);
                    Ok(())
                }
                (Some(count), _) => group.put_histogram(&mut self.points, count, &mut scratch),
                (None, _) if self.source == Source::RemoteWrite => {
                    self.put_loose(&metric, shape, group, &groups, &scratch.parts);
                    continue;
                }
                (None, Shape::Summary) => Err("a summary has no count"),
                (None, _) => Err("a histogram has no count"),
            };
            match written {
                Ok(()) => self.place(group.stream, start),
                Err(reason) => self.rejected.add(&metric.name, reason, group.samples),
            }
        }
        self.groups = groups;
        self.scratch = scratch;
    }

    /// Writes the samples of a group as gauges that are called as the samples were.
    fn put_loose(
        &mut self,
        metric: &Arc<Metric>,
        shape: Shape,
        group: &Group,
        groups: &Groups,
        parts: &[Part],
    ) {
        let (suffix, label) = if shape == Shape::Summary { ("", "quantile") } else { ("_bucket", "le") };
        let mut attributes = group.attributes.to_vec();
        if !parts.is_empty() {
            let stream = self.loose_stream(metric, suffix);
            for part in parts {
                attributes.truncate(group.attributes.len());
                attributes::put(&mut attributes, KEPT_AS, label, groups.text(part));
                self.put_loose_number(stream, group, &attributes, part.value, groups.exemplars(part));
            }
        }
        if let Some(sum) = group.sum {
            let stream = self.loose_stream(metric, "_sum");
            self.put_loose_number(stream, group, &group.attributes, sum, &[]);
        }
    }

    fn loose_stream(&mut self, metric: &Arc<Metric>, suffix: &'static str) -> usize {
        let key = (Arc::as_ptr(metric).addr(), suffix);
        if let Some(&stream) = self.loose.get(&key) {
            return stream;
        }
        let stream = self.stream(&Arc::new(loose_metric(metric, suffix)), Shape::Gauge);
        self.loose.insert(key, stream);
        stream
    }

    fn put_loose_number(
        &mut self,
        stream: usize,
        group: &Group,
        attributes: &[u8],
        value: f64,
        exemplars: &[u8],
    ) {
        let start = self.points.len();
        let sample = Sample {
            timestamp_ms: group.timestamp_ms,
            start_ms: None,
            value: Value::Float(value),
            exemplars: &[],
        };
        if exemplars.is_empty() {
            point::put_number(&mut self.points, attributes, &sample, value, false);
        } else {
            let mut attributes = attributes.to_vec();
            debug_assert_eq!(EXEMPLARS, 8, "what is put again as the exemplars of a number");
            attributes::put_as(&mut attributes, point::NUMBER_EXEMPLARS, exemplars);
            point::put_number(&mut self.points, &attributes, &sample, value, false);
        }
        self.place(stream, start);
    }
}

fn number_shape(kind: MetricType) -> Shape {
    match kind {
        MetricType::Counter => Shape::MonotonicSum,
        MetricType::Info | MetricType::StateSet => Shape::Sum,
        _ => Shape::Gauge,
    }
}
