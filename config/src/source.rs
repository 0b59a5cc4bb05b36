//! Where a value was written: the text it came from, and its place in it.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// One text that configuration was read from: a file, a URI, or a `--set` argument.
pub struct Source {
    name: Box<str>,
    text: Box<str>,
    /// Sources are numbered as they are made, so that problems can be printed in the order of reading.
    order: u32,
    /// Where each line starts, once somebody asks.
    lines: OnceLock<Box<[u32]>>,
}

impl Source {
    /// Names a text. The name is what a problem prints after `-->`.
    pub fn new(name: impl Into<Box<str>>, text: impl Into<Box<str>>) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
            order: NEXT.fetch_add(1, Ordering::Relaxed),
            lines: OnceLock::new(),
        })
    }

    /// The file name, the URI without secrets, or `--set`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A line by its number from 1, with the byte offset at which it starts.
    pub(crate) fn line(&self, number: u32) -> Option<(usize, &str)> {
        let starts = self.lines.get_or_init(|| {
            let ends = self.text.match_indices('\n').filter_map(|(at, _)| u32::try_from(at + 1).ok());
            std::iter::once(0).chain(ends).collect()
        });
        let start = *starts.get(usize::try_from(number).ok()?.checked_sub(1)?)? as usize;
        let line = self.text.get(start..)?.split('\n').next().unwrap_or("");
        Some((start, line.trim_end_matches('\r')))
    }
}

impl fmt::Debug for Source {
    /// The name alone: the text may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?})", self.name)
    }
}

/// A stretch of a [`Source`].
#[derive(Clone)]
pub struct Span {
    source: Arc<Source>,
    line: u32,
    column: u32,
    start: u32,
    end: u32,
}

impl Span {
    /// `line` and `column` count from 1, the column in characters; `start..end` are bytes of the text.
    pub(crate) fn new(
        source: Arc<Source>,
        line: usize,
        column: usize,
        bytes: std::ops::Range<usize>,
    ) -> Self {
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            source,
            line: narrow(line),
            column: narrow(column),
            start: narrow(bytes.start),
            end: narrow(bytes.end),
        }
    }

    /// The text it is in.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> u32 {
        self.column
    }

    pub(crate) fn bytes(&self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The text it covers.
    pub(crate) fn text(&self) -> &str {
        self.source.text.get(self.bytes()).unwrap_or("")
    }

    /// A part of it on its first line, `bytes` after its start.
    pub(crate) fn part(&self, bytes: std::ops::Range<usize>) -> Self {
        let before = self.text().get(..bytes.start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let columns = before.get(line_start..).unwrap_or("").chars().count();
        let lines = before.matches('\n').count();
        let first = if lines == 0 { self.column as usize } else { 1 };
        let start = self.start as usize;
        Self::new(
            self.source.clone(),
            self.line as usize + lines,
            first + columns,
            start + bytes.start..start + bytes.end,
        )
    }

    /// The same start, another end in bytes.
    pub(crate) fn until(self, end: usize) -> Self {
        Self { end: u32::try_from(end).unwrap_or(u32::MAX).max(self.start), ..self }
    }

    /// Whether `other` lies within it.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.same_source(other) && self.start <= other.start && other.end <= self.end
    }

    pub(crate) fn same_source(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
    }

    /// Orders by the time the source was read, then by place.
    pub(crate) fn order(&self) -> (u32, u32, u32) {
        (self.source.order, self.line, self.column)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line, self.column)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Who gave a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Nobody: it is a default.
    #[default]
    Default,
    /// The text of a file or URI given with `--config`; the node's span says which.
    File,
    /// An environment variable, as a whole or in part.
    Env(Arc<str>),
    /// A `--set` argument.
    Set,
}
