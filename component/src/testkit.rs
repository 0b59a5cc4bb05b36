//! Sinks and a host, for tests of components.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sluice_config::{Node, Problems};
use sluice_pdata::{Pdata, Signal};

use crate::{
    Budget, BuildCx, ComponentRef, Consume, Context, Host, Kind, Level, PipelineId, Refusal, Registry,
    Telemetry, Tier,
    factory::{Described, Shared},
    host::Process,
};

/// Keeps everything that it is given.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<(Context, Pdata)>>);

impl Recorder {
    /// A recorder to put behind the component under test.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The batches so far.
    #[must_use]
    pub fn batches(&self) -> Vec<Pdata> {
        self.taken().iter().map(|(_, data)| data.clone()).collect()
    }

    /// The batches so far, with their contexts.
    #[must_use]
    pub fn taken(&self) -> Vec<(Context, Pdata)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Items in all batches so far.
    #[must_use]
    pub fn items(&self) -> usize {
        self.taken().iter().map(|(_, data)| data.items()).sum()
    }
}

#[async_trait]
impl Consume for Recorder {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((cx, data));
        Ok(())
    }
}

/// Refuses everything, with the refusal that `make` builds for the batch.
pub struct Refuser<F>(pub F);

impl<F> std::fmt::Debug for Refuser<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Refuser")
    }
}

#[async_trait]
impl<F: Fn(&Pdata) -> Refusal + Send + Sync> Consume for Refuser<F> {
    async fn consume(&self, _cx: Context, data: Pdata) -> Result<(), Refusal> {
        Err((self.0)(&data))
    }
}

/// A process with a budget of 1 GiB and all metrics.
#[must_use]
pub fn process() -> Arc<Process> {
    Process::new(Budget::new(1 << 30), Telemetry::new(Level::Detailed))
}

/// The component `id` of `kind`.
///
/// # Panics
/// When `id` is no component ID.
#[must_use]
#[expect(clippy::expect_used, reason = "test code")]
pub fn component(kind: Kind, id: &str) -> ComponentRef {
    ComponentRef::new(kind, id.parse().expect("a component ID"))
}

/// What a factory is told about the component `id` of `kind` in the plain pipeline of `signal`, inside `process`.
#[must_use]
pub fn build_cx(process: &Process, kind: Kind, id: &str, signal: Signal) -> BuildCx {
    BuildCx {
        component: component(kind, id),
        signal: Some(signal),
        account: Some(process.ledger.account(&PipelineId::new(signal, ""))),
        tier: Tier::Memory,
        telemetry: process.telemetry.clone(),
        budget: process.budget.clone(),
        health: process.health.clone(),
        shared: Shared::default(),
    }
}

/// The host of the component `id` of `kind`.
#[must_use]
pub fn host(process: &Arc<Process>, kind: Kind, id: &str) -> Host {
    let component = component(kind, id);
    process.health.enlist(component.clone(), Vec::new());
    Host::new(component, process.clone())
}

/// Decodes and checks `yaml`, the section of one component, as the collector would. Gives what is wrong with it,
/// warnings included.
#[must_use]
#[expect(clippy::expect_used, reason = "test code")]
pub fn problems(factory: &dyn Described, yaml: &str) -> Problems {
    let mut problems = Problems::new();
    let node = Node::from_yaml("test.yaml", yaml).expect("YAML");
    factory.parse(&node, factory.type_(), &mut problems);
    problems
}

/// Decodes and checks each component of `registry` that an example in the Markdown `page` defines; the examples are
/// its ```` ```yaml ```` blocks. Gives the number of components.
///
/// # Panics
/// When one of them has a problem that is an error.
#[expect(clippy::expect_used, reason = "test code")]
pub fn load_examples(registry: &Registry, page: &str) -> usize {
    let mut loaded = 0;
    for example in page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let node = Node::from_yaml("example.yaml", example).expect("YAML");
        for kind in Kind::ALL {
            for entry in node.get(kind.section()).map(Node::entries).unwrap_or_default() {
                let type_ = entry.key.split('/').next().unwrap_or_default();
                let known = registry.describe(kind);
                let Some(factory) = known
                    .into_iter()
                    .find(|known| known.type_() == type_ || known.aliases().contains(&type_))
                else {
                    continue;
                };
                let mut problems = Problems::new();
                factory.parse(&entry.value, &format!("{}.{}", kind.section(), entry.key), &mut problems);
                assert!(!problems.has_errors(), "{problems}");
                loaded += 1;
            }
        }
    }
    loaded
}
