//! OTLP data as bytes until somebody needs more: the one data type that flows through the graph.
//!
//! [`Pdata::from_wire`] walks a request once: it checks every field, counts the items and what decoding them
//! would cost, repairs what can be repaired, and keeps the bytes. From then on the bytes are known to be good, so
//! everything behind the door is infallible: forwarding ([`Pdata::wire`]), joining ([`Pdata::append`]),
//! splitting, dropping records, editing resources. Only [`Pdata::traces_mut`] and its siblings build structs.
//!
//! **Canonical form** is what holds for all bytes behind the door: they are well-formed; strings are UTF-8; trace and
//! span ids are 16 and 8 bytes or empty; values are nested no deeper than 64 levels; each singular field is there at
//! most once, and at most one member of a oneof; repeated numbers are packed in one field; a resource stands before
//! its scopes and a scope before its records. Otherwise the order of fields is the sender's, varints may be longer
//! than necessary, and unknown fields may stand anywhere, balanced groups among them.
//!
//! In the order of the data:
//!
//! - [`wire`]: protobuf primitives, a bounded reader and a writer
//! - `schema`: the OTLP messages, declared once; `walk` checks bytes against them, `rewrite` repairs and normalises
//! - [`Pdata`]: the type; `cut`, `retain` and `edit` change it on the wire, `decoded` holds the struct form
//! - [`view`]: borrowed reading of bytes and structs alike; [`json`]: OTLP/JSON both ways
//! - [`stream`]: which points belong together, and adding up those that are deltas
//! - [`otlp`]: the generated structs
#[cfg(test)]
mod arbitrary;
mod cut;
mod decoded;
mod door;
mod edit;
pub mod json;
mod limits;
pub mod otlp;
mod pdata;
mod retain;
mod rewrite;
mod schema;
mod signal;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod view;
mod walk;
pub mod wire;

pub use edit::{AttributesEdit, EncodedAttribute, NewValue, NoRoom, Place, RecordEditor, Room};
pub use limits::{FREE_DECODED_BYTES, Limits, Repairs, WireError};
pub use pdata::{Chunks, Guard, Pdata};
pub use signal::Signal;
