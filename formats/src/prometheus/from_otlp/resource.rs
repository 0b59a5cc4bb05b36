//! What a resource and a scope give to their series.

use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc};

use sluice_pdata::view::{ResourceView, ScopeMetricsView, Text};

use super::{
    Family, Translator,
    labels::{self, Label, Name},
    lost::Reason,
    set::{Times, millis},
    symbols::Symbol,
};
use crate::prometheus::{
    model::MetricType,
    names::{Kind, Namer},
};

const SERVICE_NAME: &[u8] = b"service.name";
const SERVICE_NAMESPACE: &[u8] = b"service.namespace";
const SERVICE_INSTANCE_ID: &[u8] = b"service.instance.id";

/// Families of one resource after which the map of them is made anew.
const MANY_FAMILIES: usize = 1000;

/// Which attributes of a resource become labels of all its series, beside `job` and `instance`.
#[derive(Clone, Default)]
pub enum ResourceAttributes {
    /// None of them.
    #[default]
    None,
    /// All but `service.name`, `service.namespace` and `service.instance.id`.
    AllButService,
    /// All of them.
    All,
    /// Those whose keys are wanted.
    Named(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl ResourceAttributes {
    /// Whether the attribute with this key does.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        match self {
            Self::None => false,
            Self::AllButService => !is_identity(key.as_bytes()),
            Self::All => true,
            Self::Named(wanted) => wanted(key),
        }
    }
}

impl fmt::Debug for ResourceAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::AllButService => "AllButService",
            Self::All => "All",
            Self::Named(_) => "Named",
        })
    }
}

/// The resource whose metrics are read.
#[derive(Debug, Default)]
pub(super) struct Resource<'a> {
    view: ResourceView<'a>,
    /// `job` and `instance`, as far as they are known.
    identity: Vec<Label>,
    /// What every series of it has.
    labels: Vec<Label>,
    /// The latest time of its points.
    latest: u64,
}

impl Resource<'_> {
    pub(super) fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// A point was converted.
    pub(super) fn saw(&mut self, time_unix_nano: u64) {
        self.latest = self.latest.max(time_unix_nano);
    }
}

/// `job` as Prometheus has it, empty if the resource has no `service.name`, and `instance`.
#[must_use]
pub fn job_and_instance<'a>(resource: &ResourceView<'a>) -> (Cow<'a, [u8]>, Cow<'a, [u8]>) {
    let none = Cow::Borrowed(&[][..]);
    let (mut name, mut namespace, mut instance) = (none.clone(), none.clone(), none);
    for attribute in resource.attributes {
        match attribute.key.as_bytes() {
            SERVICE_NAME => name = attribute.value.to_text(),
            SERVICE_NAMESPACE => namespace = attribute.value.to_text(),
            SERVICE_INSTANCE_ID => instance = attribute.value.to_text(),
            _ => {}
        }
    }
    let job = match (&*namespace, &*name) {
        ([], _) | (_, []) => name,
        (namespace, name) => Cow::Owned([namespace, b"/", name].concat()),
    };
    (job, instance)
}

/// Whether the attribute is one of those that make `job` and `instance`.
#[must_use]
pub fn is_identity(key: &[u8]) -> bool {
    matches!(key, SERVICE_NAME | SERVICE_NAMESPACE | SERVICE_INSTANCE_ID)
}

/// Whether anything is left of the key when it is escaped. An attribute of a resource that has no label costs itself.
fn has_label(key: &[u8], namer: &Namer) -> bool {
    namer.label(Text::new(key).as_str()).is_ok()
}

