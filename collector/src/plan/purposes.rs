//! What each component is for, read from `service` before the components themselves, so that everything that is
//! wrong with one is found in one go. What is wrong with the lists is for `pipelines` to tell.

use std::collections::{BTreeMap, BTreeSet};

use sluice_component::{ComponentRef, Kind, PipelineId, factory::Purpose};
use sluice_config::{Node, Problems, Reach};
use sluice_pdata::Signal;

use super::pipelines::references;

/// The components that `service` names, with the signals of the pipelines that do.
pub(super) struct Purposes {
    signals: BTreeMap<ComponentRef, BTreeSet<Signal>>,
    reach: Reach,
}

impl Purposes {
    /// Reads what can be read. `reach` is for the components that are named.
    pub(super) fn read(service: &Node, reach: Reach) -> Self {
        let mut signals: BTreeMap<ComponentRef, BTreeSet<Signal>> = BTreeMap::new();
        let mut told_later = Problems::new();
        let mut named = |list: Option<&Node>, kinds: &[Kind], signal: Option<Signal>| {
            for (reference, _) in list.into_iter().flat_map(|list| references(list, "", &mut told_later)) {
                for &kind in kinds {
                    let component = ComponentRef::new(kind, reference.id.clone());
                    signals.entry(component).or_default().extend(signal);
                }
            }
        };
        named(service.get("extensions"), &[Kind::Extension], None);
        for entry in service.get("pipelines").map(Node::entries).unwrap_or_default() {
            let signal = entry.key.parse::<PipelineId>().ok().map(|id| id.signal());
            named(entry.value.get("receivers"), &[Kind::Receiver, Kind::Connector], signal);
            named(entry.value.get("processors"), &[Kind::Processor], signal);
            named(entry.value.get("exporters"), &[Kind::Exporter, Kind::Connector], signal);
        }
        Self { signals, reach }
    }

    /// Calls `with` with what `component` is for.
    pub(super) fn of<T>(&self, component: &ComponentRef, with: impl FnOnce(Purpose<'_>) -> T) -> T {
        match self.signals.get(component) {
            None => with(Purpose::default()),
            Some(signals) => {
                let signals: Vec<Signal> = signals.iter().copied().collect();
                with(Purpose { signals: &signals, reach: self.reach })
            }
        }
    }
}
