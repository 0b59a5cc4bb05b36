//! Builds every component of a plan, consumers before producers. Nothing is started, nothing is bound.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sluice_component::{
    BuildCx, BuildError, ComponentRef, Consume, Delivery, Exporter, Kind, Outputs, PipelineId, Processor,
    Registry, Tier,
    factory::{Parsed, Shared},
    host::Process,
    ledger::Account,
};
use sluice_pdata::Signal;

use super::{
    Graph, Node,
    chain::{Chain, Incoming, Link, Outgoing},
    edge::Edge,
    entry::Entry,
    fanout::{Arm, Books, Stopping, fanout},
    intake::{END_TO_END_PATIENCE, Intake},
};
use crate::plan::{Pipeline, Plan};

/// Builds the graph of `plan`.
///
/// # Errors
/// Every component that could not be built, with what to do about it.
pub fn build(plan: &Plan, registry: &Registry, process: &Arc<Process>) -> Result<Graph, Vec<BuildError>> {
    let mut builder = Builder {
        plan,
        registry,
        process,
        shared: Shared::default(),
        nodes: Vec::new(),
        exporters: BTreeMap::new(),
        connectors: BTreeMap::new(),
        entries: BTreeMap::new(),
        errors: Vec::new(),
    };
    for extension in &plan.extensions {
        builder.extension(extension);
    }
    for pipeline in &plan.pipelines {
        for exporter in pipeline.exporters.iter().filter(|c| c.kind() == Kind::Exporter) {
            builder.exporter(exporter, pipeline.id.signal());
        }
    }
    // Downstream first: whatever a connector feeds has its entry already.
    for pipeline in &plan.pipelines {
        builder.pipeline(pipeline);
    }
    for receiver in plan.components.keys().filter(|c| c.kind() == Kind::Receiver) {
        builder.receiver(receiver);
    }
    if builder.errors.is_empty() { Ok(Graph { nodes: builder.nodes }) } else { Err(builder.errors) }
}

struct Builder<'a> {
    plan: &'a Plan,
    registry: &'a Registry,
    process: &'a Arc<Process>,
    shared: Shared,
    nodes: Vec<Node>,
    /// One instance per ID and signal.
    exporters: BTreeMap<(ComponentRef, Signal), Arc<dyn Exporter>>,
    /// One instance per ID and incoming signal.
    connectors: BTreeMap<(ComponentRef, Signal), Arc<dyn Consume>>,
    entries: BTreeMap<PipelineId, Arc<dyn Consume>>,
    errors: Vec<BuildError>,
}

