//! What becomes of packets that cannot be refused: nobody waits for an answer to a datagram.

use prometheus::IntCounter;

use super::families::Families;
use crate::ids::ComponentRef;

/// Why a packet was dropped. The text of [`PacketLoss::as_str`] is the `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketLoss {
    /// The kernel had no room in the socket's buffer, or found a wrong checksum: never seen by this process.
    Kernel,
    /// The receiver's queue was full.
    QueueFull,
    /// The memory budget was used up.
    MemoryLimit,
    /// Longer than `max_packet_size`.
    TooLarge,
    /// Not what the port takes.
    Decode,
    /// The pipelines did not take what was in it.
    Pipeline,
    /// Still held at the shutdown deadline.
    Stopping,
    /// The decoder or a pipeline panicked on it.
    Panic,
}

impl PacketLoss {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Kernel,
        Self::QueueFull,
        Self::MemoryLimit,
        Self::TooLarge,
        Self::Decode,
        Self::Pipeline,
        Self::Stopping,
        Self::Panic,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::QueueFull => "queue_full",
            Self::MemoryLimit => "memory_limit",
            Self::TooLarge => "too_large",
            Self::Decode => "decode",
            Self::Pipeline => "pipeline",
            Self::Stopping => "stopping",
            Self::Panic => "panic",
        }
    }
}

/// Counters of one port. At every instant that nothing moves, what was received was either handed on or dropped for
/// a reason other than [`PacketLoss::Kernel`].
#[derive(Debug, Clone)]
pub struct PacketMetrics {
    received: IntCounter,
    dropped: [IntCounter; PacketLoss::ALL.len()],
}

impl PacketMetrics {
    pub(super) fn new(families: &Families, receiver: &ComponentRef, transport: &str) -> Self {
        let id = receiver.id().as_str();
        Self {
            received: families.receiver_packets.with_label_values(&[id, transport]),
            dropped: PacketLoss::ALL.map(|loss| {
                families.receiver_dropped_packets.with_label_values(&[id, transport, loss.as_str()])
            }),
        }
    }

    /// Counts packets that the process took from the kernel.
    pub fn received(&self, packets: usize) {
        self.received.inc_by(packets as u64);
    }

    /// Counts packets that are gone.
    pub fn dropped(&self, loss: PacketLoss, packets: usize) {
        if packets > 0
            && let Some(counter) = self.counter(loss)
        {
            counter.inc_by(packets as u64);
        }
    }

    /// How many packets are gone for that reason.
    #[must_use]
    pub fn lost(&self, loss: PacketLoss) -> u64 {
        self.counter(loss).map_or(0, IntCounter::get)
    }

    /// How many packets the process took from the kernel.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.received.get()
    }

    fn counter(&self, loss: PacketLoss) -> Option<&IntCounter> {
        PacketLoss::ALL
            .iter()
            .zip(&self.dropped)
            .find(|(known, _)| **known == loss)
            .map(|(_, counter)| counter)
    }
}
