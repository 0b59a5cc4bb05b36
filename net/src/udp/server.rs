//! The server: hands what arrives to its receiver, and counts what it cannot.

use std::{
    fmt, io,
    net::{SocketAddr, UdpSocket},
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use sluice_component::{
    Budget, Host, Permit, StartError,
    telemetry::{PacketLoss, PacketMetrics},
};
use tokio::time::Instant;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use super::{
    drops::KernelDrops,
    ring::{Ring, Size},
    settings::ServerSettings,
    socket::{self, Batch, Raw},
};
use crate::{
    endpoint::Endpoint,
    listen::bind_each,
    serve::{join, plain},
};

/// How long the receiving thread waits for room in a full ring before it drops what it holds.
const PATIENCE: Duration = Duration::from_millis(10);
/// After an error of the socket, before the next try.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the kernel's drops are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// One datagram.
#[derive(Debug)]
pub struct Packet {
    /// What was in it, in a buffer of its own.
    pub bytes: Bytes,
    /// Who sent it.
    pub peer: Option<SocketAddr>,
    /// Holds the bytes in the budget: keep it as long as the bytes.
    pub permit: Permit,
}

impl Size for Packet {
    fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// Takes the packets that arrive.
#[async_trait]
pub trait Packets: Send + Sync {
    /// Takes one packet or several that waited together, in their order. Nobody can be refused, so this counts what
    /// it drops.
    ///
    /// The future is dropped at the shutdown deadline, and its packets are counted as dropped; so they are when it
    /// panics.
    async fn take(&self, packets: Vec<Packet>);
}

/// A UDP server that listens. Dropping it stops it at once; [`Server::shutdown`] lets the workers finish.
pub struct Server {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    sockets: Vec<Arc<UdpSocket>>,
    drops: Arc<Mutex<Vec<KernelDrops>>>,
    /// The receiving threads.
    threads: TaskTracker,
    workers: TaskTracker,
}

/// What threads, workers and the server share.
struct Shared {
    ring: Ring<Packet>,
    metrics: PacketMetrics,
    budget: Budget,
    /// Stops receiving.
    stop: AtomicBool,
    /// Stops working.
    kill: CancellationToken,
    /// Ends the look at the kernel's drops.
    ended: CancellationToken,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("udp::Server").field(&self.addresses).finish()
    }
}

impl Server {
    /// Binds the endpoint and hands what arrives to `packets` until [`Server::shutdown`]. `key` is the YAML key of the
    /// settings block below the component, `transport` the label of the metrics.
    ///
    /// # Errors
    /// A [`StartError`] names the key: the endpoint cannot be bound.
    pub async fn start(
        settings: &ServerSettings,
        key: &str,
        host: &Host,
        transport: &'static str,
        packets: Arc<dyn Packets>,
    ) -> Result<Self, StartError> {
        let error = |text: String| StartError::new(host.component().clone(), &join(key, "endpoint"), text);
        let endpoint = settings.address().map_err(error)?;
        let cannot =
            |cause: io::Error| error(format!("cannot listen on {endpoint} (UDP): {}", plain(&cause)));
        let sockets = bind(&endpoint, settings.socket_buffer_size.as_usize()).await.map_err(cannot)?;
        let sockets: Vec<_> = sockets.into_iter().map(Arc::new).collect();
        let addresses = sockets.iter().map(|socket| socket.local_addr()).collect::<io::Result<Vec<_>>>();
        let drops: Vec<_> = sockets.iter().filter_map(|socket| KernelDrops::of(socket)).collect();
        let server = Self {
            addresses: addresses.map_err(cannot)?,
            shared: Arc::new(Shared {
                ring: Ring::new(usize::try_from(settings.queue_size).unwrap_or(usize::MAX)),
                metrics: host.telemetry().packets(host.component(), transport),
                budget: host.budget().clone(),
                stop: AtomicBool::new(false),
                kill: CancellationToken::new(),
                ended: CancellationToken::new(),
            }),
            sockets,
            drops: Arc::new(Mutex::new(drops)),
            threads: TaskTracker::new(),
            workers: TaskTracker::new(),
        };
        server.tell(settings, key, host);
        for _ in 0..settings.workers {
            let work = work(server.shared.clone(), packets.clone(), server.workers.token());
            host.spawn("udp worker", work);
        }
        for socket in &server.sockets {
            let (shared, socket, token) = (server.shared.clone(), socket.clone(), server.threads.token());
            let limit = settings.packet_limit();
            let component = host.component().clone();
            std::thread::Builder::new()
                .name("udp receive".to_owned())
                .spawn(move || {
                    let _running = token;
                    let _span = tracing::info_span!("task", %component, task = "udp receive").entered();
                    receive(&shared, &socket, limit);
                    // Before the token goes, or a shutdown could return while the port is still bound.
                    drop(socket);
                })
                .map_err(|cause| error(format!("cannot start a thread: {}", plain(&cause))))?;
        }
        let (shared, drops) = (server.shared.clone(), server.drops.clone());
        host.spawn("udp drops", async move {
            while shared.ended.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
                look(&shared, &drops).await;
            }
        });
        Ok(server)
    }

    /// The bound addresses.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What became of the packets.
    #[must_use]
    pub fn metrics(&self) -> &PacketMetrics {
        &self.shared.metrics
    }

    /// Takes what is in the kernel's buffer, stops receiving, and waits until the workers have handed on all that
    /// waits, or until `deadline`, when the rest is dropped. Returns the number of packets dropped so. Idempotent.
    pub async fn shutdown(&self, deadline: Instant) -> u64 {
        let before = self.shared.metrics.lost(PacketLoss::Stopping);
        self.shared.stop.store(true, Ordering::Relaxed);
        self.threads.close();
        // The threads look at the flag every 100 ms, whatever happens: this needs no deadline.
        self.threads.wait().await;
        self.shared.ring.close();
        self.workers.close();
        if tokio::time::timeout_at(deadline, self.workers.wait()).await.is_err() {
            self.shared.kill.cancel();
            self.workers.wait().await;
        }
        self.shared.metrics.dropped(PacketLoss::Stopping, self.shared.ring.clear());
        look(&self.shared, &self.drops).await;
        self.shared.ended.cancel();
        self.shared.metrics.lost(PacketLoss::Stopping).saturating_sub(before)
    }

    /// Logs where the server listens, and what is wrong with the system for it.
    fn tell(&self, settings: &ServerSettings, key: &str, host: &Host) {
        let component = host.component();
        let wanted = settings.socket_buffer_size.as_usize();
        for (socket, endpoint) in self.sockets.iter().zip(&self.addresses) {
            let given = socket::buffer_size(socket).unwrap_or_default();
            tracing::info!(%component, %endpoint, socket_buffer_size = given, "Starting UDP server");
            if given < wanted {
                tracing::warn!(
                    %component,
                    %endpoint,
                    "{}: the kernel gave {given} of {wanted} bytes: raise its limit, on Linux with \
                     `sysctl -w net.core.rmem_max={wanted}`",
                    join(key, "socket_buffer_size"),
                );
            }
        }
        let counted = self.drops.lock().unwrap_or_else(PoisonError::into_inner).len();
        if counted < self.sockets.len() {
            tracing::warn!(%component, "packets that the kernel drops cannot be counted: this system does not tell them");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.ring.close();
        self.shared.kill.cancel();
        self.shared.ended.cancel();
    }
}

async fn bind(endpoint: &Endpoint, buffer: usize) -> io::Result<Vec<UdpSocket>> {
    let Endpoint::Tcp { host, port, family } = endpoint else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let bind = |address, v6_only| {
        let socket = socket::bind(address, v6_only, buffer)?;
        let port = socket.local_addr()?.port();
        Ok((socket, port))
    };
    bind_each(endpoint, host, *port, *family, bind).await
}

/// The receiving thread: runs until it is told to stop, then takes what the kernel still holds.
fn receive(shared: &Shared, socket: &UdpSocket, limit: usize) {
    let mut batch = Batch::new(limit);
    let mut held = Vec::new();
    let mut failing = false;
    while !shared.stop.load(Ordering::Relaxed) {
        match batch.receive(socket) {
            Ok(packets) => {
                failing = false;
                shared.put(&packets, &mut held);
            }
            Err(error) if is_idle(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "cannot receive packets, will retry");
                }
                std::thread::sleep(PAUSE);
            }
        }
    }
    drain(shared, socket, &mut batch, &mut held);
}

