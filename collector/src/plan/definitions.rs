//! The five sections that define components.

use std::collections::{BTreeMap, BTreeSet};

use sluice_component::{
    ComponentId, ComponentRef, Kind, Registry,
    factory::{Described, Parsed},
};
use sluice_config::{Entry, Node, Problem, Problems, closest};

use super::{purposes::Purposes, section};
use crate::known;

/// What the configuration defines. A component that could not be read is defined all the same, so that the
/// pipelines which name it are not blamed as well.
#[derive(Default)]
pub(super) struct Definitions(BTreeMap<ComponentRef, Option<Parsed>>);

impl Definitions {
    pub(super) fn read(
        registry: &Registry,
        root: &Node,
        purposes: &Purposes,
        problems: &mut Problems,
    ) -> Self {
        let mut definitions = Self::default();
        for kind in Kind::ALL {
            if let Some(node) = root.get(kind.section())
                && section(node, kind.section(), problems)
            {
                for entry in node.entries() {
                    definitions.define(registry, kind, entry, purposes, problems);
                }
            }
        }
        for (kind, what) in [(Kind::Receiver, "receiver"), (Kind::Exporter, "exporter")] {
            // A connector may stand in for either.
            if !definitions.0.keys().any(|c| c.kind() == kind || c.kind() == Kind::Connector) {
                let text = format!("no {what} configuration specified in config");
                problems.push(Problem::error(kind.section(), text).at(root.span()));
            }
        }
        definitions.refuse_ambiguous(root, problems);
        definitions
    }

    pub(super) fn contains(&self, component: &ComponentRef) -> bool {
        self.0.contains_key(component)
    }

    /// The IDs defined for `kind`, as written.
    pub(super) fn ids(&self, kind: Kind) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().filter(move |c| c.kind() == kind).map(|c| c.id().as_str())
    }

    /// Parts what is used from what is not.
    pub(super) fn into_used(
        self,
        used: &BTreeSet<ComponentRef>,
    ) -> (BTreeMap<ComponentRef, Parsed>, BTreeSet<ComponentRef>) {
        let mut components = BTreeMap::new();
        let mut unused = BTreeSet::new();
        for (component, parsed) in self.0 {
            match parsed {
                Some(parsed) if used.contains(&component) => {
                    components.insert(component, parsed);
                }
                _ => {
                    unused.insert(component);
                }
            }
        }
        (components, unused)
    }

    fn define(
        &mut self,
        registry: &Registry,
        kind: Kind,
        entry: &Entry,
        purposes: &Purposes,
        problems: &mut Problems,
    ) {
        let Some(component) = component_of(kind, entry, problems) else { return };
        if self.contains(&component) {
            let text = format!("duplicate name `{}`", component.id());
            problems.push(Problem::malformed(kind.section(), text).at(entry.key_span.as_ref()));
            return;
        }
        let parsed = factory_of(registry, &component, entry, problems).and_then(|factory| {
            let path = component.to_string();
            purposes.of(&component, |purpose| factory.parse_for(purpose, &entry.value, &path, problems))
        });
        self.0.insert(component, parsed);
    }

    fn refuse_ambiguous(&self, root: &Node, problems: &mut Problems) {
        for connector in self.0.keys().filter(|c| c.kind() == Kind::Connector) {
            for kind in [Kind::Receiver, Kind::Exporter] {
                if self.contains(&ComponentRef::new(kind, connector.id().clone())) {
                    let id = connector.id();
                    let text = format!("ambiguous ID: Found both \"{id}\" {kind} and \"{id}\" connector");
                    let entry = root.get("connectors").and_then(|node| node.entry(id.as_str()));
                    let span = entry.and_then(|entry| entry.key_span.as_ref());
                    problems.push(
                        Problem::error(connector.to_string(), text).at(span).help("rename one of them"),
                    );
                }
            }
        }
    }
}

