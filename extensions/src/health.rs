//! What both health checks answer with.
//!
//! - `status`: the state of the whole, of pipelines and of components, from the board that components post to
//! - `probe`: the HTTP answers of version 1, with `/readyz` and `/status` beside them

pub(crate) mod probe;
pub(crate) mod status;
