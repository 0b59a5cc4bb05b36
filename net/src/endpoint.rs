//! Where a server listens or a client connects: `host:port`, `:4317`, a unix socket.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sluice_component::{Claim, Host, StartError, files};
use sluice_config::Checker;

use crate::serve::join;

/// otelcol's `transport`: the kind of socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP over IPv4 and IPv6.
    #[default]
    Tcp,
    /// TCP over IPv4 only.
    Tcp4,
    /// TCP over IPv6 only.
    Tcp6,
    /// A unix socket; the endpoint is its path.
    Unix,
}

/// A parsed `endpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A host, empty for all addresses, and a port.
    Tcp {
        /// A name, an address without brackets, or nothing.
        host: String,
        /// 0 lets the system choose.
        port: u16,
        /// Which IP versions.
        family: Family,
    },
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// IP versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Both.
    Any,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Whether `address` is of this family.
    #[must_use]
    pub fn has(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Nothing was written.
    #[error("must be host:port, for example localhost:{example}", example = 4317)]
    Empty,
    /// There is no `:port`.
    #[error("`{0}` has no port: write host:port")]
    NoPort(String),
    /// The port is not a number of 16 bits. otelcol's words.
    #[error("invalid port \"{0}\": write a number from 0 to 65535")]
    Port(String),
    /// The host is neither a name nor an address.
    #[error("`{0}` is no host: write a name or an address")]
    Host(String),
    /// An address of the other family than `transport` says.
    #[error("`{host}` is no address of transport {transport}")]
    Family {
        /// The address.
        host: String,
        /// tcp4 or tcp6.
        transport: &'static str,
    },
    /// A path that no unix socket can have.
    #[error(
        "`{0}` cannot be the path of a unix socket: it must not be empty, nor longer than {MAX_PATH} bytes"
    )]
    Path(String),
    /// Several colons and no brackets.
    #[error("`{0}` has too many colons: write an IPv6 address in brackets, [::1]:4317")]
    Colons(String),
    /// A scheme where none belongs.
    #[error("`{0}` has a scheme: a server listens on host:port")]
    Scheme(String),
}

/// The longest path of a unix socket: what `sun_path` holds beside its final zero.
const MAX_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

impl Endpoint {
    /// Reports what is wrong with the `endpoint` of the server settings at `at`.
    pub(crate) fn check_server(text: &str, transport: Transport, at: &mut Checker<'_>) {
        let endpoint = Self::parse(text, transport).map_err(|error| error.to_string());
        if let Err(why) = endpoint.and_then(|endpoint| endpoint.check_here(at)) {
            at.key("endpoint").error(why);
        }
    }

    /// Host and port for labels of metrics; of a unix socket the path alone.
    pub(crate) fn labels(&self) -> (String, String) {
        match self {
            Self::Tcp { host, port, .. } => (host.clone(), port.to_string()),
            Self::Unix(path) => (path.display().to_string(), String::new()),
        }
    }

    /// Why this machine cannot listen here, if `at` sees the machine: there is no such address, or no place for the
    /// socket. A name is resolved. Whether the port is free is not asked.
    ///
    /// # Errors
    /// The text for people.
    pub fn check_here(&self, at: &Checker<'_>) -> Result<(), String> {
        let why = match self {
            _ if !at.sees_machine() => None,
            Self::Unix(path) => why_no_socket(path),
            Self::Tcp { host, family, .. } => why_no_address(host, *family),
        };
        why.map_or(Ok(()), |why| Err(format!("cannot listen on {self}: {why}")))
    }

    /// Parses the `endpoint` of the server settings under `key` of the component that `host` stands for.
    ///
    /// # Errors
    /// A [`StartError`] that names the key.
    pub(crate) fn of_server(
        text: &str,
        transport: Transport,
        key: &str,
        host: &Host,
    ) -> Result<Self, StartError> {
        Self::parse(text, transport).map_err(|error| {
            StartError::new(host.component().clone(), &join(key, "endpoint"), error.to_string())
        })
    }

