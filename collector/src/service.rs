//! The life of a graph: start, run, drain.

mod drain;

use std::{fmt, sync::Arc, time::Duration};

pub use drain::Drained;
use sluice_component::{BuildError, Host, Registry, StartError, State, host::Process};
use sluice_config::{Problem, Problems};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use crate::{
    graph::{self, Graph},
    plan::Plan,
};

/// A built graph, ready to start.
pub struct Service {
    plan: Plan,
    graph: Graph,
    process: Arc<Process>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("graph", &self.graph).finish_non_exhaustive()
    }
}

impl Service {
    /// Builds every component of `plan`. Nothing is started.
    ///
    /// # Errors
    /// Every component that could not be built, with its place in the configuration.
    pub fn build(plan: Plan, registry: &Registry, process: Arc<Process>) -> Result<Self, Problems> {
        match graph::build(&plan, registry, &process) {
            Ok(graph) => Ok(Self { plan, graph, process }),
            Err(errors) => {
                let mut problems = Problems::new();
                problems.extend(errors.into_iter().map(|BuildError { component, key, message }| {
                    let path =
                        if key.is_empty() { component.to_string() } else { format!("{component}.{key}") };
                    let place = plan.place_of(&path);
                    Problem::error(&path, message).at(place)
                }));
                Err(problems)
            }
        }
    }

    /// The plan that is running.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What all components share.
    #[must_use]
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Starts extensions, exporters, stages and, last, receivers. When it returns, every socket is bound and
    /// the collector reports that it is ready.
    ///
    /// # Errors
    /// The first component that could not start; what was started is stopped again.
    pub async fn start(&self) -> Result<(), StartError> {
        for component in self.plan.components.keys() {
            self.process.health.enlist(component.clone(), self.plan.pipelines_of(component));
        }
        for (n, node) in self.graph.nodes.iter().enumerate() {
            let host = Host::new(node.component.clone(), self.process.clone());
            if let Err(error) = node.part.start(&host).await {
                let deadline = Instant::now() + Duration::from_secs(1);
                drain::stop(self.graph.nodes.get(..n).unwrap_or_default(), &self.process, deadline).await;
                return Err(error);
            }
            debug!(component = %node.component, "started");
        }
        // A component that knows better than "ok" has said so during its start.
        for (component, report) in self.process.health.reports() {
            if report.state == State::Starting {
                self.process.health.post(&component, State::Ok, None);
            }
        }
        self.process.health.set_ready(true);
        info!("Everything is ready. Begin running and processing data.");
        Ok(())
    }

    /// Stops in the order of the data: readiness off, drain delay while still serving, then receivers, stages,
    /// exporters, extensions, all within one deadline.
    pub async fn stop(&self) -> Drained {
        let settings = &self.plan.settings;
        self.process.health.set_ready(false);
        if !settings.drain_delay.is_zero() {
            info!(delay = %settings.drain_delay, "serving on while load balancers look away");
            tokio::time::sleep(settings.drain_delay.get()).await;
        }
        info!("Starting shutdown...");
        self.process.stopping.cancel();
        let deadline = Instant::now() + settings.shutdown_timeout.get();
        drain::stop(&self.graph.nodes, &self.process, deadline).await;
        let drained = Drained::read(&self.process.ledger);
        for balance in &drained.uneven {
            error!(
                exporter = %balance.exporter,
                pipeline = %balance.pipeline,
                accounts = ?balance,
                "The accounts do not balance: this is a bug of sluice"
            );
        }
        for loss in &drained.losses {
            warn!(
                exporter = %loss.exporter,
                pipeline = %loss.pipeline,
                dropped_items = loss.items,
                "not delivered before the end"
            );
        }
        info!(lost_items = drained.lost(), lost = %drained, "Shutdown complete.");
        drained
    }
}
