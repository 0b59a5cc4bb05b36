//! `service.extensions` and `service.pipelines`: what refers to what.

use sluice_component::{ComponentId, ComponentRef, Kind, PipelineId, Registry, Tier, ids::BadPipelineId};
use sluice_config::{Entry, Node, Problem, Problems, StringList, Value, closest};
use sluice_pdata::Signal;

use super::{
    Pipeline,
    definitions::{Definitions, find},
    section, unknown_keys,
};

/// The extensions that run, in their order.
pub(super) fn extensions(
    service: &Node,
    definitions: &Definitions,
    registry: &Registry,
    problems: &mut Problems,
) -> Vec<ComponentRef> {
    let path = "service.extensions";
    let Some(node) = service.get("extensions") else { return Vec::new() };
    let mut found = Vec::new();
    for (reference, span) in references(node, path, problems) {
        let component = ComponentRef::new(Kind::Extension, reference.id);
        if !definitions.contains(&component) {
            problems.push(
                undefined(&component, &reference.path, definitions, registry, &[Kind::Extension], problems)
                    .at(span),
            );
        } else if !found.contains(&component) {
            found.push(component);
        }
    }
    found
}

/// Every pipeline that can be made out, sound or not.
pub(super) fn read(
    service: &Node,
    definitions: &Definitions,
    registry: &Registry,
    problems: &mut Problems,
) -> Vec<Pipeline> {
    let path = "service.pipelines";
    let mut pipelines: Vec<Pipeline> = Vec::new();
    if let Some(node) = service.get("pipelines")
        && section(node, path, problems)
    {
        for entry in node.entries() {
            let Some(id) = id_of(entry, problems) else { continue };
            if pipelines.iter().any(|pipeline| pipeline.id == id) {
                let text = format!("duplicate name `{id}`");
                problems.push(Problem::malformed(path, text).at(entry.key_span.as_ref()));
                continue;
            }
            pipelines.push(pipeline(id, entry, definitions, registry, problems));
        }
        if !node.entries().is_empty() {
            return pipelines;
        }
    }
    let place = service.get("pipelines").unwrap_or(service).span();
    problems.push(Problem::error("service", "service must have at least one pipeline").at(place));
    pipelines
}

fn id_of(entry: &Entry, problems: &mut Problems) -> Option<PipelineId> {
    let problem = match entry.key.parse::<PipelineId>() {
        Ok(id) => return Some(id),
        Err(_) if entry.key.split('/').next().map(str::trim) == Some("profiles") => {
            let text = format!("`{}`: profiles pipelines do not exist in sluice yet", entry.key);
            Problem::error("service.pipelines", text).help("remove it, or keep otelcol for profiles")
        }
        Err(error) => {
            let problem = Problem::malformed("service.pipelines", error.to_string());
            let signals = || Signal::ALL.into_iter().map(Signal::as_str);
            match error {
                BadPipelineId::UnknownSignal(word) if closest(&word, signals()).is_some() => {
                    problem.suggest(&word, "signals", signals().collect::<Vec<_>>())
                }
                _ => problem,
            }
        }
    };
    problems.push(problem.at(entry.key_span.as_ref()));
    None
}

fn pipeline(
    id: PipelineId,
    entry: &Entry,
    definitions: &Definitions,
    registry: &Registry,
    problems: &mut Problems,
) -> Pipeline {
    let path = format!("service.pipelines.{id}");
    unknown_keys(&entry.value, &path, &["receivers", "processors", "exporters"], problems);
    let mut list = |kinds: &[Kind]| {
        let Some(&first) = kinds.first() else { return Vec::new() };
        let Some(node) = entry.value.get(first.section()) else { return Vec::new() };
        let mut found: Vec<ComponentRef> = Vec::new();
        for (reference, span) in references(node, &format!("{path}.{}", first.section()), problems) {
            let of = |kind: Kind| ComponentRef::new(kind, reference.id.clone());
            let Some(component) = kinds.iter().map(|&kind| of(kind)).find(|c| definitions.contains(c)) else {
                problems.push(
                    undefined(&of(first), &reference.path, definitions, registry, kinds, problems).at(span),
                );
                continue;
            };
            if !found.contains(&component) {
                if let Some(problem) = unsupported(registry, &component, &id, &reference.path) {
                    problems.push(problem.at(span));
                }
                found.push(component);
            } else if first == Kind::Processor {
                let text = format!("references processor \"{}\" multiple times", reference.id);
                problems.push(Problem::error(&path, text).at(span));
            }
        }
        found
    };
    let receivers = list(&[Kind::Receiver, Kind::Connector]);
    let processors = list(&[Kind::Processor]);
    let exporters = list(&[Kind::Exporter, Kind::Connector]);
    for (kind, listed) in [(Kind::Receiver, "receivers"), (Kind::Exporter, "exporters")] {
        // A list with faulty references has been reported already.
        if entry.value.get(listed).is_none_or(Node::is_empty) {
            let text = format!("must have at least one {kind}");
            problems.push(Problem::error(&path, text).at(entry.key_span.as_ref()));
        }
    }
    Pipeline { id, receivers, processors, exporters, tier: Tier::Memory }
}

