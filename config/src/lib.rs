//! YAML with positions: load, expand, merge, deserialize, and say everything that is wrong.
mod id;

pub use id::{ComponentId, IdError};
