//! Connectors: each needs a pipeline on both sides, in signals that it can turn into one another, and
//! nothing may flow in a circle.

use std::collections::{BTreeMap, BTreeSet};

use sluice_component::{ComponentRef, Kind, PipelineId, Registry};
use sluice_config::{Node, Problem, Problems};
use sluice_pdata::Signal;

use super::{Pipeline, definitions::find};

/// Reports connectors that are used on one side only, and cycles.
pub(super) fn check(pipelines: &[Pipeline], registry: &Registry, root: &Node, problems: &mut Problems) {
    let connectors: BTreeSet<&ComponentRef> =
        pipelines.iter().flat_map(Pipeline::components).filter(|c| c.kind() == Kind::Connector).collect();
    for connector in connectors {
        // What an unknown type can do is unknown; that it lacks a side altogether is wrong for every type.
        let routes = find(registry, Kind::Connector, connector.id().type_()).map(|factory| factory.routes());
        let feeds = |pipeline: &Pipeline| pipeline.receivers.contains(connector);
        let fed_by = |pipeline: &Pipeline| pipeline.exporters.contains(connector);
        let joined = |from: &Pipeline, to: &Pipeline| {
            routes.as_ref().is_none_or(|routes| routes.contains(&(from.id.signal(), to.id.signal())))
        };
        for from in pipelines.iter().filter(|p| fed_by(p)) {
            if !pipelines.iter().any(|to| feeds(to) && joined(from, to)) {
                let text = one_sided(connector, "exporter", &from.id, "receiver");
                problems.push(Problem::error(connector.to_string(), text).at(place(root, connector)));
            }
        }
        for to in pipelines.iter().filter(|p| feeds(p)) {
            if !pipelines.iter().any(|from| fed_by(from) && joined(from, to)) {
                let text = one_sided(connector, "receiver", &to.id, "exporter");
                problems.push(Problem::error(connector.to_string(), text).at(place(root, connector)));
            }
        }
    }
    if let Some(cycle) = find_cycle(pipelines) {
        let hops: Vec<String> = cycle
            .iter()
            .map(|(connector, from, to)| format!("connector \"{}\" ({from} to {to})", connector.id()))
            .collect();
        let Some((connector, ..)) = cycle.first() else { return };
        let text = format!("cycle detected: {}", hops.join(" -> "));
        problems.push(Problem::error(connector.to_string(), text).at(place(root, connector)));
    }
}

fn one_sided(connector: &ComponentRef, is: &str, pipeline: &PipelineId, not: &str) -> String {
    format!(
        "connector \"{}\" used as {is} in [{pipeline}] pipeline but not used in any supported {not} pipeline",
        connector.id()
    )
}

fn place<'a>(root: &'a Node, component: &ComponentRef) -> Option<&'a sluice_config::Span> {
    root.get(component.kind().section())?.entry(component.id().as_str())?.key_span.as_ref()
}

/// Connectors on the way out of `pipeline`, with the pipelines behind them.
fn next<'a>(
    pipeline: &'a Pipeline,
    pipelines: &'a [Pipeline],
) -> impl Iterator<Item = (&'a ComponentRef, &'a Pipeline)> {
    let connectors = pipeline.exporters.iter().filter(|c| c.kind() == Kind::Connector);
    connectors.flat_map(move |connector| {
        pipelines.iter().filter(|to| to.receivers.contains(connector)).map(move |to| (connector, to))
    })
}

type Hop = (ComponentRef, Signal, Signal);

fn find_cycle(pipelines: &[Pipeline]) -> Option<Vec<Hop>> {
    let mut done = BTreeSet::new();
    pipelines.iter().find_map(|start| walk(start, pipelines, &mut Vec::new(), &mut Vec::new(), &mut done))
}

/// Depth first from `at`; `path` holds the pipelines on the way, `hops` the connectors between them.
fn walk<'a>(
    at: &'a Pipeline,
    pipelines: &'a [Pipeline],
    path: &mut Vec<&'a PipelineId>,
    hops: &mut Vec<Hop>,
    done: &mut BTreeSet<&'a PipelineId>,
) -> Option<Vec<Hop>> {
    if let Some(from) = path.iter().position(|id| **id == at.id) {
        return Some(hops.split_off(from));
    }
    if done.contains(&at.id) {
        return None;
    }
    path.push(&at.id);
    for (connector, to) in next(at, pipelines) {
        hops.push((connector.clone(), at.id.signal(), to.id.signal()));
        if let Some(cycle) = walk(to, pipelines, path, hops, done) {
            return Some(cycle);
        }
        hops.pop();
    }
    path.pop();
    done.insert(&at.id);
    None
}

/// The same pipelines, each after all those that it feeds. Call it only without cycles.
pub(super) fn downstream_first(pipelines: Vec<Pipeline>) -> Vec<Pipeline> {
    fn visit<'a>(at: &'a Pipeline, all: &'a [Pipeline], order: &mut Vec<&'a PipelineId>) {
        for (_, to) in next(at, all) {
            if !order.contains(&&to.id) {
                visit(to, all, order);
            }
        }
        if !order.contains(&&at.id) {
            order.push(&at.id);
        }
    }
    let mut order = Vec::new();
    for pipeline in &pipelines {
        visit(pipeline, &pipelines, &mut order);
    }
    let rank: BTreeMap<PipelineId, usize> =
        order.into_iter().enumerate().map(|(n, id)| (id.clone(), n)).collect();
    let mut pipelines = pipelines;
    pipelines.sort_by_key(|pipeline| rank.get(&pipeline.id).copied());
    pipelines
}
