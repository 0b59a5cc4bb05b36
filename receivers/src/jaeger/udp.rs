//! Thrift over UDP, as agents take it: one call of `emitBatch` per packet.

use std::sync::{Arc, Mutex, PoisonError};

use sluice_component::{
    Context, Request, async_trait,
    quiet::Quiet,
    telemetry::{PacketLoss, PacketMetrics},
};
use sluice_formats::jaeger::{self, Protocol};
use sluice_net::udp::{Packet, Packets};
use tokio::sync::Semaphore;

use crate::intake::{Admitted, Failure, Intake};

/// Decodes what arrives at one port.
pub(super) struct Agent {
    pub(super) intake: Arc<Intake>,
    pub(super) protocol: Protocol,
    pub(super) metrics: PacketMetrics,
    /// Who may decode: a flood of packets must leave processors to those who wait for an answer.
    pub(super) turns: Arc<Semaphore>,
    bad: Mutex<Quiet>,
    lost: Mutex<Quiet>,
}

/// How many may decode packets at once: half of the processors.
pub(super) fn turns() -> Arc<Semaphore> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new((processors / 2).max(1)))
}

/// otelcol's label of metrics.
pub(super) fn transport(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Compact => "udp_thrift_compact",
        Protocol::Binary => "udp_thrift_binary",
    }
}

impl Agent {
    pub(super) fn new(
        intake: Arc<Intake>,
        protocol: Protocol,
        metrics: PacketMetrics,
        turns: Arc<Semaphore>,
    ) -> Self {
        Self { intake, protocol, metrics, turns, bad: Mutex::default(), lost: Mutex::default() }
    }

    /// What is good of the packets, as one batch, and of how many packets it is.
    async fn decode(&self, packets: Vec<Packet>) -> Option<(Admitted, usize)> {
        // Never closed, so the turn always comes.
        let _turn = self.turns.acquire().await.ok()?;
        let mut batch: Option<(Admitted, usize)> = None;
        for Packet { bytes, peer, permit } in packets {
            let decode = |body: &[u8], limits: &_| jaeger::decode_emit_batch(body, self.protocol, limits);
            match (self.intake.translate(bytes, permit, decode), &mut batch) {
                (Ok(admitted), None) => batch = Some((admitted, 1)),
                (Ok(admitted), Some((all, packets))) => {
                    all.join(admitted);
                    *packets += 1;
                }
                (Err(failure), _) => {
                    let (loss, why) = match failure {
                        Failure::NoRoom(error) => (PacketLoss::MemoryLimit, error.to_string()),
                        Failure::Malformed(text) | Failure::TooLarge(text) => (PacketLoss::Decode, text),
                        Failure::Refused(refusal) => (PacketLoss::Pipeline, refusal.chain()),
                    };
                    self.metrics.dropped(loss, 1);
                    if let Some((packets, _)) = note(&self.bad) {
                        let peer = peer.map(|peer| peer.to_string());
                        let component = self.intake.receiver();
                        tracing::warn!(
                            %component,
                            transport = transport(self.protocol),
                            packets,
                            peer,
                            error = why,
                            "dropped packets that cannot be decoded"
                        );
                    }
                }
            }
        }
        batch
    }
}

#[async_trait]
impl Packets for Agent {
    async fn take(&self, packets: Vec<Packet>) {
        let Some((admitted, packets)) = self.decode(packets).await else { return };
        let transport = transport(self.protocol);
        let request = Request::builder(self.intake.receiver().clone(), transport).build();
        // Who sent it will not send it again.
        let cx = Context::new(request).owned();
        let Err(failure) = self.intake.hand_on(cx, admitted).await else { return };
        self.metrics.dropped(PacketLoss::Pipeline, packets);
        if let (Some((times, _)), Failure::Refused(refusal)) = (note(&self.lost), failure) {
            let component = self.intake.receiver();
            tracing::warn!(%component, transport, times, error = refusal.chain(), "dropped packets that the pipelines did not take");
        }
    }
}

fn note(quiet: &Mutex<Quiet>) -> Option<(u64, u64)> {
    quiet.lock().unwrap_or_else(PoisonError::into_inner).note(1)
}