    /// Parses what a server listens on.
    ///
    /// # Errors
    /// [`EndpointError`] says what to write instead.
    pub fn parse(text: &str, transport: Transport) -> Result<Self, EndpointError> {
        if text.is_empty() {
            return Err(EndpointError::Empty);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(unix_path(path)?));
        }
        let (family, transport) = match transport {
            Transport::Tcp => (Family::Any, "tcp"),
            Transport::Tcp4 => (Family::V4, "tcp4"),
            Transport::Tcp6 => (Family::V6, "tcp6"),
            Transport::Unix => return Ok(Self::Unix(unix_path(text)?)),
        };
        if text.contains("://") {
            return Err(EndpointError::Scheme(text.to_owned()));
        }
        let (host, port) = split_host_port(text)?;
        let port = port.ok_or_else(|| EndpointError::NoPort(text.to_owned()))?;
        if host.parse().is_ok_and(|ip| !family.has(ip)) {
            return Err(EndpointError::Family { host: host.to_owned(), transport });
        }
        Ok(Self::Tcp { host: host.to_owned(), port, family })
    }

    /// What a server on this endpoint takes for itself; nothing where the system chooses the port, or where the
    /// host is a name that only the start can resolve.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        match self {
            Self::Unix(path) => vec![Claim::Path(path.clone())],
            Self::Tcp { port: 0, .. } => Vec::new(),
            Self::Tcp { port, .. } => {
                self.literal().iter().map(|&ip| Claim::Tcp(SocketAddr::new(ip, *port))).collect()
            }
        }
    }

    /// The addresses that need no resolver: those of an IP address, of `localhost` and of all interfaces.
    pub(crate) fn literal(&self) -> Vec<IpAddr> {
        let Self::Tcp { host, family, .. } = self else { return Vec::new() };
        let v4 = |ip: Ipv4Addr| (*family != Family::V6).then_some(IpAddr::V4(ip));
        let v6 = |ip: Ipv6Addr| (*family != Family::V4).then_some(IpAddr::V6(ip));
        match host.as_str() {
            // One dual-stack socket where both versions are wanted.
            "" if *family == Family::V4 => vec![Ipv4Addr::UNSPECIFIED.into()],
            "" => vec![Ipv6Addr::UNSPECIFIED.into()],
            "localhost" => v4(Ipv4Addr::LOCALHOST).into_iter().chain(v6(Ipv6Addr::LOCALHOST)).collect(),
            host => host.parse().ok().into_iter().filter(|&ip| family.has(ip)).collect(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The path behind `unix:`, written `unix:path`, `unix:///abs/path` or `unix://path`.
pub(crate) fn unix_path(rest: &str) -> Result<PathBuf, EndpointError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.len() > MAX_PATH {
        return Err(EndpointError::Path(path.to_owned()));
    }
    Ok(path.into())
}

/// Why no server can listen at `path`. A socket that is there may be a dead one, which the start takes away.
fn why_no_socket(path: &Path) -> Option<String> {
    use std::os::unix::fs::FileTypeExt;
    match path.symlink_metadata() {
        Ok(there) if there.file_type().is_socket() => None,
        Ok(_) => Some("it is there already, and is no socket".to_owned()),
        Err(_) => files::why_not_creatable(path),
    }
}

/// Why no server can listen on `host`: its name has no address, or that is none of this machine.
fn why_no_address(host: &str, family: Family) -> Option<String> {
    if matches!(host, "" | "localhost") {
        return None;
    }
    let found = match (host, 0).to_socket_addrs() {
        Ok(found) => found,
        Err(error) => return Some(format!("its host has no address: {error}")),
    };
    // The start takes the first one too.
    let Some(address) = found.map(|found| found.ip()).find(|&ip| family.has(ip)) else {
        return Some("its host has no address of that transport".to_owned());
    };
    // With port 0 nobody is in the way.
    UdpSocket::bind((address, 0))
        .err()
        .map(|error| format!("{address} is no address of this machine: {error}"))
}

/// `host:port`, `[v6]:port`, `host`; brackets are taken off.
pub(crate) fn split_host_port(text: &str) -> Result<(&str, Option<u16>), EndpointError> {
    let number = |port: &str| port.parse::<u16>().map_err(|_| EndpointError::Port(port.to_owned()));
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(|| EndpointError::Colons(text.to_owned()))?;
        // An address of one link has its zone after it.
        if host.split('%').next().and_then(|ip| ip.parse::<Ipv6Addr>().ok()).is_none() {
            return Err(EndpointError::Host(host.to_owned()));
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(number(port)?))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(EndpointError::NoPort(text.to_owned())),
        };
    }
    let (host, port) = match text.split_once(':') {
        None => (text, None),
        Some((_, rest)) if rest.contains(':') => return Err(EndpointError::Colons(text.to_owned())),
        Some((host, port)) => (host, Some(port)),
    };
    if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/\\@[]<>?#\"'{}$,;".contains(c)) {
        return Err(EndpointError::Host(host.to_owned()));
    }
    Ok((host, port.map(number).transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(text: &str, transport: Transport) -> Vec<Claim> {
        Endpoint::parse(text, transport).unwrap().claims()
    }

    #[test]
    fn an_endpoint_claims_every_address_that_it_binds() {
        let tcp = |text: &str| Claim::Tcp(text.parse().unwrap());
        assert_eq!(claims("localhost:4317", Transport::Tcp), [tcp("127.0.0.1:4317"), tcp("[::1]:4317")]);
        assert_eq!(claims("localhost:4317", Transport::Tcp4), [tcp("127.0.0.1:4317")]);
        assert_eq!(claims(":4317", Transport::Tcp), [tcp("[::]:4317")]);
        assert_eq!(claims("0.0.0.0:4317", Transport::Tcp), [tcp("0.0.0.0:4317")]);
        assert_eq!(claims("[::1]:4317", Transport::Tcp), [tcp("[::1]:4317")]);
        assert_eq!(claims("localhost:0", Transport::Tcp), []);
        assert_eq!(claims("/run/otlp.sock", Transport::Unix), [Claim::Path("/run/otlp.sock".into())]);
        assert_eq!(claims("unix:///run/otlp.sock", Transport::Tcp), [Claim::Path("/run/otlp.sock".into())]);
    }

    #[test]
    fn an_address_of_the_other_family_is_refused() {
        let error = Endpoint::parse("[::1]:4317", Transport::Tcp4).unwrap_err().to_string();
        assert_eq!(error, "`::1` is no address of transport tcp4");
        assert!(Endpoint::parse("127.0.0.1:4317", Transport::Tcp6).is_err());
        assert!(Endpoint::parse("[fe80::1%eth0]:4317", Transport::Tcp).is_ok());
    }

    #[test]
    fn a_host_must_be_an_address_of_this_machine() {
        for host in ["", "localhost", "127.0.0.1", "0.0.0.0", "127.0.0.9"] {
            assert_eq!(why_no_address(host, Family::Any), None, "{host}");
        }
        let why = why_no_address("192.0.2.1", Family::Any).unwrap();
        assert!(why.starts_with("192.0.2.1 is no address of this machine: "), "{why}");
        let why = why_no_address("no-such-host.invalid", Family::Any).unwrap();
        assert!(why.starts_with("its host has no address: "), "{why}");
        let why = why_no_address("127.0.0.1", Family::V6).unwrap();
        assert_eq!(why, "its host has no address of that transport");
    }

    #[test]
    fn a_socket_needs_a_place() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("otlp.sock");
        assert_eq!(why_no_socket(&socket), None);
        std::fs::write(&socket, "").unwrap();
        assert!(why_no_socket(&socket).unwrap().ends_with("it is there already, and is no socket"));
        let nowhere = directory.path().join("nowhere/otlp.sock");
        assert!(why_no_socket(&nowhere).unwrap().contains("there is no directory"));
        std::fs::remove_file(&socket).unwrap();
        // A server that was killed leaves its socket behind.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        assert_eq!(why_no_socket(&socket), None);
    }

    #[test]
    fn what_is_no_endpoint_is_told_what_to_write() {
        let error = |text: &str| Endpoint::parse(text, Transport::Tcp).unwrap_err().to_string();
        assert_eq!(error(""), "must be host:port, for example localhost:4317");
        assert_eq!(error("localhost"), "`localhost` has no port: write host:port");
        assert_eq!(error("h:x"), "invalid port \"x\": write a number from 0 to 65535");
        assert_eq!(error("h:65536"), "invalid port \"65536\": write a number from 0 to 65535");
        assert_eq!(error("h:"), "invalid port \"\": write a number from 0 to 65535");
        assert_eq!(error("my host:1"), "`my host` is no host: write a name or an address");
        assert_eq!(error("[localhost]:1"), "`localhost` is no host: write a name or an address");
        assert!(error("unix:").contains("must not be empty"));
        assert!(error(&format!("unix:///{}", "x".repeat(200))).contains("nor longer than"));
        assert!(error("::1:4317").contains("brackets"));
        assert!(error("http://h:1").contains("scheme"));
    }
}
