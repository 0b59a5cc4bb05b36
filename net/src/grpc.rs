//! Unary gRPC: our own message framing on hyper's HTTP/2, messages as bytes.
//!
//! A request is one message in one buffer, which is the network's own where it came in one frame; a message that
//! is sent is a list of chunks that nobody joins. Statuses are [`tonic::Status`].
//!
//! - [`server`]: [`Server`] and what a service implements, [`Unary`]
//! - [`client`]: [`Client`], with its addresses, connections and balancing
//! - [`settings`]: the YAML of both
//! - [`status`]: statuses of refusals, retry delays
//! - [`frame`]: the five bytes before a message

pub mod client;
mod connect;
pub mod frame;
pub mod server;
pub mod settings;
pub mod status;

pub use client::{Client, Reply};
pub use server::{Call, Routes, Server, Unary};
pub use settings::{ClientSettings, ServerSettings};
pub use status::{Code, Status, retry_delay, status_of, with_retry_delay};
