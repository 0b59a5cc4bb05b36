//! Editing attributes on the wire: what is not touched is copied as it stands, in runs; what is, is written anew, and the
//! lengths of the messages around it are put right.
//!
//! - `attributes`: the attributes of one message while they are edited; `value`: what they can be given
//! - `resources`: [`Pdata::edit_resources`](crate::Pdata::edit_resources)
//! - `records`: [`Pdata::edit_records`](crate::Pdata::edit_records), for spans, data points and log records

mod attributes;
mod records;
mod resources;
#[cfg(test)]
mod tests;
mod value;

pub use attributes::{AttributesEdit, Place};
pub use records::RecordEditor;
pub(crate) use resources::{request, resource};
pub use value::{EncodedValue, NewValue};
