//! Labels become a series: what it is called, where it belongs and its attributes, all as bytes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use sluice_pdata::wire::Write;

use super::attributes::{self, KEPT_AS};
use super::families::Families;
use super::roles::{self, Member, Role};
use super::{Options, Source, units};
use crate::prometheus::labels::{Labels, LabelsBuilder, METRIC_NAME};
use crate::prometheus::model::{Metadata, MetricType};

/// Metrics that are kept before it is looked whether anybody still uses them.
const FEW_METRICS: usize = 10_000;

/// What a metric takes beside its texts.
const METRIC_BYTES: usize = size_of::<Metric>() + 2 * size_of::<(String, Arc<Metric>)>();

/// What an attribute takes beside its text, if that is short.
const ATTRIBUTE_BYTES: usize = 10;

/// Labels that say nothing of the samples.
const OF_THE_TARGET: [&str; 5] = [METRIC_NAME, "job", "instance", "__scheme__", "__metrics_path__"];

/// Makes series. What several of them share is there once, for as long as one of them lives.
#[derive(Debug)]
pub struct Catalog {
    options: Options,
    /// The body of the scope of samples that have no scope labels.
    own_scope: Vec<u8>,
    origins: HashMap<Vec<u8>, Origins>,
    /// How many there are, and how many there may be before unused ones are looked for.
    pub(super) metrics: usize,
    most_metrics: usize,
    /// About what the metrics take.
    bytes: usize,
    key: Vec<u8>,
    /// The attributes of the part that was made last. The parts of a point come one after the other and share them.
    part: Arc<[u8]>,
}

/// One origin and its metrics by name.
#[derive(Debug)]
struct Origins {
    origin: Arc<Origin>,
    metrics: HashMap<String, Arc<Metric>>,
}

/// A resource and a scope.
#[derive(Debug, Default)]
pub(super) struct Origin {
    pub(super) job: String,
    pub(super) instance: String,
    /// The body of the `InstrumentationScope`.
    pub(super) scope: Vec<u8>,
    pub(super) schema_url: String,
}

/// A metric of one origin.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) origin: Arc<Origin>,
    /// As Prometheus calls it.
    pub(super) name: String,
    pub(super) metadata: Metadata,
    /// Its first fields in OTLP: name, description, unit.
    pub(super) head: Vec<u8>,
}

impl Metric {
    /// About the bytes of it and of its place by name.
    fn cost(&self) -> usize {
        let Metadata { help, unit, .. } = &self.metadata;
        2 * self.name.len() + help.len() + unit.len() + self.head.capacity() + METRIC_BYTES
    }
}

/// A series, ready for its samples. Holds no labels, but 64 bytes and its attributes, which the buckets, the sum and the
/// count of one histogram share.
#[derive(Debug, Clone)]
pub struct Series {
    pub(super) metric: Arc<Metric>,
    pub(super) role: Role,
    /// Kept under [`KEPT_AS`].
    pub(super) attributes: Arc<[u8]>,
    /// What `le` or `quantile` said, for written samples that do not become part of anything after all.
    pub(super) bound: Box<str>,
    generation: u64,
}

impl Series {
    /// The generation of the [`Families`] that the series was made under. Under another one it has to be made again.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What its metric is called, without the suffix of the sample if it is one of several that make a point.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        &self.metric.name
    }

    /// The attributes of its points. Those that are of its resource or scope are not among them.
    pub fn each_attribute(&self, visit: impl FnMut(&str, &str)) {
        attributes::each(&self.attributes, visit);
    }

    /// The `job` of its resource.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.metric.origin.job
    }

    /// Bytes of its attributes.
    #[must_use]
    pub fn attributes_len(&self) -> usize {
        self.attributes.len()
    }

    /// Whether exemplars of its samples have a place in OTLP: not those of summaries, sums and counts.
    #[must_use]
    pub fn takes_exemplars(&self) -> bool {
        matches!(self.role, Role::Number | Role::Bucket(_) | Role::Native)
    }
}

