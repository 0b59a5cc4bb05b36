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

#[cfg(test)]
mod tests {
    use hickory_resolver::{
        Resolver,
        config::{ConnectionConfig, NameServerConfig, ResolverConfig},
        net::runtime::TokioRuntimeProvider,
        proto::{
            op::{Message, ResponseCode},
            rr::{
                Record,
                rdata::{A, AAAA, MX, NS, SRV},
            },
        },
    };
    use tokio::{net::UdpSocket, task::JoinSet};

    use super::*;

    /// A server that knows `example.org`, and that there is nothing else.
    async fn server() -> (TokioResolver, JoinSet<()>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut connection = ConnectionConfig::udp();
        connection.port = socket.local_addr().unwrap().port();
        let server = NameServerConfig::new("127.0.0.1".parse().unwrap(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let answer = answer(&Message::from_vec(&buffer[..length]).unwrap());
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        });
        (builder.build().unwrap(), tasks)
    }

    fn answer(request: &Message) -> Message {
        let query = request.queries[0].clone();
        let name = |text: &str| Name::from_ascii(text).unwrap();
        let mut message = Message::response(request.metadata.id, request.metadata.op_code);
        let data = match query.query_type() {
            Type::A => vec![RData::A(A::new(10, 0, 0, 1)), RData::A(A::new(10, 0, 0, 2))],
            Type::AAAA => vec![RData::AAAA(AAAA::new(0xfd00, 0, 0, 0, 0, 0, 0, 1))],
            Type::SRV => vec![RData::SRV(SRV::new(1, 2, 9100, name("host.example.org.")))],
            Type::MX => vec![RData::MX(MX::new(1, name("mail.example.org.")))],
            _ => vec![RData::NS(NS(name("ns.example.org.")))],
        };
        let known = query.name().to_string() == "example.org.";
        for data in data.into_iter().filter(|_| known) {
            message.add_answer(Record::from_rdata(query.name().clone(), 60, data));
        }
        if !known {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        message.add_query(query);
        message
    }

    #[tokio::test]
    async fn every_type_of_record_names_targets() {
        let (resolver, _server) = server().await;
        for (type_, expected) in [
            (
                RecordType::A,
                vec!["10.0.0.1:80 __meta_dns_name=example.org.", "10.0.0.2:80 __meta_dns_name=example.org."],
            ),
            (RecordType::Aaaa, vec!["[fd00::1]:80 __meta_dns_name=example.org."]),
            (
                RecordType::Srv,
                vec![
                    "host.example.org:9100 __meta_dns_name=example.org. __meta_dns_srv_record_port=9100 __meta_dns_srv_record_target=host.example.org.",
                ],
            ),
            (
                RecordType::Mx,
                vec![
                    "mail.example.org:80 __meta_dns_mx_record_target=mail.example.org. __meta_dns_name=example.org.",
                ],
            ),
            (
                RecordType::Ns,
                vec![
                    "ns.example.org:80 __meta_dns_name=example.org. __meta_dns_ns_record_target=ns.example.org.",
                ],
            ),
        ] {
            let settings = DnsDiscovery { type_, port: 80, ..DnsDiscovery::default() };
            let groups = lookup(&resolver, &settings, "example.org.").await.unwrap();
            let shown = groups.iter().map(|group| {
                let labels = group.labels.iter().map(|(name, value)| format!(" {name}={value}"));
                format!("{}{}", &*group.targets[0], labels.collect::<String>())
            });
            assert_eq!(shown.collect::<Vec<_>>(), expected);
            assert_eq!(lookup(&resolver, &settings, "other.org.").await, Ok(Vec::new()));
        }
    }
}
