//! Addresses and connections of a client: resolving, connecting, balancing.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::ServerName;
use sluice_component::Host;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    sync::Notify,
    time::Instant,
};
use tokio_rustls::TlsConnector;
use tokio_util::task::TaskTracker;

use super::{client::Outgoing, settings::Balancer};
use crate::{
    endpoint::{split_host_port, unix_path},
    listen::Stream,
    resolve::resolve,
    serve::{Tasks, chain, plain},
    tls::ClientTls,
};

/// Addresses are looked up again after this time.
const RESOLVE_EVERY: Duration = Duration::from_secs(30);
/// And after a connection failed or ended, but not more often than this.
const RESOLVE_GAP: Duration = Duration::from_secs(1);
/// TCP, TLS and HTTP/2 together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Waits between attempts to connect to one address.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Answers are small, and what a hostile backend sends must be too.
const WINDOW: u32 = 64 << 10;
const LARGEST_FRAME: u32 = 16 << 10;
const LARGEST_HEADERS: u32 = 16 << 10;

pub(super) type Sender = http2::SendRequest<Outgoing>;

/// Where the calls of a client go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Dns { host: String, port: u16 },
    Unix(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Target {
    /// Parses an `endpoint`; the error says what to write.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix_path(path).map(Self::Unix).map_err(|error| error.to_string());
        }
        let rest = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
        let rest = match rest.unwrap_or(text).split_once("://") {
            None => rest.unwrap_or(text),
            // dns:///name and dns://resolver/name; the resolver is the system's in any case.
            Some(("dns" | "passthrough", rest)) => rest.split_once('/').map_or(rest, |(_, name)| name),
            Some((scheme, _)) => {
                return Err(format!(
                    "`{text}`: no resolver for {scheme}://; write host:port, dns:/// or unix://"
                ));
            }
        };
        let rest = rest.strip_prefix("dns:").unwrap_or(rest);
        let (host, port) = split_host_port(rest).map_err(|error| error.to_string())?;
        if host.is_empty() || host.contains('/') {
            return Err("must be host:port, for example localhost:4317".to_owned());
        }
        Ok(Self::Dns { host: host.to_owned(), port: port.unwrap_or(443) })
    }

    /// What goes into `:authority`.
    pub(super) fn authority(&self) -> String {
        match self {
            Self::Dns { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Dns { host, port } => format!("{host}:{port}"),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }

    /// The name that TLS verifies.
    fn host(&self) -> &str {
        match self {
            Self::Dns { host, .. } => host,
            Self::Unix(_) => "localhost",
        }
    }

    async fn resolve(&self) -> io::Result<Vec<Address>> {
        let mut addresses: Vec<Address> = match self {
            Self::Unix(path) => vec![Address::Unix(path.clone())],
            Self::Dns { host, port } => resolve(host, *port).await?.into_iter().map(Address::Tcp).collect(),
        };
        addresses.dedup();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(addresses)
    }
}

/// How to connect.
pub(super) struct Dial {
    pub(super) target: Target,
    pub(super) balancer: Balancer,
    pub(super) tls: Option<ClientTls>,
    pub(super) ping: Option<(Duration, Duration, bool)>,
}

/// The connections of one client.
pub(super) struct Pool {
    dial: Dial,
    host: Host,
    addresses: Mutex<Addresses>,
    next: AtomicUsize,
    /// Told at every change of an address or a connection.
    changed: Notify,
    streams: TaskTracker,
}

#[derive(Default)]
struct Addresses {
    peers: Vec<Arc<Peer>>,
    resolved: Option<Instant>,
    resolving: bool,
    /// Something failed since: look again soon.
    doubted: bool,
    error: Option<Arc<str>>,
}

/// One connection: to one address with `round_robin`, to the first that answers with `pick_first`.
struct Peer {
    addresses: Vec<Address>,
    state: Mutex<State>,
}

enum State {
    Idle,
    Connecting,
    Live(Sender),
    Failed { until: Instant, wait: Duration, error: Arc<str> },
}

enum Look {
    Live(Sender),
    Underway,
    Failed { until: Instant, error: Arc<str> },
}

impl Pool {
    pub(super) fn new(dial: Dial, host: Host) -> Arc<Self> {
        Arc::new(Self {
            dial,
            host,
            addresses: Mutex::default(),
            next: AtomicUsize::new(0),
            changed: Notify::new(),
            streams: TaskTracker::new(),
        })
    }

    /// A connection that is open: the next one in turn. Waits while one is being made; when all have failed, gives
    /// up with the last reason, or with `wait_for_ready` goes on.
    pub(super) async fn pick(self: &Arc<Self>, wait_for_ready: bool) -> Result<Sender, Arc<str>> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            match self.look() {
                Look::Live(sender) => return Ok(sender),
                Look::Underway => changed.await,
                Look::Failed { error, .. } if !wait_for_ready => return Err(error),
                Look::Failed { until, .. } => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(until) => {}
                    }
                }
            }
        }
    }

    fn look(self: &Arc<Self>) -> Look {
        let mut addresses = lock(&self.addresses);
        let age = addresses.resolved.map(|at| at.elapsed());
        let due = age.is_none_or(|age| age >= RESOLVE_EVERY || addresses.doubted && age >= RESOLVE_GAP);
        if due && !addresses.resolving {
            addresses.resolving = true;
            self.host.spawn("resolve", self.clone().resolve());
        }
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let count = addresses.peers.len();
        let mut underway = addresses.resolving && count == 0;
        let mut failed: Option<(Instant, Arc<str>)> = None;
        let mut live = None;
        let mut doubted = false;
        for offset in 0..count {
            let Some(peer) = addresses.peers.get((first % count + offset) % count) else { continue };
            let mut state = lock(&peer.state);
            let wait = match &*state {
                State::Live(sender) if !sender.is_closed() => {
                    live = live.or_else(|| Some(sender.clone()));
                    continue;
                }
                State::Connecting => {
                    underway = true;
                    continue;
                }
                State::Failed { until, error, .. } if Instant::now() < *until => {
                    let sooner = failed.as_ref().is_none_or(|(other, _)| until < other);
                    if sooner {
                        failed = Some((*until, error.clone()));
                    }
                    continue;
                }
                State::Failed { wait, .. } => *wait,
                State::Idle => FIRST_WAIT,
                State::Live(_) => {
                    doubted = true;
                    FIRST_WAIT
                }
            };
            *state = State::Connecting;
            underway = true;
            self.host.spawn("connect", self.clone().connect(peer.clone(), wait));
        }
        addresses.doubted |= doubted;
        match (live, underway, failed) {
            (Some(sender), ..) => Look::Live(sender),
            (None, true, _) => Look::Underway,
            (None, false, Some((until, error))) => Look::Failed { until, error },
            (None, false, None) => Look::Failed {
                until: Instant::now() + RESOLVE_GAP,
                error: addresses.error.clone().unwrap_or_else(|| "no address yet".into()),
            },
        }
    }

    async fn resolve(self: Arc<Self>) {
        let found = self.dial.target.resolve().await;
        let mut addresses = lock(&self.addresses);
        addresses.resolving = false;
        addresses.resolved = Some(Instant::now());
        match found {
            Ok(found) => {
                addresses.doubted = false;
                addresses.error = None;
                let wanted: Vec<Vec<Address>> = match self.dial.balancer {
                    Balancer::PickFirst => vec![found],
                    Balancer::RoundRobin => found.into_iter().map(|address| vec![address]).collect(),
                };
                let old = std::mem::take(&mut addresses.peers);
                // A connection to an address that stays is kept; one to an address that went ends with its calls.
                addresses.peers = wanted.into_iter().map(|wanted| Peer::among(&old, wanted)).collect();
            }
            Err(error) => {
                addresses.doubted = true;
                let name = self.dial.target.host();
                addresses.error = Some(format!("cannot resolve {name}: {}", plain(&error)).into());
            }
        }
        drop(addresses);
        self.changed.notify_waiters();
    }

    async fn connect(self: Arc<Self>, peer: Arc<Peer>, wait: Duration) {
        let attempt = tokio::time::timeout(CONNECT_TIMEOUT, self.connect_to_first(&peer));
        let result =
            attempt.await.unwrap_or_else(|_| Err(format!("no connection within {CONNECT_TIMEOUT:?}")));
        let state = match result {
            Ok(sender) => State::Live(sender),
            Err(error) => {
                let jittered = wait.mul_f64(rand::random_range(0.8..1.2));
                lock(&self.addresses).doubted = true;
                State::Failed {
                    until: Instant::now() + jittered,
                    wait: wait.mul_f64(1.6).min(LONGEST_WAIT),
                    error: error.into(),
                }
            }
        };
        *lock(&peer.state) = state;
        self.changed.notify_waiters();
    }

    async fn connect_to_first(self: &Arc<Self>, peer: &Arc<Peer>) -> Result<Sender, String> {
        let mut last = "no address".to_owned();
        for address in &peer.addresses {
            let connected = match address {
                Address::Tcp(address) => tcp(*address).await.map(Stream::Tcp),
                Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
            };
            let name = match address {
                Address::Tcp(address) => address.to_string(),
                Address::Unix(path) => path.display().to_string(),
            };
            let result = match connected {
                Ok(stream) => self.secure(stream, peer).await,
                Err(error) => Err(plain(&error)),
            };
            match result {
                Ok(sender) => return Ok(sender),
                Err(error) => last = format!("cannot connect to {name}: {error}"),
            }
        }
        Err(last)
    }

    async fn secure(self: &Arc<Self>, stream: Stream, peer: &Arc<Peer>) -> Result<Sender, String> {
        let Some(tls) = &self.dial.tls else { return self.handshake(stream, peer).await };
        let name = tls.server_name().unwrap_or(self.dial.target.host()).to_owned();
        let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
        let config = tls.config().map_err(|error| format!("tls.{}: {error}", error.key))?;
        let stream = TlsConnector::from(config).connect(name, stream).await;
        let stream = stream.map_err(|error| format!("TLS handshake: {error}"))?;
        if stream.get_ref().1.alpn_protocol().is_some_and(|protocol| protocol != b"h2") {
            return Err("the server does not speak HTTP/2".to_owned());
        }
        self.handshake(stream, peer).await
    }

    async fn handshake<I>(self: &Arc<Self>, stream: I, peer: &Arc<Peer>) -> Result<Sender, String>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http2::Builder::new(Tasks(self.streams.clone()));
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(1 << 20)
            .max_frame_size(LARGEST_FRAME)
            .max_header_list_size(LARGEST_HEADERS);
        if let Some((time, timeout, while_idle)) = self.dial.ping {
            builder.keep_alive_interval(time).keep_alive_timeout(timeout).keep_alive_while_idle(while_idle);
        }
        let (sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(|error| chain(&error))?;
        let (pool, peer) = (Arc::downgrade(self), Arc::downgrade(peer));
        self.host.spawn("connection", async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %chain(&error), "connection ended");
            }
            Self::ended(&pool, &peer);
        });
        Ok(sender)
    }

    /// A connection ended: the next call makes another one.
    fn ended(pool: &Weak<Self>, peer: &Weak<Peer>) {
        let (Some(pool), Some(peer)) = (pool.upgrade(), peer.upgrade()) else { return };
        lock(&pool.addresses).doubted = true;
        let mut state = lock(&peer.state);
        if matches!(&*state, State::Live(sender) if sender.is_closed()) {
            *state = State::Idle;
        }
        drop(state);
        pool.changed.notify_waiters();
    }
}

