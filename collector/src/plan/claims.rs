//! Ports and paths that two parts of the collector want at once, found before anything is bound.

use std::collections::BTreeMap;

use sluice_component::{Claim, ComponentRef, factory::Parsed, files};
use sluice_config::{Node, Problem, Problems, Reach, Span};

use crate::telemetry_settings::TelemetrySettings;

/// One claim, who makes it, and where that was written.
struct Claimed<'a> {
    claim: Claim,
    path: String,
    place: Option<&'a Span>,
}

/// Reports every pair of claims that exclude each other, those of the own metrics included. Where `reach` allows to look
/// at this machine, a path is the same by every spelling of it.
pub(super) fn check(
    components: &BTreeMap<ComponentRef, Parsed>,
    telemetry: &TelemetrySettings,
    root: &Node,
    reach: Reach,
    problems: &mut Problems,
) {
    let own_place = root.at("service::telemetry::metrics").and_then(Node::span);
    let own = telemetry.metrics.claims().into_iter().map(|claim| Claimed {
        claim,
        path: "service.telemetry.metrics".to_owned(),
        place: own_place,
    });
    let of_components = components.iter().flat_map(|(component, parsed)| {
        let section = root.get(component.kind().section());
        let entry = section.and_then(|section| section.entry(component.id().as_str()));
        let place = entry.and_then(|entry| entry.key_span.as_ref());
        parsed.claims.iter().map(move |claim| Claimed {
            claim: match claim {
                Claim::Path(path) if reach == Reach::Machine => Claim::Path(files::one_spelling(path)),
                claim => claim.clone(),
            },
            path: component.to_string(),
            place,
        })
    });
    let mut seen: Vec<Claimed<'_>> = Vec::new();
    for claimed in own.chain(of_components) {
        if let Some(other) = seen.iter().find(|other| excludes(&claimed.claim, &other.claim)) {
            problems.push(conflict(&claimed, &other.path));
        }
        seen.push(claimed);
    }
}

fn conflict(claimed: &Claimed<'_>, other: &str) -> Problem {
    let what = match &claimed.claim {
        Claim::Tcp(address) => format!("TCP {address}"),
        Claim::Udp(address) => format!("UDP {address}"),
        Claim::Path(path) => path.display().to_string(),
    };
    let text = if other == claimed.path {
        format!("{what} is claimed twice by this component")
    } else {
        format!("{what} is also claimed by {other}")
    };
    Problem::error(&claimed.path, text).at(claimed.place).help("give one of them another endpoint")
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
