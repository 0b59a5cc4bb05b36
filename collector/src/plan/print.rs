//! A plan as text, as a DOT graph, and as the configuration with all defaults filled in.

use sluice_component::{
    ComponentRef, Kind, Registry,
    factory::{Purpose, Secrets},
};
use sluice_config::{Node, Problems, Reach, Value, decode_and, to_node};

use super::{Plan, SERVICE, TOP_LEVEL, definitions, unknown_keys};
use crate::{settings::Settings, telemetry_settings::TelemetrySettings};

impl Plan {
    /// One line per pipeline, data flowing from left to right, and the extensions.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for pipeline in &self.pipelines {
            let stage = |list: &[ComponentRef]| {
                let ids: Vec<&str> = list.iter().map(|c| c.id().as_str()).collect();
                ids.join(", ")
            };
            let processors =
                pipeline.processors.iter().map(|c| format!(" -> {}", c.id())).collect::<String>();
            let (receivers, exporters) = (stage(&pipeline.receivers), stage(&pipeline.exporters));
            text += &format!(
                "{} ({}): {receivers}{processors} -> {exporters}\n",
                pipeline.id,
                pipeline.tier.as_str()
            );
        }
        if !self.extensions.is_empty() {
            let ids: Vec<&str> = self.extensions.iter().map(|c| c.id().as_str()).collect();
            text += &format!("extensions: {}\n", ids.join(", "));
        }
        for component in &self.unused {
            text += &format!("unused: {component}\n");
        }
        text
    }

    /// The graph in DOT, one cluster per pipeline.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut dot = String::from("digraph sluice {\n  rankdir=LR;\n  node [shape=box];\n");
        for (n, pipeline) in self.pipelines.iter().enumerate() {
            // Processors exist once per pipeline; everything else is shared.
            let name = |c: &ComponentRef| match c.kind() {
                Kind::Processor => quoted(&format!("{}: {c}", pipeline.id)),
                _ => quoted(&c.to_string()),
            };
            dot += &format!("  subgraph cluster_{n} {{\n");
            dot +=
                &format!("    label={};\n", quoted(&format!("{} ({})", pipeline.id, pipeline.tier.as_str())));
            for processor in &pipeline.processors {
                dot += &format!("    {} [label={}];\n", name(processor), quoted(processor.id().as_str()));
            }
            let entry = quoted(&format!("entry of {}", pipeline.id));
            dot += &format!("    {entry} [shape=point];\n  }}\n");
            for receiver in &pipeline.receivers {
                dot += &format!("  {} -> {entry};\n", name(receiver));
            }
            let mut last = entry;
            for processor in &pipeline.processors {
                dot += &format!("  {last} -> {};\n", name(processor));
                last = name(processor);
            }
            for exporter in &pipeline.exporters {
                dot += &format!("  {last} -> {};\n", name(exporter));
            }
        }
        dot.push_str("}\n");
        dot
    }

    /// The configuration with every default filled in and every value's origin. Components that nothing uses
    /// are left out, because nothing will be built from them.
    #[must_use]
    pub fn effective(&self, secrets: Secrets) -> Node {
        let mut tree = Node::empty_map();
        for kind in Kind::ALL {
            let mut section = Node::empty_map();
            for (component, parsed) in self.components.iter().filter(|(c, _)| c.kind() == kind) {
                section.set(component.id().as_str(), parsed.effective(secrets));
            }
            if !section.is_empty() {
                tree.set(kind.section(), section);
            }
        }
        let mut service = Node::empty_map();
        if !self.extensions.is_empty() {
            service.set("extensions", ids(&self.extensions));
        }
        let mut pipelines = Node::empty_map();
        for pipeline in &self.pipelines {
            let mut node = Node::empty_map();
            node.set("receivers", ids(&pipeline.receivers));
            node.set("processors", ids(&pipeline.processors));
            node.set("exporters", ids(&pipeline.exporters));
            pipelines.set(&pipeline.id.to_string(), node);
        }
        service.set("pipelines", pipelines);
        service.set("telemetry", to_node(&self.telemetry));
        tree.set("service", service);
        tree.set("sluice", to_node(&self.settings));
        tree.with_origins_of(&self.root)
    }
}

/// The configuration `root` with every default filled in, decoded but not checked: otelcol's
/// `print-config --validate=false`. What is no form of a configuration goes into `problems`.
pub(crate) fn unchecked(registry: &Registry, mut root: Node, problems: &mut Problems) -> Node {
    let null = Node::default();
    let written = root.clone();
    unknown_keys(&written, "", &TOP_LEVEL, problems);
    let purpose = Purpose { reach: Reach::Form, ..Purpose::default() };
    for kind in Kind::ALL {
        let Some(section) = written.get(kind.section()) else { continue };
        let mut decoded = Node::empty_map();
        for (component, factory, entry) in definitions::known(registry, kind, section, problems) {
            if let Some(parsed) = factory.parse_for(purpose, &entry.value, &component.to_string(), problems) {
                decoded.set(&entry.key, parsed.effective(Secrets::Redacted));
            }
        }
        root.set(kind.section(), decoded);
    }
    let mut service = written.get("service").cloned().unwrap_or_default();
    unknown_keys(&service, "service", &SERVICE, problems);
    let telemetry = service.get("telemetry").unwrap_or(&null);
    let telemetry: Option<TelemetrySettings> =
        decode_and(telemetry, "service.telemetry", Reach::Form, |_, _| {}, problems);
    service.set("telemetry", to_node(&telemetry));
    root.set("service", service);
    let sluice = written.get("sluice").unwrap_or(&null);
    let sluice: Option<Settings> = decode_and(sluice, "sluice", Reach::Form, |_, _| {}, problems);
    root.set("sluice", to_node(&sluice));
    root.with_origins_of(&written)
}

fn ids(components: &[ComponentRef]) -> Node {
    Node::new(Value::Seq(components.iter().map(|c| Node::from(c.id().as_str())).collect()))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