/// The components that `section` defines and whose types are known.
pub(super) fn known<'a>(
    registry: &'a Registry,
    kind: Kind,
    node: &'a Node,
    problems: &mut Problems,
) -> Vec<(ComponentRef, &'a dyn Described, &'a Entry)> {
    section(node, kind.section(), problems);
    let known = node.entries().iter().filter_map(|entry| {
        let component = component_of(kind, entry, problems)?;
        let factory = factory_of(registry, &component, entry, problems)?;
        Some((component, factory, entry))
    });
    known.collect()
}

fn component_of(kind: Kind, entry: &Entry, problems: &mut Problems) -> Option<ComponentRef> {
    match entry.key.parse::<ComponentId>() {
        Ok(id) => Some(ComponentRef::new(kind, id)),
        Err(error) => {
            problems.push(Problem::malformed(kind.section(), error.to_string()).at(entry.key_span.as_ref()));
            None
        }
    }
}

/// The factory of a component; warns of an old name, reports one that nobody knows.
fn factory_of<'a>(
    registry: &'a Registry,
    component: &ComponentRef,
    entry: &Entry,
    problems: &mut Problems,
) -> Option<&'a dyn Described> {
    let found = find(registry, component.kind(), component.id().type_());
    match found {
        Some(factory) => warn_of_alias(factory, component, entry, problems),
        None => problems.push(unknown_type(registry, component, entry)),
    }
    found
}

/// The factory of `type_` without what it builds.
pub(super) fn find<'a>(registry: &'a Registry, kind: Kind, type_: &str) -> Option<&'a dyn Described> {
    registry
        .describe(kind)
        .into_iter()
        .find(|factory| factory.type_() == type_ || factory.aliases().contains(&type_))
}

fn warn_of_alias(factory: &dyn Described, component: &ComponentRef, entry: &Entry, problems: &mut Problems) {
    let (written, today) = (component.id().type_(), factory.type_());
    if written != today {
        let text = format!("\"{written}\" alias is deprecated; use \"{today}\" instead");
        problems.push(Problem::warning(component.to_string(), text).at(entry.key_span.as_ref()));
    }
}

/// Says whether a type is known from `otelcol-contrib`, and what comes nearest.
fn unknown_type(registry: &Registry, component: &ComponentRef, entry: &Entry) -> Problem {
    let (kind, id) = (component.kind(), component.id());
    let type_ = id.type_();
    let types: Vec<&str> = registry.describe(kind).into_iter().map(Described::type_).collect();
    let text = format!("unknown type: \"{type_}\" for id: \"{id}\" (valid values: [{}])", types.join(" "));
    let problem = Problem::malformed(component.to_string(), text).at(entry.key_span.as_ref());
    match (kind, type_) {
        (Kind::Exporter, "logging") => return problem.help("the logging exporter was replaced by `debug`"),
        (Kind::Extension, "memory_ballast") => {
            return problem
                .help("it was removed from otelcol, and there is nothing here that needs it: remove it");
        }
        _ => {}
    }
    if !known::in_contrib(kind, type_) {
        let problem = problem.note(format!("otelcol-contrib has no {kind} of this name either"));
        return match (closest(type_, types.iter().copied()), elsewhere(registry, type_)) {
            (Some(near), _) => problem.help(format!("the nearest that exists is `{near}`")),
            (None, Some(other)) => problem.help(format!("`{type_}` is one of the {}", other.section())),
            (None, None) => problem,
        };
    }
    let problem = problem
        .note(format!("`{type_}` is known from otelcol-contrib; sluice does not have this {kind} yet"));
    let (nearest, how) = known::instead_of(kind, type_);
    match nearest.iter().find_map(|near| find(registry, kind, near)) {
        Some(near) => problem.help(format!("the nearest that exists is `{}`: {how}", near.type_())),
        None => problem.help(how),
    }
}

/// The kind of component that has this type.
fn elsewhere(registry: &Registry, type_: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|&kind| find(registry, kind, type_).is_some())
}
