//! What both versions' JSON readers need. A value of the wrong type is passed over and costs its span; text that is
//! not JSON costs the body.

use std::borrow::Cow;

use sluice_pdata::json::JsonError;
use sluice_pdata::json::read::{Parser, Str};

use super::span::{Endpoint, Fault, Text, id_from_hex};
use crate::Malformed;

pub(super) struct Reader<'a> {
    pub(super) text: Parser<'a>,
    body: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { text: Parser::new(body), body }
    }

    /// Each element of the array that is the body, with a function that reads one.
    pub(super) fn spans(
        &mut self,
        mut span: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if self.text.peek() == 0 && self.text.end().is_ok() {
            return Ok(());
        }
        self.text.expect(b'[', "expected an array of spans")?;
        if !self.text.take(b']') {
            loop {
                span(self)?;
                if !self.text.more(b']')? {
                    break;
                }
            }
        }
        Ok(self.text.end()?)
    }

    /// The members of an object; `member` must take the value. Says whether it was an object.
    #[inline]
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), Malformed>,
    ) -> Result<bool, Malformed> {
        if !self.text.take(b'{') {
            self.text.skip()?;
            return Ok(false);
        }
        if self.text.take(b'}') {
            return Ok(true);
        }
        loop {
            let key = self.text.key()?;
            let key = self.owned(key);
            member(self, key)?;
            if !self.text.more(b'}')? {
                return Ok(true);
            }
        }
    }

    /// The objects of an array, or of `null`; `null` among them is nothing. `read` must take one, and says whether it
    /// was an object.
    pub(super) fn objects(
        &mut self,
        fault: &mut Fault,
        what: &'static str,
        mut read: impl FnMut(&mut Self, &mut Fault) -> Result<bool, Malformed>,
    ) -> Result<(), Malformed> {
        let is_array = self.array(|reader| {
            if !reader.text.take_null()? && !read(reader, fault)? {
                fault.set(what);
            }
            Ok(())
        })?;
        if !is_array {
            fault.set(what);
        }
        Ok(())
    }

    /// The elements of an array, or of `null`; `element` must take the value. Says whether it was an array.
    fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<bool, Malformed> {
        if self.text.take_null()? {
            return Ok(true);
        }
        if !self.text.take(b'[') {
            self.text.skip()?;
            return Ok(false);
        }
        if self.text.take(b']') {
            return Ok(true);
        }
        loop {
            element(self)?;
            if !self.text.more(b']')? {
                return Ok(true);
            }
        }
    }

    #[inline]
    fn owned(&self, text: Str<'a>) -> Text<'a> {
        match text {
            Str::Plain(bytes) => Cow::Borrowed(bytes),
            Str::Unescaped => Cow::Owned(self.text.bytes(text).to_vec()),
        }
    }

    /// A string; `null` is the empty one.
    #[inline]
    pub(super) fn string(&mut self, fault: &mut Fault, what: &'static str) -> Result<Text<'a>, JsonError> {
        if self.text.peek() == b'"' {
            let text = self.text.string()?;
            return Ok(self.owned(text));
        }
        if !self.text.take_null()? {
            self.text.skip()?;
            fault.set(what);
        }
        Ok(Cow::Borrowed(&[]))
    }

    /// The value of a tag: other JSON than a string stands for its text, `null` for none.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<Option<Text<'a>>, JsonError> {
        if self.text.peek() == b'"' {
            let text = self.text.string()?;
            return Ok(Some(self.owned(text)));
        }
        if self.text.take_null()? {
            return Ok(None);
        }
        self.raw().map(|text| Some(Cow::Borrowed(text)))
    }

    /// Any value as it stands in the body.
    pub(super) fn raw(&mut self) -> Result<&'a [u8], JsonError> {
        let start = self.text.position();
        self.text.skip()?;
        let end = self.text.offset();
        Ok(self.body.get(start..end).unwrap_or_default())
    }

    /// A whole number of at least 0, as number or string; `null` is 0.
    #[inline]
    pub(super) fn unsigned(&mut self, fault: &mut Fault, what: &'static str) -> Result<u64, JsonError> {
        let text = match self.text.peek() {
            b'0'..=b'9' | b'-' => Str::Plain(self.text.number()?),
            b'"' => self.text.string()?,
            _ => {
                if !self.text.take_null()? {
                    self.text.skip()?;
                    fault.set(what);
                }
                return Ok(0);
            }
        };
        let value = unsigned(self.text.bytes(text));
        if value.is_none() {
            fault.set(what);
        }
        Ok(value.unwrap_or(0))
    }

    /// An id in hex; `null` and the empty string are none.
    pub(super) fn id<const N: usize>(
        &mut self,
        id: &mut [u8; N],
        fault: &mut Fault,
        what: &'static str,
    ) -> Result<(), Malformed> {
        let text = self.string(fault, what)?;
        match id_from_hex(&text) {
            Some(read) => *id = read,
            None => fault.set(what),
        }
        Ok(())
    }

    pub(super) fn endpoint(&mut self, fault: &mut Fault) -> Result<Endpoint<'a>, Malformed> {
        let mut endpoint = Endpoint::default();
        if self.text.take_null()? {
            return Ok(endpoint);
        }
        let is_object = self.object(|reader, key| {
            match &*key {
                b"serviceName" => {
                    endpoint.service_name = reader.string(fault, "with a service name that is no string")?;
                }
                b"ipv4" => endpoint.ipv4 = reader.string(fault, "with an address that is no string")?,
                b"ipv6" => endpoint.ipv6 = reader.string(fault, "with an address that is no string")?,
                b"port" => {
                    let port = reader.unsigned(fault, PORT)?;
                    endpoint.port = u16::try_from(port).unwrap_or_else(|_| {
                        fault.set(PORT);
                        0
                    });
                }
                _ => reader.text.skip()?,
            }
            Ok(())
        })?;
        if !is_object {
            fault.set("with an endpoint that is no object");
        }
        Ok(endpoint)
    }
}

/// Reasons why a span is rejected, in the words of [`Rejected`](crate::Rejected).
pub(super) const TIMESTAMP: &str = "with a timestamp that is no count of microseconds";
pub(super) const DURATION: &str = "with a duration that is no count of microseconds";
pub(super) const ANNOTATION_TIMESTAMP: &str =
    "with an annotation whose timestamp is no count of microseconds";
const PORT: &str = "with a port that is none";

/// Digits, or a number that stands for a whole one, such as `1.5e3`.
#[inline]
fn unsigned(text: &[u8]) -> Option<u64> {
    // 19 digits always fit.
    if !text.is_empty() && text.len() < 20 && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')));
    }
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let value: f64 = text.parse().ok()?;
    // Exact: a double holds every integer up to 2^53.
    let exact = value.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&value);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just checked")]
    exact.then_some(value as u64)
}

impl From<JsonError> for Malformed {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Malformed { offset, line, column, what, .. } => {
                Self::Text { what, offset, line, column }
            }
            JsonError::TooLarge { what, limit } => Self::TooLarge { what, limit },
        }
    }
}
