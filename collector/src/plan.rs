//! From the YAML tree to a checked plan. Nothing is built or bound; [`Plan::check`] is pure, [`Plan::read`]
//! can also look at the files that the settings name.
//!
//! [`Plan::check`] reads `definitions` (components by section), then `pipelines` (what refers to what), then
//! `connections` (connectors and their cycles) and `claims` (ports), and reports every problem of all of
//! them at once.

mod claims;
mod connections;
mod definitions;
mod pipelines;
pub(crate) mod print;
mod purposes;

use std::collections::{BTreeMap, BTreeSet};

use sluice_component::{ComponentRef, Delivery, Kind, PipelineId, Registry, Tier, factory::Parsed};
use sluice_config::{Node, Problem, Problems, Reach, decode, decode_and};

use self::{definitions::Definitions, purposes::Purposes};
use crate::{settings::Settings, telemetry_settings::TelemetrySettings};

/// A configuration that was found to be sound.
#[derive(Debug)]
pub struct Plan {
    /// Every component that a pipeline or `service.extensions` uses.
    pub components: BTreeMap<ComponentRef, Parsed>,
    /// Components that are defined and sound but used by nothing: never built.
    pub unused: BTreeSet<ComponentRef>,
    /// In the order of the YAML, which is the order of starting.
    pub extensions: Vec<ComponentRef>,
    /// Those that others feed through connectors come first.
    pub pipelines: Vec<Pipeline>,
    /// `service.telemetry`.
    pub telemetry: TelemetrySettings,
    /// `sluice:`.
    pub settings: Settings,
    /// The tree that all of it was read from.
    root: Node,
}

/// One pipeline of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Its ID.
    pub id: PipelineId,
    /// Receivers, and connectors that feed it.
    pub receivers: Vec<ComponentRef>,
    /// In the order of the data.
    pub processors: Vec<ComponentRef>,
    /// Exporters, and connectors that it feeds.
    pub exporters: Vec<ComponentRef>,
    /// What an OK to its clients means.
    pub tier: Tier,
}

const TOP_LEVEL: [&str; 7] =
    ["receivers", "processors", "exporters", "connectors", "extensions", "service", "sluice"];

const SERVICE: [&str; 3] = ["extensions", "pipelines", "telemetry"];

impl Plan {
    /// Checks the configuration `root` against the component types of `registry`.
    ///
    /// All problems go into `problems`. `None` exactly when one of them is an error.
    pub fn check(registry: &Registry, root: Node, problems: &mut Problems) -> Option<Self> {
        Self::read(registry, root, Reach::Settings, problems)
    }

    /// As [`Plan::check`]; with [`Reach::Machine`] it also looks at what this machine has for the components that
    /// would be started on it: certificates, keys, files to write, addresses to listen on.
    pub fn read(registry: &Registry, root: Node, reach: Reach, problems: &mut Problems) -> Option<Self> {
        if root.is_empty() {
            problems.push(Problem::error("", "empty configuration file").at(root.span()));
            return None;
        }
        let errors = problems.error_count();
        unknown_keys(&root, "", &TOP_LEVEL, problems);
        let null = Node::default();
        let service = root.get("service").unwrap_or(&null);
        let purposes = Purposes::read(service, reach);
        let definitions = Definitions::read(registry, &root, &purposes, problems);
        unknown_keys(service, "service", &SERVICE, problems);
        let telemetry = service.get("telemetry").unwrap_or(&null);
        let telemetry = decode_and(telemetry, "service.telemetry", reach, |_, _| {}, problems);
        let settings = decode(root.get("sluice").unwrap_or(&null), "sluice", problems);
        let extensions = pipelines::extensions(service, &definitions, registry, problems);
        let mut pipelines = pipelines::read(service, &definitions, registry, problems);
        connections::check(&pipelines, registry, &root, problems);
        let (Some(telemetry), Some(settings)) = (telemetry, settings) else { return None };
        let used: BTreeSet<ComponentRef> =
            extensions.iter().chain(pipelines.iter().flat_map(Pipeline::components)).cloned().collect();
        let (components, unused) = definitions.into_used(&used);
        claims::check(&components, &telemetry, &root, reach, problems);
        if problems.error_count() > errors {
            return None;
        }
        // From here on there are no cycles.
        pipelines = connections::downstream_first(pipelines);
        set_tiers(&mut pipelines, &components);
        Some(Self { components, unused, extensions, pipelines, telemetry, settings, root })
    }

    /// Where `path` was written, or the nearest section above it that was.
    #[must_use]
    pub fn place_of(&self, path: &str) -> Option<&sluice_config::Span> {
        let mut place = None;
        let mut node = &self.root;
        for key in path.split('.') {
            let Some(entry) = node.entry(key) else { break };
            place = entry.key_span.as_ref().or(place);
            node = &entry.value;
        }
        place
    }

    /// The pipelines that list `component`.
    #[must_use]
    pub fn pipelines_of(&self, component: &ComponentRef) -> Vec<PipelineId> {
        let listed = self.pipelines.iter().filter(|pipeline| pipeline.components().any(|c| c == component));
        listed.map(|pipeline| pipeline.id.clone()).collect()
    }
}

impl Pipeline {
    /// Everything that it lists.
    pub fn components(&self) -> impl Iterator<Item = &ComponentRef> {
        self.receivers.iter().chain(&self.processors).chain(&self.exporters)
    }
}

/// Sets the tier of each pipeline by what the exporters at its ends answer, followed through connectors.
fn set_tiers(downstream_first: &mut [Pipeline], components: &BTreeMap<ComponentRef, Parsed>) {
    // What is behind each connector: the pipelines that it feeds came before those that feed it. Kinds of delivery
    // are few, paths through connectors may be very many.
    let mut behind: BTreeMap<ComponentRef, Vec<Delivery>> = BTreeMap::new();
    for pipeline in downstream_first {
        let mut found: Vec<Delivery> = Vec::new();
        for exporter in &pipeline.exporters {
            let own = components.get(exporter).and_then(|parsed| parsed.delivery);
            for delivery in own.iter().chain(behind.get(exporter).into_iter().flatten()) {
                if !found.contains(delivery) {
                    found.push(*delivery);
                }
            }
        }
        pipeline.tier = Tier::of(found.iter().copied());
        for connector in pipeline.receivers.iter().filter(|c| c.kind() == Kind::Connector) {
            behind.entry(connector.clone()).or_default().extend(&found);
        }
    }
}

/// Reports the keys of `node` that are not among `known`, and a node that is no section at all.
fn unknown_keys(node: &Node, path: &str, known: &[&str], problems: &mut Problems) {
    if !section(node, path, problems) {
        return;
    }
    for entry in node.entries().iter().filter(|entry| !known.contains(&&*entry.key)) {
        let problem = Problem::malformed(path, format!("unknown key `{}`", entry.key))
            .at(entry.key_span.as_ref())
            .suggest(&entry.key, "known keys", known.iter().copied());
        problems.push(problem);
    }
}

/// Whether `node` is a section; reports it when it is anything else but null.
fn section(node: &Node, path: &str, problems: &mut Problems) -> bool {
    let fits = matches!(node.value(), sluice_config::Value::Map(_) | sluice_config::Value::Null);
    if !fits {
        let message = format!("expected a section with keys, found {}", node.describe());
        problems.push(Problem::malformed(path, message).at(node.span()));
    }
    fits
}

#[cfg(test)]
mod tests;
