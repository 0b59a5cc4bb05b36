//! The UDP server on real sockets.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{Arc, Mutex},
};

use sluice_component::{Host, async_trait, telemetry::PacketLoss};
use sluice_config::ByteSize;
use sluice_net::udp::{Packet, Packets, Server, ServerSettings};
use tokio::sync::Semaphore;

use crate::support::{host, soon, until, within};

/// Keeps the first byte of each packet, once it has a turn for it.
struct Sink {
    taken: Mutex<Vec<Option<u8>>>,
    turns: Semaphore,
}

#[async_trait]
impl Packets for Sink {
    async fn take(&self, packets: Vec<Packet>) {
        let many = u32::try_from(packets.len()).unwrap();
        self.turns.acquire_many(many).await.unwrap().forget();
        assert!(!packets.iter().any(|packet| &packet.bytes[..] == b"panic"), "a handler that panics");
        self.taken.lock().unwrap().extend(packets.iter().map(|packet| packet.bytes.first().copied()));
    }
}

struct Stand {
    server: Server,
    sink: Arc<Sink>,
    client: UdpSocket,
    to: SocketAddr,
}

fn settings() -> ServerSettings {
    ServerSettings::at("127.0.0.1:0")
}

async fn stand(settings: &ServerSettings, host: &Host, turns: usize) -> Stand {
    let sink = Arc::new(Sink { taken: Mutex::default(), turns: Semaphore::new(turns) });
    let server = Server::start(settings, "protocols.x", host, "udp_x", sink.clone()).await.unwrap();
    let to = server.addresses()[0];
    Stand { server, sink, client: UdpSocket::bind("127.0.0.1:0").unwrap(), to }
}

impl Stand {
    fn send(&self, packet: &[u8]) {
        self.client.send_to(packet, self.to).unwrap();
    }

    fn taken(&self) -> Vec<Option<u8>> {
        self.sink.taken.lock().unwrap().clone()
    }

    fn lost(&self, loss: PacketLoss) -> u64 {
        self.server.metrics().lost(loss)
    }
}

const PLENTY: usize = 1 << 20;

#[tokio::test]
async fn packets_arrive_in_order_and_empty_ones_too() {
    let stand = stand(&settings(), &host(1 << 30), PLENTY).await;
    for packet in [&b"a"[..], b"", b"b", &[b'c'; 60_000]] {
        stand.send(packet);
        until("taken", || stand.taken().last() == Some(&packet.first().copied())).await;
    }
    assert_eq!(stand.taken(), [Some(b'a'), None, Some(b'b'), Some(b'c')]);
    assert_eq!(within(stand.server.shutdown(soon())).await, 0);
    assert_eq!(stand.server.metrics().taken(), 4);
}

#[tokio::test]
async fn i9_a_packet_that_is_too_long_is_counted_and_the_next_one_passes() {
    let settings = ServerSettings { max_packet_size: ByteSize::new(1000), ..settings() };
    let stand = stand(&settings, &host(1 << 30), PLENTY).await;
    stand.send(&[b'a'; 1000]);
    stand.send(&[b'b'; 1001]);
    stand.send(&[b'b'; 65_507]);
    stand.send(b"c");
    until("the last one is taken", || stand.taken().last() == Some(&Some(b'c'))).await;
    assert_eq!(stand.taken(), [Some(b'a'), Some(b'c')]);
    assert_eq!(stand.lost(PacketLoss::TooLarge), 2);
}

#[tokio::test]
async fn i9_what_a_full_queue_has_no_room_for_is_counted() {
    let settings = ServerSettings { queue_size: 5, workers: 1, ..settings() };
    let stand = stand(&settings, &host(1 << 30), 0).await;
    stand.send(b"0");
    for n in 1..=30 {
        // One by one, or the worker would take several.
        until("the last one has come", || stand.server.metrics().taken() == n).await;
        stand.send(b"x");
    }
    until("all have come", || stand.server.metrics().taken() == 31).await;
    until("25 found no room", || stand.lost(PacketLoss::QueueFull) >= 25).await;
    stand.sink.turns.add_permits(PLENTY);
    assert_eq!(within(stand.server.shutdown(soon())).await, 0);
    assert_eq!(stand.taken().len() as u64 + stand.lost(PacketLoss::QueueFull), 31);
    assert!((5..=6).contains(&stand.taken().len()), "{}", stand.taken().len());
}

