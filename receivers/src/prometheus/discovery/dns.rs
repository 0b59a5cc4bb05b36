//! `dns_sd_configs`: names of the DNS are targets.

use std::{collections::BTreeMap, net::IpAddr};

use hickory_resolver::{
    TokioResolver,
    proto::rr::{Name, RData, RecordType as Type},
};
use sluice_component::quiet::Quiet;

use super::{Board, every, failed};
use crate::prometheus::settings::{DnsDiscovery, RecordType, TargetGroup, Text};

const NAME: &str = "__meta_dns_name";
const SRV_TARGET: &str = "__meta_dns_srv_record_target";
const SRV_PORT: &str = "__meta_dns_srv_record_port";
const MX_TARGET: &str = "__meta_dns_mx_record_target";
const NS_TARGET: &str = "__meta_dns_ns_record_target";

pub(super) async fn run(settings: DnsDiscovery, board: Board) {
    let (mut ticks, mut quiet) = (every(settings.refresh_interval.get()), Quiet::default());
    // What each name had when it was last found.
    let mut found: BTreeMap<String, Vec<TargetGroup>> = BTreeMap::new();
    loop {
        ticks.tick().await;
        // As the system is set up now: the file may have changed.
        let resolver = match TokioResolver::builder_tokio().and_then(|builder| builder.build()) {
            Ok(resolver) => resolver,
            Err(error) => {
                failed(&mut quiet, "dns", "/etc/resolv.conf", &error.to_string());
                continue;
            }
        };
        for name in &settings.names {
            match lookup(&resolver, &settings, name).await {
                Ok(groups) => {
                    found.insert(name.to_string(), groups);
                }
                Err(error) => failed(&mut quiet, "dns", name, &error),
            }
        }
        board.post(found.values().flatten().cloned().collect());
    }
}

/// The targets of a name. That there is no such name, or no such record, is an answer.
async fn lookup(
    resolver: &TokioResolver,
    settings: &DnsDiscovery,
    name: &str,
) -> Result<Vec<TargetGroup>, String> {
    let type_ = match settings.type_ {
        RecordType::Srv => Type::SRV,
        RecordType::A => Type::A,
        RecordType::Aaaa => Type::AAAA,
        RecordType::Mx => Type::MX,
        RecordType::Ns => Type::NS,
    };
    match resolver.lookup(name, type_).await {
        Ok(answer) => {
            let records = answer.answers().iter();
            Ok(records.filter_map(|record| target(name, settings.port, &record.data)).collect())
        }
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// What a record says, if it says a target.
fn target(name: &str, port: u16, record: &RData) -> Option<TargetGroup> {
    let mut labels = BTreeMap::from([(NAME.to_owned(), Text::from(name))]);
    let mut label = |key: &str, value: &str| labels.insert(key.to_owned(), value.into());
    let address = match record {
        RData::A(address) => format!("{}:{port}", address.0),
        RData::AAAA(address) => format!("[{}]:{port}", IpAddr::from(address.0)),
        RData::SRV(srv) => {
            // With its final dot, as Prometheus has it.
            label(SRV_TARGET, &srv.target.to_string());
            label(SRV_PORT, &srv.port.to_string());
            format!("{}:{}", host(&srv.target), srv.port)
        }
        RData::MX(mx) => {
            label(MX_TARGET, &mx.exchange.to_string());
            format!("{}:{port}", host(&mx.exchange))
        }
        RData::NS(ns) => {
            label(NS_TARGET, &ns.0.to_string());
            format!("{}:{port}", host(&ns.0))
        }
        _ => return None,
    };
    Some(TargetGroup { targets: vec![address.as_str().into()], labels })
}

/// Without the final dot.
fn host(name: &Name) -> String {
    let text = name.to_string();
    text.strip_suffix('.').map(str::to_owned).unwrap_or(text)
}
