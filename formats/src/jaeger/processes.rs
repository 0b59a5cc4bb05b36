//! Which resources of a batch are one process.

use std::collections::HashMap;

use sluice_pdata::view::{ResourceSpansView, TracesView};

use super::to_proto;

/// Puts together the resources that become equal processes, in the order of their first ones.
///
/// They are compared by what Jaeger would see of them, so `schema_url` and the like do not count.
pub(super) fn by_process(traces: TracesView<'_>) -> Vec<Vec<ResourceSpansView<'_>>> {
    let mut groups: Vec<Vec<_>> = Vec::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut process = Vec::new();
    for resource in traces {
        process.clear();
        to_proto::process(&resource, &mut process);
        let group = known.get(&process).copied().and_then(|index| groups.get_mut(index));
        match group {
            Some(group) => group.push(resource),
            None => {
                known.insert(process.clone(), groups.len());
                groups.push(vec![resource]);
            }
        }
    }
    groups
}
