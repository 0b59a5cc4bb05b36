//! Jaeger's compact Thrift over UDP.

use std::io;

use sluice_formats::jaeger::{Protocol, by_process, encode_emit_batch};
use sluice_pdata::Pdata;
use tokio::net::{UdpSocket, lookup_host};

use super::sender::Verdict;
use crate::cli::failure::Failure;

/// What Jaeger's agents read of a datagram.
const MAX_PACKET: usize = 65_000;

/// A socket connected to an agent.
pub(super) struct Udp(UdpSocket);

impl Udp {
    pub(super) async fn connect(address: &str) -> Result<Self, Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::new(format!("--endpoint: cannot use {address}: {error}"))
        };
        let found = lookup_host(address).await.map_err(|error| failed(&error))?.next();
        let to = found.ok_or_else(|| Failure::new(format!("--endpoint: {address} has no address")))?;
        let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(from).await.map_err(|error| failed(&error))?;
        socket.connect(to).await.map_err(|error| failed(&error))?;
        Ok(Self(socket))
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
                match self.0.send(&packet).await {
                    Ok(_) => verdict.accepted += spans as u64,
                    Err(error) => verdict.refused.push((reason(&error), spans as u64)),
                }
            }
        }
        verdict
    }
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

/// A port where nobody listens is told by the machine that has it, where it is the same one.
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
