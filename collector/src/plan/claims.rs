//! Ports and paths that two components want at once, found before anything is bound.

use std::collections::BTreeMap;

use sluice_component::{Claim, ComponentRef, factory::Parsed};
use sluice_config::{Node, Problem, Problems};

/// Reports every pair of used components with claims that exclude each other.
pub(super) fn check(components: &BTreeMap<ComponentRef, Parsed>, root: &Node, problems: &mut Problems) {
    let claims: Vec<(&ComponentRef, &Claim)> = components
        .iter()
        .flat_map(|(component, parsed)| parsed.claims.iter().map(move |claim| (component, claim)))
        .collect();
    let mut seen: Vec<(&ComponentRef, &Claim)> = Vec::new();
    for (component, claim) in claims {
        if let Some((other, _)) = seen.iter().find(|(_, other)| excludes(claim, other)) {
            let what = match claim {
                Claim::Tcp(address) => format!("TCP {address}"),
                Claim::Udp(address) => format!("UDP {address}"),
                Claim::Path(path) => path.display().to_string(),
            };
            let twice = if *other == component {
                "twice by this component".to_owned()
            } else {
                format!("by {other}")
            };
            let entry = root.get(component.kind().section()).and_then(|s| s.entry(component.id().as_str()));
            let problem = Problem::error(component.to_string(), format!("{what} is also claimed {twice}"))
                .at(entry.and_then(|entry| entry.key_span.as_ref()))
                .help("give one of them another endpoint");
            problems.push(problem);
        }
        seen.push((component, claim));
    }
}

/// The same port on the same address, or on an address that includes the other.
fn excludes(a: &Claim, b: &Claim) -> bool {
    let overlap = |a: &std::net::SocketAddr, b: &std::net::SocketAddr| {
        let all = a.ip().is_unspecified() || b.ip().is_unspecified();
        a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || all)
    };
    match (a, b) {
        (Claim::Tcp(a), Claim::Tcp(b)) | (Claim::Udp(a), Claim::Udp(b)) => overlap(a, b),
        (Claim::Path(a), Claim::Path(b)) => a == b,
        _ => false,
    }
}
