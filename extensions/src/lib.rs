//! Extensions: they serve the collector or other components, outside the data path. One module and one cargo
//! feature each.
//!
//! - `health_check`: whether the collector takes data, over HTTP
//! - `healthcheckv2`: the state of every component, over HTTP and gRPC
//! - `pprof`, `zpages`: sections that are accepted, not served yet
