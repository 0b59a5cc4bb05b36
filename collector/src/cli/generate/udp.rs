//! Jaeger's compact Thrift over UDP.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use sluice_formats::jaeger::{Protocol, by_process, encode_emit_batch};
use sluice_pdata::Pdata;
use tokio::net::{UdpSocket, lookup_host};

use super::sender::Verdict;
use crate::cli::failure::Failure;

/// What Jaeger's agents read of a datagram.
const MAX_PACKET: usize = 65_000;

/// The way to an agent.
pub(super) struct Udp {
    /// Connected to each of its addresses.
    sockets: Vec<UdpSocket>,
    /// The socket whose turn it is; grows, so that the next one follows the last.
    turn: AtomicUsize,
}

impl Udp {
    pub(super) async fn connect(address: &str) -> Result<Self, Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::new(format!("--endpoint: cannot use {address}: {error}"))
        };
        let found = lookup_host(address).await.map_err(|error| failed(&error))?;
        Self::to(found).await.map_err(|error| failed(&error))
    }

    /// Addresses to which there is no way are left out, unless that is all of them.
    async fn to(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<Self> {
        let mut sockets = Vec::new();
        let mut last = io::Error::new(ErrorKind::NotFound, "it has no address");
        for address in addresses {
            match connected(address).await {
                Ok(socket) => sockets.push(socket),
                Err(error) => last = error,
            }
        }
        if sockets.is_empty() { Err(last) } else { Ok(Self { sockets, turn: AtomicUsize::new(0) }) }
    }

    /// Sends the spans, a packet for each service at least. Accepted is what the system took: nobody answers.
    pub(super) async fn send(&self, data: Pdata) -> Verdict {
        let mut verdict = Verdict::default();
        let mut parts = vec![data];
        while let Some(mut part) = parts.pop() {
            let items = part.items();
            let packets = packets(&part);
            if items > 1 && packets.iter().any(|(packet, _)| packet.len() > MAX_PACKET) {
                let front = part.split_off_front(items / 2);
                parts.extend([part, front]);
                continue;
            }
            for (packet, spans) in packets {
                match self.send_packet(&packet).await {
                    Ok(()) => verdict.accepted += spans as u64,
                    Err(error) => verdict.refused.push((reason(&error), spans as u64)),
                }
            }
        }
        verdict
    }

    /// Sends a packet to the address that took the last one, or where nobody listens, to the others.
    async fn send_packet(&self, packet: &[u8]) -> io::Result<()> {
        let mut sent = Err(ErrorKind::NotConnected.into());
        for _ in &self.sockets {
            let turn = self.turn.load(Relaxed);
            let Some(socket) = self.sockets.get(turn % self.sockets.len()) else { break };
            sent = socket.send(packet).await.map(|_| ());
            if sent.is_ok() {
                // This machine has already told, another one may tell the next packet.
                sent = socket.take_error()?.map_or(Ok(()), Err);
            }
            match &sent {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    self.turn.store(turn.wrapping_add(1), Relaxed);
                }
                _ => break,
            }
        }
        sent
    }
}

async fn connected(to: SocketAddr) -> io::Result<UdpSocket> {
    let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(from).await?;
    socket.connect(to).await?;
    Ok(socket)
}

fn packets(data: &Pdata) -> Vec<(Vec<u8>, usize)> {
    let processes = by_process(data.traces());
    let packets = processes.iter().filter_map(|process| {
        let mut packet = Vec::new();
        let spans = encode_emit_batch(process, Protocol::Compact, &mut packet)?;
        Some((packet, spans))
    });
    packets.collect()
}

fn reason(error: &io::Error) -> String {
    format!("not sent: {error}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sluice_formats::jaeger::decode_emit_batch;
    use sluice_pdata::Limits;

    use super::*;
    use crate::cli::generate::source::tests::{NOW, source};

    /// Bound and closed: nobody listens there.
    async fn nobody() -> SocketAddr {
        UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn an_address_where_nobody_listens_is_passed_over() {
        let agent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let udp = Udp::to([nobody().await, agent.local_addr().unwrap()].into_iter()).await.unwrap();
        let (mut source, mut buffer) = (source("traces --services 1", 0), vec![0; 1 << 16]);
        for _ in 0..3 {
            assert_eq!(udp.send(source.next(1, NOW)).await, Verdict { accepted: 1, refused: Vec::new() });
        }
        for _ in 0..3 {
            let received = tokio::time::timeout(Duration::from_secs(10), agent.recv(&mut buffer));
            assert!(received.await.unwrap().unwrap() > 0);
        }
    }

    #[tokio::test]
    async fn where_nobody_listens_at_all_nothing_is_accepted() {
        let udp = Udp::to([nobody().await, nobody().await].into_iter()).await.unwrap();
        let mut source = source("traces --services 1", 0);
        for _ in 0..3 {
            let verdict = udp.send(source.next(1, NOW)).await;
            assert_eq!(verdict.accepted, 0);
            assert!(verdict.refused.iter().all(|(why, _)| why.contains("onnection refused")), "{verdict:?}");
        }
    }

    #[tokio::test]
    async fn spans_that_do_not_fit_into_a_packet_go_in_several() {
        let agent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let udp = Udp::connect(&agent.local_addr().unwrap().to_string()).await.unwrap();
        let line = "traces --services 1 --attributes 10";
        let data = source(line, 0).next(100, NOW);
        let sent = udp.send(data).await;
        assert_eq!(sent, Verdict { accepted: 100, refused: Vec::new() });
        let (mut spans, mut packets, mut buffer) = (0, 0, vec![0; 1 << 16]);
        while spans < 100 {
            let received = tokio::time::timeout(Duration::from_secs(10), agent.recv(&mut buffer));
            let len = received.await.unwrap().unwrap();
            assert!(len <= MAX_PACKET);
            spans += decode_emit_batch(&buffer[..len], Protocol::Compact, &Limits::default()).unwrap().items;
            packets += 1;
        }
        assert!(spans == 100 && packets > 1, "{packets}");
    }
}
