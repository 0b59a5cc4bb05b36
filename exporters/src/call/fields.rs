//! Small protobuf messages, field by field.

use sluice_pdata::wire::{Reader, Value};

/// Shows each field to `see`. `None` when the bytes are malformed or `see` says so.
pub(super) fn each_field<'a>(
    body: &'a [u8],
    mut see: impl FnMut(u32, Value<'a>) -> Option<()>,
) -> Option<()> {
    let mut reader = Reader::new(body);
    while let Some(field) = reader.field().ok()? {
        see(field.number, field.value)?;
    }
    Some(())
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
