//! The labels of a point: its attributes under Prometheus's names, and what its resource and scope give it.

use std::hash::{BuildHasher, Hasher};

use sluice_pdata::view::{AnyValueView, Attributes, Text, TextWriter};

use super::{
    lost::Reason,
    symbols::{Symbol, Symbols},
};
use crate::prometheus::{labels::METRIC_NAME, names::Namer};

/// A label's name, which sorts by its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// The first eight bytes, which settle most comparisons.
    order: u64,
    symbol: Symbol,
}

impl Name {
    pub(super) fn new(text: &[u8], symbols: &mut Symbols) -> Self {
        let mut first = [0; 8];
        for (byte, &from) in first.iter_mut().zip(text) {
            *byte = from;
        }
        Self { order: u64::from_be_bytes(first), symbol: symbols.intern(text) }
    }

    pub(super) fn symbol(self) -> Symbol {
        self.symbol
    }

    fn cmp(self, other: Self, symbols: &Symbols) -> std::cmp::Ordering {
        self.order.cmp(&other.order).then_with(|| match self.symbol == other.symbol {
            true => std::cmp::Ordering::Equal,
            false => symbols.bytes(self.symbol).cmp(symbols.bytes(other.symbol)),
        })
    }
}

/// A name and its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    pub(super) name: Name,
    pub(super) value: Symbol,
}

/// The label of each attribute key that was met.
#[derive(Debug)]
struct Names {
    keys: Symbols,
    /// By the key's symbol; `None` for a key that has no label, as the empty one.
    names: Vec<Option<Name>>,
}

impl Default for Names {
    fn default() -> Self {
        Self { keys: Symbols::default(), names: vec![None] }
    }
}

impl Names {
    fn of(&mut self, key: &[u8], namer: &Namer, symbols: &mut Symbols) -> Option<Name> {
        let index = self.keys.intern(key).index();
        if index == self.names.len() {
            let label = namer.label(Text::new(key).as_str()).ok();
            self.names.push(label.map(|label| Name::new(label.as_bytes(), symbols)));
        }
        self.names.get(index).copied().flatten()
    }
}

/// A point's own label, and the key that it is made from.
#[derive(Debug, Clone, Copy)]
struct Own<'a> {
    label: Label,
    key: &'a [u8],
}

/// The labels of one point after the other. Everything is kept for reuse.
#[derive(Debug)]
pub(super) struct Labels<'a> {
    names: Names,
    metric_name: Name,
    own: Vec<Own<'a>>,
    writer: TextWriter<'a>,
    text: Vec<u8>,
    all: Vec<Label>,
    stronger: Vec<Label>,
}

impl<'a> Labels<'a> {
    pub(super) fn new(symbols: &mut Symbols) -> Self {
        let metric_name = Name::new(METRIC_NAME.as_bytes(), symbols);
        Self {
            names: Names::default(),
            metric_name,
            own: Vec::new(),
            writer: TextWriter::default(),
            text: Vec::new(),
            all: Vec::new(),
            stronger: Vec::new(),
        }
    }

    /// Makes the labels of a point: `base` wins over its attributes, which win over `external`.
    pub(super) fn fill(
        &mut self,
        attributes: Attributes<'a>,
        base: &[Label],
        external: &[Label],
        namer: &Namer,
        symbols: &mut Symbols,
    ) -> Result<(), Reason> {
        self.read(attributes, |_| true, namer, symbols)?;
        self.all.clear();
        merge(base, self.own.iter().map(|own| own.label), &mut self.all, symbols);
        if !external.is_empty() {
            std::mem::swap(&mut self.all, &mut self.stronger);
            self.all.clear();
            merge(&self.stronger, external.iter().copied(), &mut self.all, symbols);
        }
        Ok(())
    }

    /// Appends the labels of the attributes that `keep` says, sorted by name.
    pub(super) fn append(
        &mut self,
        attributes: Attributes<'a>,
        keep: impl Fn(&[u8]) -> bool,
        out: &mut Vec<Label>,
        namer: &Namer,
        symbols: &mut Symbols,
    ) -> Result<(), Reason> {
        self.read(attributes, keep, namer, symbols)?;
        out.extend(self.own.iter().map(|own| own.label));
        Ok(())
    }

