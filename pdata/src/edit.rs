//! Editing attributes on the wire: what is not touched is copied as it stands, in runs; what is, is written anew, and the
//! lengths of the messages around it are put right.
//!
//! - `value`: what attributes can be given; `pair`: one attribute, read and written
//! - `attributes`: the attributes of one message while they are edited
//! - `resources`: [`Pdata::edit_resources`](crate::Pdata::edit_resources)
//! - `records`: [`Pdata::edit_records`](crate::Pdata::edit_records), for spans, data points and log records

mod attributes;
mod pair;
mod records;
mod resources;
#[cfg(test)]
mod tests;
mod value;

pub use attributes::{AttributesEdit, Place};
pub use pair::EncodedAttribute;
pub use records::RecordEditor;
pub(crate) use resources::{request, resource};
pub use value::NewValue;
