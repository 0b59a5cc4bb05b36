//! Shared gRPC and HTTP servers and clients, with their settings as otelcol spells them.
//!
//! A component puts one of the settings blocks into its own settings, checks it with them, and starts a server
//! or client from it. Whatever arrives is reserved in the [`Budget`](sluice_component::Budget) while it arrives,
//! before it is decompressed, and stays reserved until the last holder of the [`Permit`](sluice_component::Permit)
//! lets go.
//!
//! - [`grpc`]: unary gRPC on HTTP/2, messages as bytes: [`grpc::Server`], [`grpc::Client`]
//! - [`http`]: HTTP/1.1 and 2: [`http::Server`], [`http::Client`]
//! - [`udp`]: datagrams, received by a thread of their own into a bounded queue: [`udp::Server`]
//! - [`tls`]: certificates, versions, ciphers; files are read again while the process runs
//! - [`compression`]: every codec of otelcol, bounded in both directions
//! - [`endpoint`]: `host:port`, `:4317`, unix sockets
//! - [`resolve`]: names to addresses, for every client
//! - [`body`]: reads request bodies under the budget and a limit
//! - [`later`]: keys that are refused until they are built

pub mod body;
pub mod compression;
pub mod endpoint;
pub mod grpc;
mod heard;
pub mod http;
pub mod later;
mod linger;
mod listen;
pub mod resolve;
mod serve;
pub mod tls;
pub mod udp;
mod watch;

pub use endpoint::{Endpoint, EndpointError, Transport};