impl Peer {
    /// The old peer for the same addresses, or a new one.
    fn among(old: &[Arc<Self>], addresses: Vec<Address>) -> Arc<Self> {
        let same = old.iter().find(|peer| peer.addresses == addresses).cloned();
        same.unwrap_or_else(|| Arc::new(Self { addresses, state: Mutex::new(State::Idle) }))
    }
}

async fn tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_may_carry_a_scheme() {
        let dns = |host: &str, port| Ok(Target::Dns { host: host.to_owned(), port });
        assert_eq!(Target::parse("collector:4317"), dns("collector", 4317));
        assert_eq!(Target::parse("http://collector:4317"), dns("collector", 4317));
        assert_eq!(Target::parse("https://collector:4317/"), dns("collector", 4317));
        assert_eq!(Target::parse("dns:///collector:4317"), dns("collector", 4317));
        assert_eq!(Target::parse("dns://1.1.1.1/collector:4317"), dns("collector", 4317));
        assert_eq!(Target::parse("[::1]:4317"), dns("::1", 4317));
        assert_eq!(Target::parse("collector"), dns("collector", 443));
        assert_eq!(Target::parse("unix:///run/x.sock"), Ok(Target::Unix("/run/x.sock".into())));
        for bad in ["", "collector:port", "xds:///c", "http://", "c:1/path", "::1:4317"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }
}
