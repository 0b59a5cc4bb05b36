//! Typed settings back to [`Node`]s, for printing and as the defaults that a section is decoded over.

mod ser;

use serde::Serialize;

use crate::Node;
use crate::ours::{Mode, with_mode};

/// The settings as a tree, secrets replaced by `[REDACTED]`: what `print-config` shows.
///
/// Squashed fields are in the section around them; a [`crate::Section`] that is off is marked as such and not printed.
pub fn to_node<T: Serialize + ?Sized>(settings: &T) -> Node {
    with_mode(Mode::Redacted, || write(settings))
}

/// As [`to_node`], with secrets as they are.
pub fn to_unredacted_node<T: Serialize + ?Sized>(settings: &T) -> Node {
    to_plain_node(settings)
}

pub(crate) fn to_plain_node<T: Serialize + ?Sized>(settings: &T) -> Node {
    with_mode(Mode::Plain, || write(settings))
}

fn write<T: Serialize + ?Sized>(settings: &T) -> Node {
    // Only a type that refuses to be serialized fails here; it then prints as nothing.
    settings.serialize(ser::Ser).unwrap_or_default()
}

#[cfg(test)]
mod tests;
