//! UDP servers: a thread that only receives, a bounded queue, workers.
//!
//! ```text
//! kernel's buffer -> receive (one thread per socket, many packets per call) -> ring -> workers -> Packets::take
//! ```
//!
//! A sender of datagrams cannot be refused, so what there is no room for is dropped, and each drop is counted with its
//! reason in `sluice_receiver_dropped_packets`, the kernel's own drops among them:
//!
//! - The receiving thread does nothing that can wait, so it keeps up when the runtime is busy. When the ring is full it
//!   waits a moment, in which the kernel's buffer serves as more of it, then drops what it holds.
//! - Packets are copied to their own size, and their bytes are reserved in the
//!   [`Budget`](sluice_component::Budget), until the last holder of the [`Permit`](sluice_component::Permit) lets go.
//! - Nothing that a packet holds ends the server: an error of the socket is logged and receiving goes on.
//!
//! - [`settings`]: the YAML
//! - `ring`: the bounded queue
//! - `socket`: binding and receiving
//! - `drops`: the kernel's counter
//! - [`server`]: [`Server`], and what a receiver implements, [`Packets`]

mod drops;
mod ring;
pub mod server;
pub mod settings;
mod socket;

pub use server::{Packet, Packets, Server};
pub use settings::ServerSettings;
