//! A protobuf string, kept as bytes.

use super::View;
use std::fmt;

/// Text as it lies in the message: bytes that were checked to be UTF-8 when they entered.
///
/// Writers that take bytes use [`as_bytes`](Text::as_bytes) and pay nothing. `Display` writes the text.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Wraps bytes that are expected to be UTF-8.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The text. Checks the bytes again (about 0.1 ns a byte) and ends at the first that is not UTF-8, which
    /// validated data does not have.
    pub fn as_str(self) -> &'a str {
        match simdutf8::basic::from_utf8(self.0) {
            Ok(text) => text,
            Err(_) => self.0.utf8_chunks().next().map_or("", |chunk| chunk.valid()),
        }
    }

    /// Length in bytes.
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is no text; protobuf does not tell this from an absent field.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match simdutf8::basic::from_utf8(self.0) {
            Ok(text) => f.pad(text),
            Err(_) => f.pad(&String::from_utf8_lossy(self.0)),
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self.0), f)
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl<'a> View<'a> for Text<'a> {
    type Struct = String;

    fn from_wire(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn from_struct(message: &'a String) -> Self {
        Self(message.as_bytes())
    }
}
