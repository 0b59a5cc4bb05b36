//! OTLP metrics as Prometheus's series.
//!
//! [`Options`] say how, a `Translator` does it, a [`SeriesSet`] is what comes out, with an account of the points that
//! have no form in Prometheus. Views are read once; strings are interned, samples stand in few large buffers, so that
//! nothing is allocated for a point.
//!
//! - [`metric`]: what it is in Prometheus; `resource`: `job`, `instance`, `target_info`; what resource and scope give to each series
//! - `labels`: attributes as labels
//! - `points`: the points of each kind of metric; `classic`, `sparse`: histograms; [`native`]: their sparse buckets;
//!   `exemplars`; `deltas`: adding up
//! - `set`, `symbols`: the result; `lost`: what is not in it, and why

mod classic;
mod deltas;
mod exemplars;
mod labels;
mod lost;
pub mod metric;
pub mod native;
mod points;
mod resource;
mod scratch;
mod set;
mod sparse;
mod symbols;

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sluice_pdata::{
    Pdata,
    stream::ScopeId,
    view::{MetricView, ScopeMetricsView},
};

pub use classic::ascend;
pub use deltas::Deltas;
pub use lost::Reason;
pub use resource::{ResourceAttributes, is_identity, job_and_instance};
pub use set::{Exemplar, Family, Histogram, HistogramView, Sample, SeriesSet, SeriesView};
pub use symbols::{Symbol, Symbols};

use self::{
    labels::{Label, Labels},
    metric::{Temporality, kind},
    resource::Resource,
};
use super::{model::MetricType, names::Namer};

/// How to convert; the defaults are those of otelcol's remote-write exporter.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names of metrics and labels.
    pub namer: Namer,
    /// Labels for every series that does not have them. Names are escaped; of equal ones, the last stays.
    pub external_labels: Vec<(String, String)>,
    /// Which resource attributes every series has.
    pub resource_attributes: ResourceAttributes,
    /// Whether series have `otel_scope_name` and its like.
    pub scope_labels: bool,
    /// Whether resources are described by a series of their own.
    pub target_info: bool,
    /// Whether histograms with explicit bounds become native ones with custom buckets, for which remote write 2.0 is
    /// needed.
    pub custom_buckets: bool,
}

impl Options {
    /// The same for a server that takes remote write 1.0 alone: names that it allows, histograms that it knows.
    #[must_use]
    pub fn for_version_1(self) -> Self {
        Self { namer: self.namer.escaping(), custom_buckets: false, ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namer: Namer::default(),
            external_labels: Vec::new(),
            resource_attributes: ResourceAttributes::None,
            scope_labels: true,
            target_info: true,
            custom_buckets: false,
        }
    }
}

/// Converts `metrics` into `set`, which is cleared first. `deltas` is where delta points are added up; without it they
/// are lost. Batches that share it have to come in the order of time.
///
/// A point becomes as many series as it has buckets, each with all labels of its own, its scope and its resource: how
/// much that may be is bounded, by point and by batch. Lost points are counted in the set. A point of the same series and time as one that was added up is not added again,
/// so that the same batch may be converted again.
pub fn translate(data: &Pdata, options: &Options, mut deltas: Option<&mut Deltas>, set: &mut SeriesSet) {
    set.clear();
    let mut translator = Translator::new(options, set);
    translator.room = data.size().saturating_mul(GROWTH).saturating_add(ROOM).min(MOST_ROOM);
    for resource in data.metrics() {
        translator.enter_resource(&resource.resource);
        for scope in resource.scope_metrics {
            let scope_id = || sluice_pdata::stream::ResourceId::of(&resource.resource).scope(&scope);
            translator.enter_scope(&scope);
            for metric in scope.metrics {
                translator.metric(&metric, scope_id, deltas.as_deref_mut());
            }
        }
        translator.leave_resource();
    }
    set.finish();
}