#[tokio::test]
async fn packets_beyond_the_memory_budget_are_counted() {
    let host = host(1500);
    let stand = stand(&settings(), &host, 0).await;
    for n in 1..=3 {
        stand.send(&[b'a'; 1000]);
        until("it has come", || stand.server.metrics().taken() == n).await;
    }
    until("two found no memory", || stand.lost(PacketLoss::MemoryLimit) == 2).await;
    stand.sink.turns.add_permits(PLENTY);
    within(stand.server.shutdown(soon())).await;
    assert_eq!((stand.taken().len(), host.budget().used()), (1, 0));
}

#[tokio::test]
async fn i4_a_packet_that_the_handler_panics_on_costs_itself() {
    let settings = ServerSettings { workers: 1, ..settings() };
    let stand = stand(&settings, &host(1 << 30), PLENTY).await;
    stand.send(b"panic");
    until("it panicked", || stand.lost(PacketLoss::Panic) == 1).await;
    stand.send(b"a");
    until("the next one passes", || stand.taken() == [Some(b'a')]).await;
}

#[tokio::test]
async fn a_shutdown_hands_on_what_the_kernel_and_the_queue_hold() {
    let stand = stand(&settings(), &host(1 << 30), PLENTY).await;
    for _ in 0..100 {
        stand.send(b"a");
    }
    assert_eq!(within(stand.server.shutdown(soon())).await, 0);
    assert_eq!(stand.taken().len(), 100);
    assert_eq!(within(stand.server.shutdown(soon())).await, 0, "it is idempotent");
}

#[tokio::test]
async fn what_is_held_at_the_deadline_is_counted() {
    let settings = ServerSettings { workers: 1, ..settings() };
    let stand = stand(&settings, &host(1 << 30), 0).await;
    for _ in 0..100 {
        stand.send(b"a");
    }
    let lost = within(stand.server.shutdown(tokio::time::Instant::now())).await;
    assert_eq!((lost, stand.lost(PacketLoss::Stopping)), (100, 100));
}

/// The `drops` column of the socket on that port.
#[cfg(target_os = "linux")]
fn kernel_drops(port: u16) -> u64 {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let port = format!(":{port:04X}");
    let line = table.lines().find(|line| line.split_whitespace().nth(1).unwrap().ends_with(&port)).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn i9_every_drop_of_the_kernel_is_counted_to_the_packet() {
    // With one place and nobody who takes, the thread waits for room most of the time.
    let buffer = ByteSize::new(4096);
    let settings = ServerSettings { queue_size: 1, workers: 1, socket_buffer_size: buffer, ..settings() };
    let stand = stand(&settings, &host(1 << 30), 0).await;
    for _ in 0..5000 {
        stand.send(&[b'a'; 1000]);
    }
    assert!(kernel_drops(stand.to.port()) > 0);
    let metrics = stand.server.metrics();
    until("all are accounted for", || metrics.taken() + metrics.lost(PacketLoss::Kernel) == 5000).await;
    assert_eq!(metrics.lost(PacketLoss::Kernel), kernel_drops(stand.to.port()));
    stand.sink.turns.add_permits(PLENTY);
    within(stand.server.shutdown(soon())).await;
    assert_eq!(stand.taken().len() as u64 + metrics.lost(PacketLoss::QueueFull), metrics.taken());
}

#[tokio::test]
async fn localhost_is_served_on_both_loopback_addresses_with_one_port() {
    let stand = stand(&ServerSettings::at("localhost:0"), &host(1 << 30), PLENTY).await;
    let addresses = stand.server.addresses();
    for (n, to) in addresses.iter().enumerate() {
        let from = if to.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        UdpSocket::bind(from).unwrap().send_to(b"a", to).unwrap();
        until("it is taken", || stand.taken().len() == n + 1).await;
        assert_eq!(to.port(), stand.to.port());
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_key() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let settings = ServerSettings::at(&taken.local_addr().unwrap().to_string());
    let sink = Arc::new(Sink { taken: Mutex::default(), turns: Semaphore::new(0) });
    let error = Server::start(&settings, "protocols.x", &host(1 << 20), "udp_x", sink).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("receivers.test.protocols.x.endpoint: cannot listen on 127.0.0.1:"), "{text}");
    assert!(text.ends_with("(UDP): address already in use"), "{text}");
}
