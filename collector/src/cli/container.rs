//! In a container, whoever listens on loopback alone is heard by nobody outside of it.

use std::path::Path;

use sluice_component::{Claim, Kind};

use crate::plan::Plan;

/// Says so when it is one, and every receiver listens on loopback alone. In a pod that may be meant: its containers share
/// loopback.
pub(super) fn warn_when_unreachable(plan: &Plan) {
    if !only_loopback(plan) {
        return;
    }
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        tracing::info!("receivers listen on localhost: only containers of this pod can send");
    } else if is_container() {
        tracing::warn!(
            help = "write endpoint: 0.0.0.0:4317, and so for each receiver that others send to",
            "receivers listen on localhost: nobody outside of this container can send"
        );
    }
}

/// What Docker and Podman leave behind.
fn is_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists())
}

/// Whether receivers listen, and none where others than this machine could reach it.
fn only_loopback(plan: &Plan) -> bool {
    let receivers = plan.components.iter().filter(|(component, _)| component.kind() == Kind::Receiver);
    let mut addresses = receivers.flat_map(|(_, parsed)| &parsed.claims).filter_map(|claim| match claim {
        Claim::Tcp(address) | Claim::Udp(address) => Some(address),
        Claim::Path(_) => None,
    });
    addresses.next().is_some_and(|first| first.ip().is_loopback())
        && addresses.all(|address| address.ip().is_loopback())
}

#[cfg(all(test, feature = "otlp-receiver", feature = "nop-receiver", feature = "nop-exporter"))]
mod tests {
    use sluice_config::{Node, Problems};

    use super::*;

    #[test]
    fn one_address_that_others_reach_is_enough() {
        let only = |receivers: &str| {
            let yaml = format!(
                "receivers: {{{receivers}}}\nexporters: {{nop: }}\nextensions: {{health_check: {{endpoint: '0.0.0.0:1'}}}}\n\
                 service: {{extensions: [health_check], pipelines: {{traces: {{receivers: [otlp, nop], exporters: [nop]}}}}}}"
            );
            let registry = crate::components::full();
            let root = Node::from_yaml("c.yaml", &yaml).unwrap();
            only_loopback(&Plan::check(&registry, root, &mut Problems::new()).unwrap())
        };
        let otlp = |protocols: &str| format!("nop: , otlp: {{protocols: {{{protocols}}}}}");
        assert!(only(&otlp("grpc: , http: ")));
        assert!(only(&otlp("grpc: {endpoint: '127.0.0.1:4317'}")));
        assert!(!only(&otlp("grpc: , http: {endpoint: '0.0.0.0:4318'}")));
        assert!(!only(&otlp("grpc: {endpoint: ':4317'}")));
    }
}
