//! The YAML of UDP servers.

use serde::{Deserialize, Serialize};
use sluice_component::Claim;
use sluice_config::{ByteSize, Check, Checker};

use crate::endpoint::{Endpoint, Transport};

/// What one datagram can hold at most: its length has 16 bits.
const LARGEST_PACKET: usize = 65_535;

/// A UDP server, with the keys and defaults of otelcol's `jaeger` receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSettings {
    /// `host:port`
    pub endpoint: String,
    /// Packets that wait for a worker; what comes when the queue is full is dropped.
    pub queue_size: u32,
    /// The longest packet in bytes; longer ones are dropped.
    pub max_packet_size: ByteSize,
    /// Packets, or groups of packets that waited together, in work at once.
    pub workers: u32,
    /// The kernel's buffer of the socket in bytes; 0 is the system's default.
    pub socket_buffer_size: ByteSize,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            queue_size: 1000,
            max_packet_size: ByteSize::new(65_000),
            workers: 10,
            socket_buffer_size: ByteSize::default(),
        }
    }
}

impl ServerSettings {
    /// The defaults, at `endpoint`.
    #[must_use]
    pub fn at(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), ..Self::default() }
    }

    /// What a server with these settings takes for itself.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        let claims =
            Endpoint::parse(&self.endpoint, Transport::Tcp).map_or_else(|_| Vec::new(), |e| e.claims());
        let udp = |claim| match claim {
            Claim::Tcp(address) => Some(Claim::Udp(address)),
            Claim::Udp(_) | Claim::Path(_) => None,
        };
        claims.into_iter().filter_map(udp).collect()
    }

    /// The host and port to listen on.
    pub(super) fn address(&self) -> Result<Endpoint, String> {
        match Endpoint::parse(&self.endpoint, Transport::Tcp) {
            Ok(Endpoint::Unix(_)) => Err("must be host:port: UDP has no unix sockets".to_owned()),
            Ok(endpoint) => Ok(endpoint),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Bytes that the receiver looks for in one packet.
    pub(super) fn packet_limit(&self) -> usize {
        self.max_packet_size.as_usize().clamp(1, LARGEST_PACKET)
    }
}

impl Check for ServerSettings {
    fn check(&self, at: &mut Checker<'_>) {
        if let Err(why) = self.address().and_then(|endpoint| endpoint.check_here(at)) {
            at.key("endpoint").error(why);
        }
        if self.queue_size == 0 {
            at.key("queue_size").must("be at least 1 packet");
        }
        if self.max_packet_size == ByteSize::default() {
            at.key("max_packet_size").must("be at least 1 byte");
        }
        if self.workers == 0 {
            at.key("workers").must("be at least 1");
        }
        // The kernel takes it as an int, and doubles it.
        if self.socket_buffer_size >= ByteSize::mib(1024) {
            at.key("socket_buffer_size").must("be less than 1 GiB");
        }
    }
}

#[cfg(test)]
mod tests {
    use sluice_config::{Loader, Problems, decode_over};

    use super::*;

    fn load(yaml: &str) -> (Option<ServerSettings>, Vec<String>) {
        let loaded = Loader::new().text("test.yaml", yaml).load().unwrap();
        let mut problems = Problems::new();
        let settings = decode_over(&ServerSettings::default(), &loaded.root, "", &mut problems);
        (settings, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_key_of_a_udp_server_is_read() {
        let (settings, problems) = load(
            "
endpoint: 0.0.0.0:6831
queue_size: 2000
max_packet_size: 9000
workers: 4
socket_buffer_size: 4194304
    ",
        );
        let expected = ServerSettings {
            endpoint: "0.0.0.0:6831".to_owned(),
            queue_size: 2000,
            max_packet_size: ByteSize::new(9000),
            workers: 4,
            socket_buffer_size: ByteSize::mib(4),
        };
        assert_eq!((settings.as_ref(), problems.len()), (Some(&expected), 0));
        assert_eq!(expected.claims(), [Claim::Udp("0.0.0.0:6831".parse().unwrap())]);
    }

    #[test]
    fn a_udp_server_that_could_take_nothing_is_refused() {
        let at = "endpoint: localhost:1\n";
        for (yaml, rule) in [
            ("endpoint: localhost", "no port"),
            ("endpoint: unix:///run/x.sock", "no unix sockets"),
            (&*format!("{at}queue_size: 0"), "at least 1 packet"),
            (&*format!("{at}max_packet_size: 0"), "at least 1 byte"),
            (&*format!("{at}workers: 0"), "at least 1"),
            (&*format!("{at}socket_buffer_size: 1073741824"), "less than 1 GiB"),
        ] {
            let (_, problems) = load(yaml);
            assert!(problems.len() == 1 && problems[0].contains(rule), "{yaml}: {problems:?}");
        }
    }
}
