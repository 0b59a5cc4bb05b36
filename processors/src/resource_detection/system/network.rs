//! Interfaces that are up, but for the loopback: their addresses and names.

use std::{collections::BTreeMap, net::IpAddr};

use nix::{
    ifaddrs::{InterfaceAddress, getifaddrs},
    net::if_::InterfaceFlags,
};

use crate::resource_detection::value::{Attributes, Value};

/// Adds `host.ip`, `host.mac` and `host.interface`.
pub(super) fn describe(found: &mut Attributes) -> Result<(), String> {
    let all = getifaddrs().map_err(|error| format!("cannot list the network interfaces: {error}"))?;
    let up = |of: &InterfaceAddress| {
        of.flags.contains(InterfaceFlags::IFF_UP) && !of.flags.contains(InterfaceFlags::IFF_LOOPBACK)
    };
    let (mut ips, mut macs) = (Vec::new(), BTreeMap::new());
    for interface in all.filter(up) {
        let mac = macs.entry(interface.interface_name.clone()).or_insert(None);
        let Some(address) = interface.address else { continue };
        if let Some(address) = address.as_sockaddr_in() {
            ips.push(IpAddr::from(address.ip()));
        } else if let Some(address) = address.as_sockaddr_in6() {
            ips.push(address.ip().into());
        } else if let Some(bytes) = address.as_link_addr().and_then(|link| link.addr()) {
            *mac = Some(bytes.map(|byte| format!("{byte:02X}")).join("-"));
        }
    }
    let ips = ips.into_iter().filter(|ip| !ip.is_loopback()).map(|ip| ip.to_string());
    found.add("host.ip", Value::Texts(ips.collect()));
    found.add("host.mac", Value::Texts(macs.values().flatten().cloned().collect()));
    found.add("host.interface", Value::Texts(macs.into_keys().collect()));
    Ok(())
}