impl<'a> Translator<'a, '_> {
    pub(super) fn read_external_labels(&mut self) {
        for (name, value) in &self.options.external_labels {
            if let Ok(name) = self.options.namer.label(name) {
                let name = Name::new(name.as_bytes(), &mut self.set.symbols);
                let value = self.set.symbols.intern(value.as_bytes());
                labels::set(&mut self.external, Label { name, value });
            }
        }
        labels::sort(&mut self.external, &self.set.symbols);
    }

    pub(super) fn enter_resource(&mut self, view: &ResourceView<'a>) {
        let options = self.options;
        // Clearing costs what the map once held, and a batch may have many resources.
        if self.families.capacity() > MANY_FAMILIES {
            self.families = HashMap::default();
        }
        self.families.clear();
        let (job, instance) = job_and_instance(view);
        let symbols = &mut self.set.symbols;
        let Resource { identity, labels, .. } = &mut self.resource;
        identity.clear();
        labels.clear();
        let wanted = &options.resource_attributes;
        let keep = |key: &[u8]| wanted.has(Text::new(key).as_str()) && has_label(key, &options.namer);
        let kept = self.labels.append(view.attributes, keep, labels, &options.namer, symbols);
        // Those without a label were left out.
        kept.unwrap_or_default();
        for (name, value) in [("job", job), ("instance", instance)] {
            let name = Name::new(name.as_bytes(), symbols);
            let label = Label { name, value: symbols.intern(&value) };
            if label.value != Symbol::EMPTY {
                labels::set(identity, label);
                labels::set(labels, label);
            }
        }
        labels::sort(labels, symbols);
        self.resource.view = *view;
        self.resource.latest = 0;
    }

    /// Writes `target_info`, if the resource says more of itself than `job` and `instance`.
    pub(super) fn leave_resource(&mut self) {
        let Resource { view, identity, latest, .. } = &self.resource;
        let (view, latest) = (*view, *latest);
        if !self.options.target_info || latest == 0 || identity.is_empty() {
            return;
        }
        if view.attributes.iter().all(|attribute| is_identity(attribute.key.as_bytes())) {
            return;
        }
        // What cannot be described is not: a resource has no data points that could be counted.
        self.put_target_info(view, latest).unwrap_or_default();
    }

    fn put_target_info(&mut self, view: ResourceView<'a>, latest: u64) -> Result<(), Reason> {
        let options = self.options;
        self.text.clear();
        let named = options.namer.metric(&mut self.text, "target_info", "", Kind::Other);
        named.map_err(|_| Reason::InvalidName)?;
        let symbols = &mut self.set.symbols;
        let name = symbols.intern(self.text.as_bytes());
        let help = symbols.intern(b"Target metadata");
        let mut all = Vec::new();
        let keep = |key: &[u8]| !is_identity(key) && has_label(key, &options.namer);
        self.labels.append(view.attributes, keep, &mut all, &options.namer, symbols)?;
        for &label in &self.resource.identity {
            labels::set(&mut all, label);
        }
        labels::sort(&mut all, symbols);
        self.base = all;
        let family = match self.families.get(&name) {
            Some(&(family, MetricType::Gauge)) => family,
            Some(_) => return Err(Reason::TypeConflict),
            None => {
                let kind = MetricType::Gauge;
                self.new_family(Family { metric: name, name, kind, help, unit: Symbol::EMPTY }).family
            }
        };
        self.fill(sluice_pdata::view::Attributes::default())?;
        let stream = self.labels.stream(name, &self.set.symbols);
        let times = Times { timestamp: millis(latest), start: 0 };
        // Batches of one resource may come with other times than they were sent: one sample of this series too old
        // would spoil a request.
        if self.set.described.is_news(stream, times.timestamp) {
            let series = self.series(name, None, family, stream);
            self.set.sample(series, 1.0, times, 0)?;
        }
        Ok(())
    }

    /// Makes what every series of a scope has: what the resource gives, and what the scope gives, which wins.
    pub(super) fn put_scope(&mut self, scope: &ScopeMetricsView<'a>) {
        let symbols = &mut self.set.symbols;
        let known = [
            ("otel_scope_name", scope.scope.name),
            ("otel_scope_version", scope.scope.version),
            ("otel_scope_schema_url", scope.schema_url),
        ];
        let mut own = Vec::new();
        for (name, value) in known {
            own.push(Label {
                name: Name::new(name.as_bytes(), symbols),
                value: symbols.intern(value.as_bytes()),
            });
        }
        for attribute in scope.scope.attributes {
            let key = format!("otel_scope_{}", attribute.key);
            if let Ok(name) = self.options.namer.label(&key) {
                let value = symbols.intern(&attribute.value.to_text());
                own.push(Label { name: Name::new(name.as_bytes(), symbols), value });
            }
        }
        own.retain(|label| label.value != Symbol::EMPTY);
        // Of equal names the first one stays.
        labels::sort(&mut own, symbols);
        own.dedup_by_key(|label| label.name.symbol());
        self.base.clear();
        labels::merge(&own, self.resource.labels.iter().copied(), &mut self.base, symbols);
    }
}