impl Builder<'_> {
    fn extension(&mut self, id: &ComponentRef) {
        let Some((factory, parsed)) =
            self.find(id, |registry, type_| registry.extensions.get(type_).cloned())
        else {
            return;
        };
        match factory.build(parsed, self.cx(id, None)) {
            Ok(part) => self.nodes.push(Node { component: id.clone(), pipelines: Vec::new(), part }),
            Err(error) => self.errors.push(error),
        }
    }

    fn exporter(&mut self, id: &ComponentRef, signal: Signal) {
        let key = (id.clone(), signal);
        let found = self.find(id, |registry, type_| registry.exporters.get(type_).cloned());
        let (false, Some((factory, parsed))) = (self.exporters.contains_key(&key), found) else { return };
        match factory.build(parsed, self.cx(id, Some(signal))) {
            Ok(part) => {
                let pipelines = self.listed(id, Some(signal));
                self.nodes.push(Node { component: id.clone(), pipelines, part: part.clone() });
                self.exporters.insert(key, part);
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn receiver(&mut self, id: &ComponentRef) {
        let Some((factory, parsed)) = self.find(id, |registry, type_| registry.receivers.get(type_).cloned())
        else {
            return;
        };
        let mut outputs = Outputs::default();
        for signal in Signal::ALL {
            if let Some(next) = self.entries_behind(id, signal) {
                let waits = |p: &&Pipeline| p.id.signal() == signal && p.receivers.contains(id);
                let end_to_end = self.plan.pipelines.iter().filter(waits).any(|p| p.tier == Tier::EndToEnd);
                let intake = Intake {
                    next,
                    metrics: self.process.telemetry.receiver(id, signal),
                    receiver: id.clone(),
                    signal,
                    patience: end_to_end.then_some(END_TO_END_PATIENCE),
                    process: self.process.clone(),
                    let_go: self.let_go(),
                };
                outputs = outputs.with(signal, Arc::new(intake));
            }
        }
        match factory.build(parsed, self.cx(id, None), outputs) {
            Ok(part) => {
                self.nodes.push(Node { component: id.clone(), pipelines: self.plan.pipelines_of(id), part });
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn connector(&mut self, id: &ComponentRef, signal: Signal) -> Option<Arc<dyn Consume>> {
        let key = (id.clone(), signal);
        if let Some(built) = self.connectors.get(&key) {
            return Some(built.clone());
        }
        let (factory, parsed) = self.find(id, |registry, type_| registry.connectors.get(type_).cloned())?;
        let routes = factory.routes();
        let mut outputs = Outputs::default();
        let mut pipelines = Vec::new();
        for out in Signal::ALL.into_iter().filter(|&out| routes.contains(&(signal, out))) {
            if let Some(next) = self.entries_behind(id, out) {
                let produced = self.process.telemetry.produced(id, None, out);
                outputs = outputs.with(out, Arc::new(Outgoing { next, metrics: None, produced }));
            }
            let behind =
                self.plan.pipelines.iter().filter(|p| p.id.signal() == out && p.receivers.contains(id));
            pipelines.extend(behind.filter_map(|p| Some((p.id.clone(), self.entries.get(&p.id)?.clone()))));
        }
        match factory.build(parsed, self.cx(id, Some(signal)), outputs, pipelines) {
            Ok(part) => {
                let pipelines = self.listed(id, None);
                self.nodes.push(Node { component: id.clone(), pipelines, part: part.clone() });
                self.connectors.insert(key, part.clone());
                Some(part)
            }
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    /// Wires one pipeline from its exporters back to its entry.
    fn pipeline(&mut self, pipeline: &Pipeline) {
        let account = self.process.ledger.account(&pipeline.id);
        let mut next = self.ends(pipeline, &account);
        let mut links: Vec<Link> = Vec::new();
        for id in pipeline.processors.iter().rev() {
            let signal = pipeline.id.signal();
            let metrics = self.process.telemetry.processor(id, signal);
            let consumed = self.process.telemetry.consumed(id, &pipeline.id);
            let Some((factory, parsed)) =
                self.find(id, |registry, type_| registry.processors.get(type_).cloned())
            else {
                continue;
            };
            let cx =
                BuildCx { account: Some(account.clone()), tier: pipeline.tier, ..self.cx(id, Some(signal)) };
            let behind = close(links.clone(), next.clone(), &account);
            let produced = self.process.telemetry.produced(id, Some(&pipeline.id), signal);
            let outgoing =
                Outgoing { next: behind, metrics: Some(metrics.clone()), produced: produced.clone() };
            match factory.build(parsed, cx, Arc::new(outgoing)) {
                Ok(Processor::Transform(transform)) => {
                    // Only edits: joins the run in front of `next`.
                    links.insert(0, Link { transform, metrics, consumed, produced });
                }
                Ok(Processor::Stage(stage)) => {
                    let pipelines = vec![pipeline.id.clone()];
                    self.nodes.push(Node { component: id.clone(), pipelines, part: stage.clone() });
                    next = Arc::new(Incoming { next: stage, metrics, consumed });
                    links.clear();
                }
                Err(error) => self.errors.push(error),
            }
        }
        let head = close(links, next, &account);
        self.entries.insert(pipeline.id.clone(), Arc::new(Entry::new(head, account)));
    }

    /// The fan-out at the end of a pipeline.
    fn ends(&mut self, pipeline: &Pipeline, account: &Arc<Account>) -> Arc<dyn Consume> {
        let signal = pipeline.id.signal();
        let mut arms = Vec::new();
        for id in &pipeline.exporters {
            let (next, keeps_accounts): (Arc<dyn Consume>, bool) = if id.kind() == Kind::Connector {
                let Some(connector) = self.connector(id, signal) else { continue };
                (connector, false)
            } else {
                let Some(exporter) = self.exporters.get(&(id.clone(), signal)) else { continue };
                (exporter.clone(), exporter.keeps_accounts())
            };
            let branch = account.branch(id);
            let metrics = self.process.telemetry.consumed(id, &pipeline.id);
            let outcome = match (id.kind(), keeps_accounts) {
                (Kind::Exporter, false) => Some(self.process.telemetry.unqueued_exporter(id, signal)),
                _ => None,
            };
            let edge = Edge { next, branch: branch.clone(), keeps_accounts, consumed: metrics, outcome };
            let delivery = self.plan.components.get(id).and_then(|parsed| parsed.delivery);
            let takes_all = delivery == Some(Delivery::CannotRefuse);
            arms.push(Arm::new(id.clone(), Arc::new(edge), Books::Branch(branch)).taking_all(takes_all));
        }
        fanout(arms, &self.stopping())
    }

    /// The entries of all pipelines of `signal` that list `id` as a receiver, as one consumer.
    fn entries_behind(&self, id: &ComponentRef, signal: Signal) -> Option<Arc<dyn Consume>> {
        let behind =
            self.plan.pipelines.iter().filter(|p| p.id.signal() == signal && p.receivers.contains(id));
        let arms: Vec<Arm> = behind
            .filter_map(|p| {
                let books = Books::Pipeline(self.process.ledger.account(&p.id));
                Some(Arm::new(id.clone(), self.entries.get(&p.id)?.clone(), books))
            })
            .collect();
        (!arms.is_empty()).then(|| fanout(arms, &self.stopping()))
    }

    fn stopping(&self) -> Stopping {
        Stopping { begun: self.process.stopping.clone(), let_go: self.let_go() }
    }

    /// Half of what receivers get to stop.
    fn let_go(&self) -> Duration {
        self.plan.settings.shutdown_timeout.get() / 8
    }

    /// The pipelines that list `id`, of `signal` only where one is given.
    fn listed(&self, id: &ComponentRef, signal: Option<Signal>) -> Vec<PipelineId> {
        let mut pipelines = self.plan.pipelines_of(id);
        pipelines.retain(|pipeline| signal.is_none_or(|signal| pipeline.signal() == signal));
        pipelines
    }

    fn find<F: ?Sized>(
        &self,
        id: &ComponentRef,
        get: impl Fn(&Registry, &str) -> Option<Arc<F>>,
    ) -> Option<(Arc<F>, &'_ Parsed)> {
        // The plan holds only components whose factory was found and has parsed them.
        Some((get(self.registry, id.id().type_())?, self.plan.components.get(id)?))
    }

    fn cx(&self, id: &ComponentRef, signal: Option<Signal>) -> BuildCx {
        BuildCx {
            component: id.clone(),
            signal,
            account: None,
            tier: Tier::Memory,
            telemetry: self.process.telemetry.clone(),
            budget: self.process.budget.clone(),
            health: self.process.health.clone(),
            shared: self.shared.clone(),
        }
    }
}

/// Puts a run of transforms, if there is one, in front of `next`.
fn close(links: Vec<Link>, next: Arc<dyn Consume>, account: &Arc<Account>) -> Arc<dyn Consume> {
    if links.is_empty() { next } else { Arc::new(Chain::new(links, next, account.clone())) }
}

#[cfg(test)]
mod tests;