    /// Reads attributes into `own`: sorted, names unique, no empty values.
    fn read(
        &mut self,
        attributes: Attributes<'a>,
        keep: impl Fn(&[u8]) -> bool,
        namer: &Namer,
        symbols: &mut Symbols,
    ) -> Result<(), Reason> {
        self.own.clear();
        for attribute in attributes {
            let key = attribute.key.as_bytes();
            if !keep(key) {
                continue;
            }
            let value = match attribute.value {
                AnyValueView::String(text) => symbols.intern(text.as_bytes()),
                value => {
                    self.text.clear();
                    self.writer.text(&value, &mut self.text);
                    symbols.intern(&self.text)
                }
            };
            let name = self.names.of(key, namer, symbols).ok_or(Reason::InvalidLabel)?;
            if value != Symbol::EMPTY && name.symbol != self.metric_name.symbol {
                self.own.push(Own { label: Label { name, value }, key });
            }
        }
        self.own.sort_unstable_by(|a, b| a.label.name.cmp(b.label.name, symbols));
        let unique = |pair: &[Own<'_>]| match pair {
            [a, b] => a.label.name.symbol != b.label.name.symbol,
            _ => true,
        };
        if !self.own.windows(2).all(unique) {
            self.join(symbols);
        }
        Ok(())
    }

    /// Keys that became one name: their values are joined in the order of the keys, unless they are equal.
    #[cold]
    fn join(&mut self, symbols: &mut Symbols) {
        let own = std::mem::take(&mut self.own);
        for run in own.chunk_by(|a, b| a.label.name.symbol == b.label.name.symbol) {
            let mut run = run.to_vec();
            run.sort_by_key(|own| own.key);
            run.dedup_by_key(|own| own.label.value);
            self.text.clear();
            for (index, own) in run.iter().enumerate() {
                if index > 0 {
                    self.text.push(b';');
                }
                self.text.extend_from_slice(symbols.bytes(own.label.value));
            }
            if let Some(first) = run.first() {
                let label = Label { name: first.label.name, value: symbols.intern(&self.text) };
                self.own.push(Own { label, key: first.key });
            }
        }
    }

    /// What the labels take in each series, at most: their text, and what is kept of each.
    pub(super) fn size(&self, symbols: &Symbols) -> usize {
        let size =
            |label: &Label| 16 + symbols.bytes(label.name.symbol).len() + symbols.bytes(label.value).len();
        self.all.iter().map(size).sum::<usize>() + 64
    }

    /// What tells the point from others, but for its metric's suffixes and the bounds of its buckets.
    pub(super) fn stream(&self, family: Symbol, symbols: &Symbols) -> u64 {
        let mut hash = symbols.hasher().build_hasher();
        hash.write_u64(symbols.hash(family));
        for label in &self.all {
            hash.write_u64(symbols.hash(label.name.symbol));
            hash.write_u64(symbols.hash(label.value));
        }
        hash.finish()
    }

    /// Appends the labels of a series, sorted: those of the point, the metric's name, and perhaps one that only some
    /// series of the point have.
    pub(super) fn put(
        &self,
        metric: Symbol,
        extra: Option<Label>,
        out: &mut Vec<(Symbol, Symbol)>,
        symbols: &Symbols,
    ) {
        // `__name__` stands before `le` and `quantile`.
        let mut more =
            [Some(Label { name: self.metric_name, value: metric }), extra].into_iter().flatten().peekable();
        for label in &self.all {
            while let Some(next) = more.next_if(|next| next.name.cmp(label.name, symbols).is_lt()) {
                out.push((next.name.symbol, next.value));
            }
            if more.peek().is_none_or(|next| next.name.symbol != label.name.symbol) {
                out.push((label.name.symbol, label.value));
            }
        }
        out.extend(more.map(|label| (label.name.symbol, label.value)));
    }
}

/// Merges sorted labels into `out`; of two with one name, the one that is stronger stays.
pub(super) fn merge(
    strong: &[Label],
    weak: impl Iterator<Item = Label>,
    out: &mut Vec<Label>,
    symbols: &Symbols,
) {
    let mut strong = strong.iter().copied().peekable();
    for label in weak {
        while let Some(before) = strong.next_if(|before| before.name.cmp(label.name, symbols).is_lt()) {
            out.push(before);
        }
        if strong.peek().is_none_or(|next| next.name.symbol != label.name.symbol) {
            out.push(label);
        }
    }
    out.extend(strong);
}

/// Sets a label; one with an empty value is none.
pub(super) fn set(labels: &mut Vec<Label>, label: Label) {
    labels.retain(|other| other.name.symbol != label.name.symbol);
    if label.value != Symbol::EMPTY {
        labels.push(label);
    }
}

/// Puts labels in the order of their names; equal names keep theirs.
pub(super) fn sort(labels: &mut [Label], symbols: &Symbols) {
    labels.sort_by(|a, b| a.name.cmp(b.name, symbols));
}
