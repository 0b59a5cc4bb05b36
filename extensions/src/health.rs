//! What both health checks answer with.
//!
//! - `status`: the state of the whole, of pipelines and of components, from the board that components post to
//! - `probe`: the HTTP answers of version 1, with `/readyz` and `/status` beside them

mod probe;
mod status;

pub(crate) use probe::{Probe, json, not_found};
pub use probe::{ProbeSettings, ResponseBody};
#[cfg(feature = "healthcheckv2-extension")]
pub(crate) use status::Counted;
pub(crate) use status::{Scope, Status};
