//! Editing attributes on the wire: what is not touched is copied as it stands, in runs; what is, is written anew, and the
//! lengths of the messages around it are put right.
//!
//! - `value`: what attributes can be given; `pair`: one attribute, read and written
//! - `room`: the memory that an edit may take
//! - `attributes`: the attributes of one message while they are edited
//! - `splice`: a chunk while it is written anew
//! - `resources`: [`Pdata::edit_resources`](crate::Pdata::edit_resources)
//! - `records`: [`Pdata::edit_records`](crate::Pdata::edit_records), for spans, data points and log records

mod attributes;
mod pair;
mod records;
mod resources;
mod room;
mod splice;
#[cfg(test)]
mod tests;
mod value;

pub use attributes::{AttributesEdit, Place};
pub use pair::EncodedAttribute;
pub use records::RecordEditor;
pub use room::{NoRoom, Room};
pub use value::NewValue;

use crate::Pdata;
use splice::Grown;

impl Pdata {
    /// Puts what `edit` makes of each chunk in its place. Gives the bytes by which the data takes more memory.
    fn edit_chunks(
        &mut self,
        mut edit: impl FnMut(&[u8]) -> Result<Option<Grown>, NoRoom>,
    ) -> Result<usize, NoRoom> {
        let mut chunks = self.wire();
        let (mut edited, mut grown) = (false, 0);
        for chunk in &mut chunks {
            if let Some((new, more)) = edit(chunk)? {
                *chunk = new;
                grown += more;
                edited = true;
            }
        }
        if edited {
            self.replace_wire(chunks, self.items());
        }
        Ok(grown)
    }
}
