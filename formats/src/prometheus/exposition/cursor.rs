//! A place in a text, and the tokens that can stand there.

use std::borrow::Cow;

use memchr::memchr2;

/// A place in a body that is UTF-8.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What was read since `start`.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    #[inline]
    pub(super) fn eat_text(&mut self, word: &str) -> bool {
        let is_there = self.rest().starts_with(word);
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Spaces and tabs.
    #[inline]
    pub(super) fn skip_blanks(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// Bytes up to one that stands for itself: it begins a character.
    #[inline]
    pub(super) fn skip_while(&mut self, mut wanted: impl FnMut(u8) -> bool) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len());
    }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    #[inline]
    pub(super) fn metric_name(&mut self) -> Option<&'a str> {
        self.name(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':')
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`.
    #[inline]
    pub(super) fn label_name(&mut self) -> Option<&'a str> {
        self.name(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    }

    #[inline]
    fn name(&mut self, is_letter: impl Fn(u8) -> bool) -> Option<&'a str> {
        if !self.peek().is_some_and(&is_letter) {
            return None;
        }
        let start = self.at;
        self.skip_while(|byte| is_letter(byte) || byte.is_ascii_digit());
        Some(self.since(start))
    }

    /// What stands between two quotes, still escaped. `None` if there is no quote here or no second one.
    #[inline]
    pub(super) fn quoted(&mut self) -> Option<&'a str> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let start = self.at + 1;
        let mut at = start;
        loop {
            at += memchr2(b'"', b'\\', self.text.as_bytes().get(at..)?)?;
            if self.text.as_bytes().get(at) == Some(&b'"') {
                self.at = at + 1;
                return self.text.get(start..at);
            }
            at += 2;
        }
    }

    /// Up to the next space, tab or end of line.
    #[inline]
    pub(super) fn word(&mut self) -> &'a str {
        let start = self.at;
        self.skip_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n'));
        self.since(start)
    }

    /// Up to the end of the line, which is eaten, too.
    pub(super) fn line(&mut self) -> &'a str {
        let rest = self.rest();
        let len = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.at += (len + 1).min(rest.len());
        rest.get(..len).unwrap_or_default()
    }
}

/// Resolves `\\`, `\n` and `\"`. Other backslashes stand for themselves.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    let Some((before, mut rest)) = text.split_once('\\') else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(before);
    loop {
        let mut after = rest.chars();
        match after.next() {
            Some('n') => out.push('\n'),
            Some(escaped @ ('\\' | '"')) => out.push(escaped),
            _ => {
                out.push('\\');
                after = rest.chars();
            }
        }
        match after.as_str().split_once('\\') {
            Some((before, next)) => {
                out.push_str(before);
                rest = next;
            }
            None => {
                out.push_str(after.as_str());
                return Cow::Owned(out);
            }
        }
    }
}
