//! Extensions: they serve the collector or other components, outside the data path. One module and one cargo
//! feature each.
//!
//! - `health_check`: whether the collector takes data, over HTTP
//! - `healthcheckv2`: the state of every component, over HTTP and gRPC
//! - `jaegerremotesampling`: sampling strategies for Jaeger's clients
//! - `pprof`, `zpages`: sections that are accepted, not served yet
//!
//! `health` is what both health checks answer with.

#[cfg(any(feature = "health-check-extension", feature = "healthcheckv2-extension"))]
mod health;
#[cfg(feature = "health-check-extension")]
pub mod health_check;
#[cfg(feature = "healthcheckv2-extension")]
pub mod healthcheckv2;
#[cfg(feature = "jaegerremotesampling-extension")]
pub mod jaegerremotesampling;
#[cfg(feature = "pprof-extension")]
pub mod pprof;
#[cfg(feature = "zpages-extension")]
pub mod zpages;