/// Takes what the kernel holds: it was sent before the stop. A sender that goes on is not waited for.
fn drain(shared: &Shared, socket: &UdpSocket, batch: &mut Batch, held: &mut Vec<Packet>) {
    /// What the kernel books for the smallest packet, at least.
    const OVERHEAD: usize = 512;
    if socket.set_nonblocking(true).is_err() {
        return;
    }
    let mut most = 2 * socket::buffer_size(socket).unwrap_or_default() / OVERHEAD;
    while let Ok(packets) = batch.receive(socket) {
        shared.put(&packets, held);
        most = most.saturating_sub(packets.len());
        if most == 0 {
            return;
        }
    }
}

fn is_idle(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::WouldBlock | K::TimedOut | K::Interrupted)
}

impl Shared {
    /// Moves packets into the ring, as far as there is room.
    fn put(&self, packets: &[Raw<'_>], held: &mut Vec<Packet>) {
        let metrics = &self.metrics;
        metrics.received(packets.len());
        let whole = packets.iter().filter(|packet| !packet.is_cut).count();
        metrics.dropped(PacketLoss::TooLarge, packets.len() - whole);
        let reserved = if whole > 0 { self.ring.reserve(whole, PATIENCE) } else { 0 };
        metrics.dropped(PacketLoss::QueueFull, whole - reserved);
        for raw in packets.iter().filter(|packet| !packet.is_cut).take(reserved) {
            match self.budget.reserve(raw.bytes.len()) {
                Ok(permit) => {
                    let bytes = Bytes::copy_from_slice(raw.bytes);
                    held.push(Packet { bytes, peer: raw.peer, permit });
                }
                Err(_) => metrics.dropped(PacketLoss::MemoryLimit, 1),
            }
        }
        self.ring.fill(reserved, held);
    }
}

/// A worker: runs until the ring is closed and empty, or it is killed.
async fn work(shared: Arc<Shared>, packets: Arc<dyn Packets>, _running: TaskTrackerToken) {
    while let Some(Some(group)) = shared.kill.run_until_cancelled(shared.ring.take()).await {
        let held = group.len();
        let work = AssertUnwindSafe(packets.take(group)).catch_unwind();
        match shared.kill.run_until_cancelled(work).await {
            Some(Ok(())) => {}
            Some(Err(_)) => {
                tracing::error!(packets = held, "a handler of packets panicked");
                shared.metrics.dropped(PacketLoss::Panic, held);
            }
            None => shared.metrics.dropped(PacketLoss::Stopping, held),
        }
        // A flood must leave the others a turn.
        tokio::task::yield_now().await;
    }
}

/// Books what the kernel has dropped since the last look.
async fn look(shared: &Arc<Shared>, drops: &Arc<Mutex<Vec<KernelDrops>>>) {
    let (shared, drops) = (shared.clone(), drops.clone());
    let read = tokio::task::spawn_blocking(move || {
        let mut drops = drops.lock().unwrap_or_else(PoisonError::into_inner);
        shared.metrics.dropped(PacketLoss::Kernel, drops.iter_mut().map(KernelDrops::since).sum());
    });
    // It fails when the runtime stops, and then nobody reads the counter any more.
    drop(read.await);
}
