//! A pull parser for JSON text: tokens on demand, no tree, no recursion. It knows nothing of OTLP.

use super::JsonError;

/// A position in a JSON text.
#[derive(Debug)]
pub struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// Strings that had escapes, decoded.
    unescaped: Vec<u8>,
}

/// A string's content: as it stands in the text, or decoded in the parser's buffer until the next string is read.
#[derive(Debug, Clone, Copy)]
pub enum Str<'a> {
    /// A piece of the text. Not checked to be UTF-8.
    Plain(&'a [u8]),
    /// Had escapes: see [`Parser::bytes`].
    Unescaped,
}

impl<'a> Parser<'a> {
    /// Reads `text` from its start.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, unescaped: Vec::new() }
    }

    /// The next byte that is not blank, or 0 at the end.
    #[inline]
    pub fn peek(&mut self) -> u8 {
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => return *byte,
            }
        }
        0
    }

    /// Takes `byte` if it comes next.
    #[inline]
    pub fn take(&mut self, byte: u8) -> bool {
        let next = self.peek() == byte;
        if next {
            self.at += 1;
        }
        next
    }

    /// Takes `byte`.
    ///
    /// # Errors
    /// Says `what` when something else comes next.
    #[inline]
    pub fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.error(what)) }
    }

    /// Takes `null` if it comes next.
    ///
    /// # Errors
    /// When it is something else that begins with `n`.
    #[inline]
    pub fn take_null(&mut self) -> Result<bool, JsonError> {
        if self.peek() != b'n' {
            return Ok(false);
        }
        self.literal(b"null").map(|()| true)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn bool(&mut self) -> Result<bool, JsonError> {
        match self.peek() {
            b't' => self.literal(b"true").map(|()| true),
            b'f' => self.literal(b"false").map(|()| false),
            _ => Err(self.error("expected true or false")),
        }
    }

    fn literal(&mut self, literal: &'static [u8]) -> Result<(), JsonError> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(literal)) {
            self.at += literal.len();
            return Ok(());
        }
        Err(self.error("expected a value"))
    }

    /// After a member of an object or array: whether another follows. Takes the comma or the closing bracket.
    ///
    /// # Errors
    /// When it is neither.
    #[inline]
    pub fn more(&mut self, close: u8) -> Result<bool, JsonError> {
        match self.peek() {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ if close == b'}' => Err(self.error("expected `,` or `}`")),
            _ => Err(self.error("expected `,` or `]`")),
        }
    }

    /// A key and its colon.
    ///
    /// # Errors
    /// As [`string`](Self::string), or when there is no colon.
    #[inline]
    pub fn key(&mut self) -> Result<Str<'a>, JsonError> {
        if self.peek() != b'"' {
            return Err(self.error("expected a key in double quotes"));
        }
        let key = self.string()?;
        self.expect(b':', "expected `:`")?;
        Ok(key)
    }

    /// What a [`Str`] stands for, if no other string was read since.
    #[must_use]
    #[inline]
    pub fn bytes<'b>(&'b self, text: Str<'b>) -> &'b [u8] {
        match text {
            Str::Plain(bytes) => bytes,
            Str::Unescaped => &self.unescaped,
        }
    }

    /// A string. Bytes that are not UTF-8 are left as they are; the walk over the protobuf repairs them.
    ///
    /// # Errors
    /// When it is none, is not closed, or holds an unknown escape or a control character.
    #[inline]
    pub fn string(&mut self) -> Result<Str<'a>, JsonError> {
        self.expect(b'"', "expected a string")?;
        let run = self.run()?;
        if self.text.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Str::Plain(run));
        }
        self.unescaped.clear();
        self.unescaped.extend_from_slice(run);
        loop {
            // `run` stops at a quote or a backslash only.
            self.at += 1;
            if self.text.get(self.at - 1) == Some(&b'"') {
                return Ok(Str::Unescaped);
            }
            self.escape()?;
            let run = self.run()?;
            self.unescaped.extend_from_slice(run);
        }
    }

    /// The bytes up to the next quote or backslash.
    #[inline]
    fn run(&mut self) -> Result<&'a [u8], JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = plain_len(rest);
        let (run, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        match after.first() {
            Some(b'"' | b'\\') => {
                self.at += end;
                Ok(run)
            }
            None => Err(self.error("string is not closed")),
            Some(_) => {
                self.at += end;
                Err(self.error("control character in a string"))
            }
        }
    }

    /// What follows a backslash. Half of a surrogate pair becomes U+FFFD.
    fn escape(&mut self) -> Result<(), JsonError> {
        let byte = self.text.get(self.at).copied().unwrap_or(0);
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x08,
            b'f' => 0x0c,
            b'u' => {
                self.at += 1;
                let unit = self.hex4()?;
                let code = match self.low_surrogate(unit) {
                    Some(low) => {
                        self.at += 6;
                        0x10000 + ((unit & 0x3ff) << 10 | low & 0x3ff)
                    }
                    None => unit,
                };
                let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.unescaped.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.error("unknown escape")),
        };
        self.at += 1;
        self.unescaped.push(plain);
        Ok(())
    }

    /// The second half of a surrogate pair, if `high` is a first half and `\uDC00`–`\uDFFF` follows.
    fn low_surrogate(&self, high: u32) -> Option<u32> {
        let next = self.text.get(self.at..self.at + 6)?.strip_prefix(b"\\u")?;
        let low = hex_value(next)?;
        ((0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low)).then_some(low)
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let value = self.text.get(self.at..self.at + 4).and_then(hex_value);
        let value = value.ok_or_else(|| self.error("expected four hex digits"))?;
        self.at += 4;
        Ok(value)
    }

    /// A number, as text that keeps to JSON's grammar.
    ///
    /// # Errors
    /// When it is none.
    pub fn number(&mut self) -> Result<&'a [u8], JsonError> {
        self.peek();
        let start = self.at;
        self.at += usize::from(self.text.get(self.at) == Some(&b'-'));
        let leading_zero = self.text.get(self.at) == Some(&b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            self.at = start;
            return Err(self.error("expected a number"));
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.error("expected a digit"));
            }
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.error("expected a digit"));
            }
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// Passes over one value of any kind and depth. Depth costs one byte of memory a level, never stack.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        let mut open = Vec::new();
        loop {
            match self.peek() {
                byte @ (b'{' | b'[') => {
                    self.at += 1;
                    let close = if byte == b'{' { b'}' } else { b']' };
                    if !self.take(close) {
                        open.push(close);
                        if close == b'}' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => {
                    self.string()?;
                }
                b't' | b'f' => {
                    self.bool()?;
                }
                b'n' => self.literal(b"null")?,
                b'-' | b'0'..=b'9' => {
                    self.number()?;
                }
                _ => return Err(self.error("expected a value")),
            }
            // A value has ended: so do the objects and arrays that it was the last member of.
            loop {
                let Some(close) = open.last().copied() else { return Ok(()) };
                if self.more(close)? {
                    if close == b'}' {
                        self.key()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    /// Only blanks may follow.
    ///
    /// # Errors
    /// When something else does.
    pub fn end(&mut self) -> Result<(), JsonError> {
        self.peek();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error("expected nothing more")) }
    }

    /// An error at the current position.
    #[must_use]
    #[cold]
    pub fn error(&self, what: &'static str) -> JsonError {
        self.error_at(self.at, what)
    }

    /// Bytes that were read. Blanks that follow are not among them.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Where the next token starts, for [`error_at`](Self::error_at).
    pub fn position(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// An error at a position that [`position`](Self::position) gave.
    #[must_use]
    #[cold]
    pub fn error_at(&self, at: usize, what: &'static str) -> JsonError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let is_start_of_char = |byte: &&u8| **byte & 0xc0 != 0x80;
        JsonError::Malformed {
            offset: before.len(),
            line: memchr::memchr_iter(b'\n', before).count() + 1,
            column: before.iter().skip(line_start).filter(is_start_of_char).count() + 1,
            field: None,
            what: if at >= self.text.len() { "unexpected end of the text" } else { what },
        }
    }
}

/// How many bytes of `text` a JSON string may hold as they are: up to the first quote, backslash or control character.
#[inline]
pub(super) fn plain_len(text: &[u8]) -> usize {
    // The lowest byte that is marked is always right; a borrow can mark bytes above it for nothing.
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let (words, tail) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        if found & HIGH != 0 {
            return index * 8 + (found & HIGH).trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    words.len() * 8 + tail.iter().position(special).unwrap_or(tail.len())
}

fn hex_value(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}
