//! The labels of a series, as two texts: its own, and the base that it shares with the other series of its scope.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use sluice_formats::prometheus::{
    expose::push_label,
    from_otlp::{Reason, ResourceAttributes, is_identity, job_and_instance},
    labels::METRIC_NAME,
    model::MetricType,
    names::Namer,
};
use sluice_pdata::view::{Attributes, ResourceView, ScopeMetricsView};

use super::{lost::Lost, settings::Settings};

/// Which labels there are.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) namer: Namer,
    resource: ResourceAttributes,
    scope: bool,
    constant: BTreeMap<String, String>,
}

impl Rules {
    pub(super) fn new(settings: &Settings, namer: Namer) -> Self {
        let labels = settings.const_labels.iter().filter(|(_, value)| !value.is_empty());
        let constant =
            labels.filter_map(|(name, value)| Some((namer.label(name).ok()?.into_owned(), value.clone())));
        Self {
            constant: constant.collect(),
            namer,
            resource: settings.resource_labels.attributes(),
            scope: !settings.without_scope_info,
        }
    }

    /// What all series of a scope have.
    pub(super) fn base(&self, resource: &ResourceView<'_>, scope: Option<&ScopeMetricsView<'_>>) -> Base {
        // An attribute whose key is no label costs itself alone: it belongs to no point.
        let mut strong = self.labels(&resource.attributes, |key| self.resource.has(key)).0;
        if let Some(scope) = scope.filter(|_| self.scope) {
            for attribute in scope.scope.attributes {
                if let Ok(name) = self.namer.label(&format!("otel_scope_{}", attribute.key)) {
                    set(&mut strong, &name, Cow::Owned(attribute.value.to_string()));
                }
            }
            for (name, value) in [
                ("otel_scope_name", scope.scope.name),
                ("otel_scope_version", scope.scope.version),
                ("otel_scope_schema_url", scope.schema_url),
            ] {
                if !value.is_empty() {
                    set(&mut strong, name, Cow::Borrowed(value.as_str()));
                }
            }
        }
        for (name, value) in identity(resource) {
            set(&mut strong, name, Cow::Owned(value));
        }
        Base { strong, weak: self.constant.clone() }
    }

    /// Whether a resource says more of itself than `job` and `instance`, and has one of these.
    pub(super) fn has_target_info(&self, resource: &ResourceView<'_>) -> bool {
        !resource.attributes.iter().all(|attribute| is_identity(attribute.key.as_bytes()))
            && identity(resource).next().is_some()
    }

    /// What a resource says of itself.
    pub(super) fn target_info(&self, resource: &ResourceView<'_>) -> Labels {
        let (mut labels, _) = self.labels(&resource.attributes, |key| !is_identity(key.as_bytes()));
        labels.extend(identity(resource).map(|(name, value)| (name.to_owned(), value)));
        labels
    }

    /// The labels of a point's attributes.
    pub(super) fn own(&self, attributes: &Attributes<'_>) -> Result<Labels, Lost> {
        let (labels, complete) = self.labels(attributes, |_| true);
        if complete { Ok(labels) } else { Err(Reason::InvalidLabel.into()) }
    }

    /// Attributes as labels, and whether each of them has one. Values of keys that become one name are joined in the
    /// order of the keys.
    fn labels(&self, attributes: &Attributes<'_>, keep: impl Fn(&str) -> bool) -> (Labels, bool) {
        let mut complete = true;
        let mut found = Vec::with_capacity(attributes.len());
        for attribute in attributes.iter().filter(|attribute| keep(attribute.key.as_str())) {
            let key = attribute.key.as_str();
            match self.namer.label(key) {
                Ok(name) if name != METRIC_NAME => found.push((name, key, attribute.value.to_string())),
                Ok(_) => {}
                Err(_) => complete = false,
            }
        }
        found.sort();
        let mut labels = Labels::new();
        for (name, _, value) in found.into_iter().filter(|(_, _, value)| !value.is_empty()) {
            match labels.get_mut(&*name) {
                None => {
                    labels.insert(name.into_owned(), value);
                }
                Some(known) if *known == value => {}
                Some(known) => known.extend([";", &value]),
            }
        }
        (labels, complete)
    }
}

/// Names and values.
pub(super) type Labels = BTreeMap<String, String>;

/// An empty value means that there is no such label.
fn set(labels: &mut Labels, name: &str, value: Cow<'_, str>) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value.into_owned());
    }
}

/// `job` and `instance`, as far as the resource has them.
fn identity(resource: &ResourceView<'_>) -> impl Iterator<Item = (&'static str, String)> {
    let (job, instance) = job_and_instance(resource);
    let labels = [("job", job), ("instance", instance)].into_iter().filter(|(_, value)| !value.is_empty());
    labels.map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
}

/// The labels that all series of a scope have.
#[derive(Debug)]
pub(super) struct Base {
    /// They win over the labels of a point.
    strong: Labels,
    /// They give way to them: `const_labels`.
    weak: Labels,
}

impl Base {
    /// The base of a target's metadata.
    pub(super) fn constant(rules: &Rules) -> Self {
        Self { strong: Labels::new(), weak: rules.constant.clone() }
    }

    /// The labels of a series that has these of its own, as two texts without a name in common. `share` gives the same
    /// text for the same base, so that it is kept once.
    pub(super) fn with(
        &self,
        own: &Labels,
        kind: MetricType,
        share: impl FnOnce(String) -> Result<Arc<str>, Lost>,
    ) -> Result<Texts, Lost> {
        let reserved = match kind {
            MetricType::Histogram => "le",
            MetricType::Summary => "quantile",
            _ => "",
        };
        let mut text = String::new();
        for (name, value) in
            own.iter().filter(|(name, _)| *name != reserved && !self.strong.contains_key(*name))
        {
            push_label(&mut text, name, value);
        }
        let mut base = String::new();
        let weak = |name: &str| !own.contains_key(name) && !self.strong.contains_key(name);
        let labels = self.strong.iter().chain(self.weak.iter().filter(|(name, _)| weak(name)));
        for (name, value) in labels.filter(|(name, _)| *name != reserved) {
            push_label(&mut base, name, value);
        }
        Ok(Texts { own: text.into_boxed_str(), base: share(base)? })
    }
}

/// The labels of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) own: Box<str>,
    pub(super) base: Arc<str>,
}