/// Most bytes that the labels of one point's series may take.
const MOST_OF_A_POINT: usize = 4 << 20;
/// What the labels of all series may take: this, and so many times the batch's own size, but never more than that.
const ROOM: usize = 128 << 20;
const GROWTH: usize = 96;
const MOST_ROOM: usize = 1 << 30;

/// What is known while a batch is read.
struct Translator<'a, 's> {
    options: &'s Options,
    set: &'s mut SeriesSet,
    labels: Labels<'a>,
    external: Vec<Label>,
    resource: Resource<'a>,
    /// What every series of the scope has.
    base: Vec<Label>,
    /// The families of the resource: number and type.
    families: HashMap<Symbol, (u32, MetricType), RandomState>,
    /// What the labels of further points may take.
    room: usize,
    text: String,
    scratch: scratch::Scratch,
}

/// A metric whose points are read.
#[derive(Debug, Clone, Copy)]
struct Metric {
    /// Its name in OTLP.
    name: Symbol,
    family: u32,
    family_name: Symbol,
}

impl<'a, 's> Translator<'a, 's> {
    fn new(options: &'s Options, set: &'s mut SeriesSet) -> Self {
        let labels = Labels::new(&mut set.symbols);
        let mut translator = Self {
            options,
            labels,
            external: Vec::new(),
            resource: Resource::default(),
            base: Vec::new(),
            families: HashMap::default(),
            room: 0,
            text: String::new(),
            scratch: scratch::Scratch::new(&mut set.symbols),
            set,
        };
        translator.read_external_labels();
        translator
    }

    fn enter_scope(&mut self, scope: &ScopeMetricsView<'a>) {
        if self.options.scope_labels {
            self.put_scope(scope);
        } else {
            self.base.clear();
            self.base.extend_from_slice(self.resource.labels());
        }
    }

    fn metric(&mut self, view: &MetricView<'a>, scope: impl Fn() -> ScopeId, deltas: Option<&mut Deltas>) {
        let points = view.data.len();
        let name = self.set.symbols.intern(view.name.as_bytes());
        let converted = Temporality::of(view).and_then(|temporality| {
            let metric = self.family(view, name)?;
            match temporality {
                Temporality::Cumulative => self.cumulative(metric, view),
                Temporality::Delta => {
                    let deltas = deltas.ok_or(Reason::DeltaTemporality)?;
                    self.delta(metric, view, scope().metric(view), deltas);
                }
            }
            Ok(())
        });
        if let Err(reason) = converted {
            self.set.lost.add(name, reason, points);
        }
    }

    /// The family of a metric. The first metric of a resource with a name decides what it is.
    fn family(&mut self, view: &MetricView<'a>, metric: Symbol) -> Result<Metric, Reason> {
        let symbols = &mut self.set.symbols;
        let (suffix, kind) = kind(view);
        self.text.clear();
        let named = self.options.namer.metric(&mut self.text, view.name.as_str(), view.unit.as_str(), suffix);
        named.map_err(|_| Reason::InvalidName)?;
        let name = symbols.intern(self.text.as_bytes());
        if let Some(&(family, first)) = self.families.get(&name) {
            let known = Metric { name: metric, family, family_name: name };
            return if first == kind { Ok(known) } else { Err(Reason::TypeConflict) };
        }
        self.text.clear();
        self.options.namer.unit(&mut self.text, view.unit.as_str());
        let unit = symbols.intern(self.text.as_bytes());
        let help = symbols.intern(view.description.as_bytes());
        Ok(self.new_family(Family { metric, name, kind, help, unit }))
    }

    fn new_family(&mut self, family: Family) -> Metric {
        // Fewer than the metrics of a batch.
        let number = u32::try_from(self.set.families.len()).unwrap_or(u32::MAX);
        self.set.families.push(family);
        self.families.insert(family.name, (number, family.kind));
        Metric { name: family.metric, family: number, family_name: family.name }
    }
}
