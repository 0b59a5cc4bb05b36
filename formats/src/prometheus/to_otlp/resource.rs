//! `job` and `instance` as attributes of the resource.

use std::net::{IpAddr, Ipv6Addr};

use super::Source;
use crate::prometheus::labels::LabelsBuilder;

/// Attributes of the resource of a job and an instance. One that is empty is not there.
pub(super) fn describe(attributes: &mut LabelsBuilder, source: &Source, job: &str, instance: &str) {
    attributes.push("service.instance.id", instance);
    match source {
        Source::Scrape { resource, .. } => {
            attributes.push("service.name", job);
            let (host, port) = host_and_port(instance);
            if tells_where(host) {
                attributes.push("server.address", host);
            }
            attributes.push("server.port", port);
            for (key, value) in resource {
                attributes.push(key, value);
            }
        }
        Source::RemoteWrite => match job.split_once('/') {
            Some((namespace, name)) if !name.contains('/') => {
                attributes.push("service.namespace", namespace);
                attributes.push("service.name", name);
            }
            _ => attributes.push("service.name", job),
        },
    }
}

/// `host:port`, `[v6]:port` or only a host.
fn host_and_port(instance: &str) -> (&str, &str) {
    let (host, port) = match instance.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => (instance, ""),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (host, port)
}

/// Whether others could reach the host under this name.
fn tells_where(host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(address)) => !address.is_loopback() && !address.is_unspecified(),
        Ok(IpAddr::V6(Ipv6Addr::LOCALHOST | Ipv6Addr::UNSPECIFIED)) => false,
        Ok(IpAddr::V6(_)) => true,
        Err(_) => !host.is_empty() && host != "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraped_instance_is_an_address_unless_it_is_only_here() {
        for (instance, wanted) in [
            ("example.com:80", "server.address=example.com server.port=80"),
            ("10.0.0.1:9100", "server.address=10.0.0.1 server.port=9100"),
            ("[fe80::1]:9100", "server.address=fe80::1 server.port=9100"),
            ("fe80::1", "server.address=fe80::1"),
            ("[fe80::1]", "server.address=fe80::1"),
            ("name", "server.address=name"),
            ("localhost:9090", "server.port=9090"),
            ("127.0.0.1:1", "server.port=1"),
            ("0.0.0.0:1", "server.port=1"),
            ("[::1]:1", "server.port=1"),
            ("[::]:1", "server.port=1"),
        ] {
            let mut attributes = LabelsBuilder::default();
            let source = Source::Scrape {
                job: String::new(),
                instance: String::new(),
                resource: vec![("url.scheme".into(), "http".into())],
            };
            describe(&mut attributes, &source, "a/b", instance);
            let shown: Vec<_> = attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!(
                shown.join(" "),
                format!("service.instance.id={instance} service.name=a/b {wanted} url.scheme=http")
            );
        }
    }

    #[test]
    fn a_written_job_can_have_a_namespace() {
        for (job, wanted) in [
            ("a/b", "service.namespace=a service.name=b"),
            ("a", "service.name=a"),
            ("a/b/c", "service.name=a/b/c"),
            ("", ""),
        ] {
            let mut attributes = LabelsBuilder::default();
            describe(&mut attributes, &Source::RemoteWrite, job, "");
            let shown: Vec<_> = attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!(shown.join(" "), wanted);
        }
    }
}
