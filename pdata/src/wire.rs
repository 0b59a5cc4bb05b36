//! Protobuf on bytes: a bounded [`Reader`], an infallible [`fields`] iterator for bytes that were checked before,
//! and a writer on `Vec<u8>` ([`Write`]). Nothing here knows OTLP.
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use read::What;
pub use read::{Fault, Field, Fields, Key, Reader, Value, WireType, fields};
pub use write::{OpenMessage, Write, varint_len};
