//! Remote write 1.0 and 2.0.
//!
//! - [`encode`](mod@encode): series as requests
//! - [`decode`]: requests as series; [`to_otlp`](fn@to_otlp): as OTLP metrics, with what [`Known`] remembers of earlier requests

pub mod decode;
mod downgrade;
pub mod encode;
mod held;
mod known;
mod to_otlp;

pub use downgrade::{Downgraded, downgrade};
pub use encode::{Holds, Limits, Request, encode, metadata};
pub use known::Known;
pub use to_otlp::{Translated, Written, to_otlp};

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