impl Catalog {
    /// An empty catalog.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut own_scope = Vec::new();
        put_scope(&mut own_scope, &options.scope_name, &options.scope_version);
        Self {
            options,
            own_scope,
            origins: HashMap::new(),
            metrics: 0,
            most_metrics: FEW_METRICS,
            bytes: 0,
            key: Vec::new(),
            part: Arc::default(),
        }
    }

    /// What the catalog was made with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// About how many bytes the metrics take: names, metadata and what they are in OTLP.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The series of these labels, whose type is known from its family.
    ///
    /// # Errors
    /// When there is no metric name, or, in a scrape, neither the labels nor the target have job and instance. Such
    /// samples have no form in OTLP.
    pub fn series(&mut self, labels: &Labels, families: &Families) -> Result<Series, &'static str> {
        let member = roles::find(labels.metric_name(), labels, families);
        self.make(labels, &member, families.generation())
    }

    /// The series of these labels, whose samples come with their own metadata. `is_native` says that its samples are
    /// native histograms: then the name is the family's whatever it ends in.
    ///
    /// # Errors
    /// As [`series`](Self::series).
    pub fn series_of(
        &mut self,
        labels: &Labels,
        metadata: &Metadata,
        is_native: bool,
    ) -> Result<Series, &'static str> {
        let name = labels.metric_name();
        let member = match is_native {
            true => Member { metric: name, metadata, role: Role::Native },
            false => roles::place(name, labels, metadata),
        };
        self.make(labels, &member, 0)
    }

    fn make(
        &mut self,
        labels: &Labels,
        member: &Member<'_>,
        generation: u64,
    ) -> Result<Series, &'static str> {
        if member.metric.is_empty() {
            return Err("there is no metric name");
        }
        let metric = self.metric(labels, member)?;
        let attributes = point_attributes(labels, member.role);
        let attributes = match member.role {
            Role::Bucket(_) | Role::Quantile(_) | Role::Sum | Role::Count => self.shared(&attributes),
            _ => attributes.into(),
        };
        let bound = match (member.role, &self.options.source) {
            (Role::Bucket(_), Source::RemoteWrite) => labels.get("le"),
            (Role::Quantile(_), Source::RemoteWrite) => labels.get("quantile"),
            _ => None,
        };
        let bound = bound.unwrap_or_default().into();
        Ok(Series { metric, role: member.role, attributes, bound, generation })
    }

    /// The attributes of a part of a point.
    fn shared(&mut self, attributes: &[u8]) -> Arc<[u8]> {
        if *self.part != *attributes {
            self.part = attributes.into();
        }
        Arc::clone(&self.part)
    }

    /// Finds or makes the metric of a series.
    fn metric(&mut self, labels: &Labels, member: &Member<'_>) -> Result<Arc<Metric>, &'static str> {
        let (job, instance) = job_and_instance(labels, &self.options.source)?;
        let is_info = member.role == Role::ScopeInfo;
        let scope = Scope::of(labels, is_info, &self.own_scope);
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        for text in [job.as_bytes(), instance.as_bytes(), scope.schema_url.as_bytes(), &scope.body] {
            // Lengths, so that nothing runs into another.
            key.put_varint(text.len() as u64);
            key.extend_from_slice(text);
        }
        if !self.origins.contains_key(&key) {
            let origin = Origin {
                job: job.to_owned(),
                instance: instance.to_owned(),
                scope: scope.body.into_owned(),
                schema_url: scope.schema_url.to_owned(),
            };
            self.origins.insert(key.clone(), Origins { origin: Arc::new(origin), metrics: HashMap::new() });
        }
        let found = self.origins.get_mut(&key);
        self.key = key;
        // It was just put there.
        let origins = found.ok_or("there is no resource")?;
        // Within a request the first help counts, while a target may find other words for what it exposes.
        let any_help = self.options.source == Source::RemoteWrite;
        if let Some(known) = origins.metrics.get(member.metric)
            && known.metadata.kind == member.metadata.kind
            && known.metadata.unit == member.metadata.unit
            && (any_help || known.metadata.help == member.metadata.help)
        {
            return Ok(Arc::clone(known));
        }
        let metric = Arc::new(Metric {
            origin: Arc::clone(&origins.origin),
            name: member.metric.to_owned(),
            metadata: member.metadata.clone(),
            head: head(member, self.options.trim_metric_suffixes),
        });
        self.bytes += metric.cost();
        match origins.metrics.insert(member.metric.to_owned(), Arc::clone(&metric)) {
            Some(before) => self.bytes = self.bytes.saturating_sub(before.cost()),
            None => self.metrics += 1,
        }
        self.forget_unused();
        Ok(metric)
    }

    /// Lets go of metrics that no series has, once there are many of them.
    fn forget_unused(&mut self) {
        if self.metrics <= self.most_metrics {
            return;
        }
        self.origins.retain(|_, origins| {
            origins.metrics.retain(|_, metric| Arc::strong_count(metric) > 1);
            !origins.metrics.is_empty()
        });
        let metrics = || self.origins.values().flat_map(|origins| origins.metrics.values());
        self.metrics = metrics().count();
        self.bytes = metrics().map(|metric| metric.cost()).sum();
        self.most_metrics = FEW_METRICS.max(self.metrics * 2);
    }
}

