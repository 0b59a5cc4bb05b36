//! The servers and clients on real sockets, against each other and against tonic's and reqwest's.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code outside of test functions"
)]

#[path = "net/durations.rs"]
mod durations;
#[path = "net/floods.rs"]
mod floods;
#[path = "net/grpc_client.rs"]
mod grpc_client;
#[path = "net/grpc_server.rs"]
mod grpc_server;
#[path = "net/http.rs"]
mod http;
#[path = "net/settings.rs"]
mod settings;
#[path = "net/support.rs"]
mod support;
#[path = "net/tls.rs"]
mod tls;
#[path = "net/udp.rs"]
mod udp;
