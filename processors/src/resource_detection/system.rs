//! The detector `system`: the host that the collector runs on.
//!
//! - `host_name`: by the sources of the settings
//! - `os`: type, name, version, description
//! - `cpu`: of Linux
//! - `network`: interfaces that are up

mod cpu;
mod host_name;
mod network;
mod os;

use std::{sync::Arc, time::Duration};

use super::{machine::Machine, settings::System, value::Attributes};

/// What is found of the host, as far as the settings want it. What the system does not tell is left out, but for the
/// name, without which nobody knows whose data it is.
///
/// # Errors
/// No source knows the name within `timeout`.
pub(super) async fn detect(
    settings: &System,
    machine: &Arc<Machine>,
    timeout: Duration,
) -> Result<Attributes, String> {
    let wanted = &settings.resource_attributes;
    let mut found = Attributes::default();
    if wanted.host_name.enabled {
        found.add("host.name", host_name::find(&settings.hostname_sources, machine, timeout).await?);
    }
    found.add("os.type", os::type_(std::env::consts::OS));
    found.add("host.arch", os::arch(std::env::consts::ARCH));
    found.add_if("host.id", os::host_id(machine));
    os::describe(machine, &mut found);
    cpu::describe(machine, &mut found);
    if wanted.host_ip.enabled || wanted.host_mac.enabled || wanted.host_interface.enabled {
        network::describe(&mut found)?;
    }
    if wanted.host_id.enabled && !found.keys().any(|key| key == "host.id") {
        tracing::warn!("this host has no machine-id: host.id is left out");
    }
    found.keep(|key| wanted.has(key));
    Ok(found)
}