/// Those of the sample, or of the target.
fn job_and_instance<'l>(labels: &'l Labels, source: &'l Source) -> Result<(&'l str, &'l str), &'static str> {
    let mut job = labels.get("job").unwrap_or_default();
    let mut instance = labels.get("instance").unwrap_or_default();
    if let Source::Scrape { job: target_job, instance: target_instance, .. } = source {
        if job.is_empty() {
            job = target_job;
        }
        if instance.is_empty() {
            instance = target_instance;
        }
        if job.is_empty() || instance.is_empty() {
            return Err("neither the sample nor its target have job and instance");
        }
    }
    Ok((job, instance))
}

/// What the labels say of the scope.
struct Scope<'l> {
    body: Cow<'l, [u8]>,
    schema_url: &'l str,
}

const SCOPE_PREFIX: &str = "otel_scope_";
const SCOPE_LABELS: [&str; 3] = ["otel_scope_name", "otel_scope_version", "otel_scope_schema_url"];

impl<'l> Scope<'l> {
    /// Without scope labels it is the receiver's. `is_info` says that attributes come in another way.
    fn of(labels: &'l Labels, is_info: bool, own: &'l [u8]) -> Self {
        if !labels.iter().any(|(name, _)| name.starts_with(SCOPE_PREFIX)) {
            return Self { body: Cow::Borrowed(own), schema_url: "" };
        }
        let (mut body, mut schema_url) = (Vec::new(), "");
        let [name, version] =
            ["otel_scope_name", "otel_scope_version"].map(|label| labels.get(label).unwrap_or_default());
        put_scope(&mut body, name, version);
        for (label, value) in labels.iter() {
            match label.strip_prefix(SCOPE_PREFIX) {
                Some("schema_url") => schema_url = value,
                Some(key) if !is_info && !matches!(key, "name" | "version") => {
                    attributes::put(&mut body, 3, key, value);
                }
                _ => {}
            }
        }
        Self { body: Cow::Owned(body), schema_url }
    }
}

fn put_scope(body: &mut Vec<u8>, name: &str, version: &str) {
    for (number, text) in [(1, name), (2, version)] {
        if !text.is_empty() {
            body.put_bytes_field(number, text.as_bytes());
        }
    }
}

/// The labels that are attributes: of the points, or of what an info metric describes.
fn point_attributes(labels: &Labels, role: Role) -> Vec<u8> {
    let mut out = Vec::with_capacity(labels.text_len() + ATTRIBUTE_BYTES * labels.len());
    for (name, value) in labels.iter() {
        let is_taken = OF_THE_TARGET.contains(&name)
            || match role {
                Role::Bucket(_) | Role::Sum | Role::Count | Role::Native if name == "le" => true,
                Role::Quantile(_) | Role::Sum | Role::Count if name == "quantile" => true,
                Role::ScopeInfo => SCOPE_LABELS.contains(&name),
                Role::TargetInfo => false,
                _ => name.starts_with(SCOPE_PREFIX),
            };
        if !is_taken {
            attributes::put(&mut out, KEPT_AS, name, value);
        }
    }
    out
}

/// The name, the description and the unit of a metric, as its fields.
fn head(member: &Member<'_>, trim: bool) -> Vec<u8> {
    let Metadata { kind, help, unit } = member.metadata;
    let name = if trim { units::trimmed(member.metric, *kind, unit) } else { member.metric };
    let mut head = Vec::new();
    for (number, text) in [(1, name), (2, help.as_str()), (3, &units::to_ucum(unit))] {
        if !text.is_empty() {
            head.put_bytes_field(number, text.as_bytes());
        }
    }
    head
}

/// A metric of samples that did not become part of what they were meant for.
pub(super) fn loose_metric(of: &Metric, suffix: &str) -> Metric {
    let name = format!("{}{suffix}", of.name);
    let metadata = Metadata { kind: MetricType::Unknown, ..of.metadata.clone() };
    let head = head(&Member { metric: &name, metadata: &metadata, role: Role::Number }, false);
    Metric { origin: Arc::clone(&of.origin), name, metadata, head }
}

/// Attributes of the resource, those of `target_info` over the ones that job and instance give.
pub(super) fn resource_body(origin: &Origin, source: &Source, target_info: &[u8]) -> Vec<u8> {
    let mut labels = LabelsBuilder::default();
    super::resource::describe(&mut labels, source, &origin.job, &origin.instance);
    attributes::each(target_info, |key, value| labels.push(key, value));
    let mut body = Vec::new();
    for (key, value) in labels.build().iter() {
        attributes::put(&mut body, 1, key, value);
    }
    body
}
