//! TLS on rustls with ring: certificates from files or text, read again while the process runs.
//!
//! - [`settings`]: otelcol's `tls` blocks, [`ServerSettings`] and [`ClientSettings`]
//! - `server` and `client`: what servers and clients are given
//! - `names`: Go's names of versions, cipher suites and curves

pub(crate) mod client;
mod names;
mod pem;
pub(crate) mod server;
pub mod settings;

pub(crate) use client::ClientTls;
pub(crate) use server::ServerTls;
pub use settings::{ClientSettings, ServerSettings};

/// Makes ring the process's cryptography. Called once by `main`; again, and after another provider was installed,
/// it does nothing.
pub fn install_provider() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Why a `tls` block is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TlsError {
    /// The key below `tls` that decides.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
}

impl TlsError {
    fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, message: message.into() }
    }
}
