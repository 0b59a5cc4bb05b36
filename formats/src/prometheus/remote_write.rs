//! Remote write 1.0 and 2.0.
//!
//! - [`encode`]: series as requests

mod downgrade;
pub mod encode;

pub use downgrade::downgrade;
pub use encode::{Limits, Request, encode, metadata};

/// The version of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`: each label in full, metadata apart.
    V1,
    /// `io.prometheus.write.v2.Request`: strings once, metadata, start times.
    V2,
}

impl Version {
    /// `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::V1 => "application/x-protobuf",
            Self::V2 => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        }
    }

    /// `X-Prometheus-Remote-Write-Version`.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::V1 => "0.1.0",
            Self::V2 => "2.0.0",
        }
    }
}