pub(super) struct Reference {
    pub(super) id: ComponentId,
    path: String,
}

/// The IDs of a list, or of one comma-separated string.
pub(super) fn references<'a>(
    node: &'a Node,
    path: &str,
    problems: &mut Problems,
) -> Vec<(Reference, Option<&'a sluice_config::Span>)> {
    let mut found = Vec::new();
    let mut add = |text: &str, path: String, span, problems: &mut Problems| match text.parse() {
        Ok(id) => found.push((Reference { id, path }, span)),
        Err(error) => {
            let error: <ComponentId as std::str::FromStr>::Err = error;
            problems.push(Problem::malformed(path, error.to_string()).at(span));
        }
    };
    match node.value() {
        Value::Null => {}
        Value::Seq(items) => {
            for (n, item) in items.iter().enumerate() {
                let path = format!("{path}[{n}]");
                match item.as_str() {
                    Some(text) => add(text, path, item.span(), problems),
                    None => {
                        let text = format!("expected a component ID, found {}", item.describe());
                        problems.push(Problem::malformed(path, text).at(item.span()));
                    }
                }
            }
        }
        Value::Map(_) => {
            let keys: Vec<&str> = node.entries().iter().map(|entry| &*entry.key).collect();
            problems.push(
                Problem::malformed(path, "expected a list, found a section")
                    .at(node.span())
                    .help(format!("write `[{}]`", keys.join(", "))),
            );
        }
        _ => match sluice_config::decode::<StringList>(node, path, problems) {
            Some(list) => {
                for text in list.iter() {
                    add(text, path.to_owned(), node.span(), problems);
                }
            }
            None => return found,
        },
    }
    found
}

fn undefined(
    component: &ComponentRef,
    path: &str,
    definitions: &Definitions,
    registry: &Registry,
    kinds: &[Kind],
    others: &Problems,
) -> Problem {
    let (kind, id) = (component.kind(), component.id());
    let problem = Problem::error(path, format!("references {kind} \"{id}\" which is not configured"));
    if !others.are_few() {
        return problem;
    }
    let known = || kinds.iter().flat_map(|&kind| definitions.ids(kind));
    let near = closest(id.as_str(), known().take(200));
    let other =
        Kind::ALL.into_iter().find(|&other| definitions.contains(&ComponentRef::new(other, id.clone())));
    match (other, near) {
        (Some(other), near) => {
            let text = format!("`{id}` is configured under `{}`: it is no {kind}", other.section());
            meant(problem.note(text), near, kind, known())
        }
        (None, None) if find(registry, kind, id.type_()).is_some() => {
            problem.help(format!("configure it: add `{id}:` under `{}`", kind.section()))
        }
        (None, near) => meant(problem, near, kind, known()),
    }
}

fn meant<'a>(
    problem: Problem,
    near: Option<&str>,
    kind: Kind,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Problem {
    match near {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.list(&format!("configured {}", kind.section()), known),
    }
}

/// A component that cannot take part in pipelines of this signal.
fn unsupported(
    registry: &Registry,
    component: &ComponentRef,
    id: &PipelineId,
    path: &str,
) -> Option<Problem> {
    if component.kind() == Kind::Connector {
        return None; // which side it is on decides: see `connections`
    }
    let factory = find(registry, component.kind(), component.id().type_())?;
    let signals: Vec<_> = factory.routes().into_iter().map(|(signal, _)| signal).collect();
    if signals.contains(&id.signal()) {
        return None;
    }
    let names: Vec<&str> = signals.iter().map(|signal| signal.as_str()).collect();
    let text = format!("telemetry type is not supported: {component} takes {} only", names.join(", "));
    Some(Problem::error(path, text))
}
