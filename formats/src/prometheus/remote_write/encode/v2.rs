//! `io.prometheus.write.v2.TimeSeries`.

use sluice_pdata::wire::{WireType, Write, varint_len};

use super::histogram;
use crate::prometheus::{
    from_otlp::{SeriesView, Symbol, Symbols},
    model::MetricType,
};

/// The symbols and series of an `io.prometheus.write.v2.Request`.
#[derive(Debug)]
pub(super) struct Body {
    table: Table,
    series: Vec<u8>,
    refs: Vec<u32>,
}

/// The strings of this request.
#[derive(Debug)]
struct Table {
    /// The number of each symbol; 0 if it has none yet. The empty string's is 0.
    numbers: Vec<u32>,
    symbols: Vec<Symbol>,
    text: Vec<u8>,
}

/// Where symbols and series ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    symbols: usize,
    text: usize,
    series: usize,
}

impl Body {
    pub(super) fn with_capacity(room: usize) -> Self {
        let mut table = Table { numbers: Vec::new(), symbols: Vec::new(), text: Vec::with_capacity(room) };
        table.text.put_bytes_field(4, b"");
        Self { table, series: Vec::new(), refs: Vec::new() }
    }
}

impl super::Body for Body {
    type Mark = Mark;

    fn put(&mut self, series: &SeriesView<'_>, symbols: &Symbols) {
        let Self { table, series: out, refs } = self;
        let len = table.refs(series.labels(), symbols, refs);
        out.put_message_field(5, len + 20, |out: &mut Vec<u8>| {
            put_refs(out, refs, len);
            for sample in series.samples() {
                let (at, start) = (sample.timestamp.cast_unsigned(), sample.start.cast_unsigned());
                let start_len = if start == 0 { 0 } else { 1 + varint_len(start) };
                out.put_key(2, WireType::Len);
                out.put_varint((10 + varint_len(at) + start_len) as u64);
                out.put_fixed64_field(1, sample.value.to_bits());
                out.put_varint_field(2, at);
                if start != 0 {
                    out.put_varint_field(3, start);
                }
            }
            for histogram in series.histograms() {
                out.put_message_field(3, 200, |out: &mut Vec<u8>| {
                    histogram::put(out, &histogram);
                    if histogram.start != 0 {
                        out.put_varint_field(17, histogram.start.cast_unsigned());
                    }
                });
            }
            for (exemplar, labels) in series.exemplars() {
                let len = table.refs(labels, symbols, refs);
                out.put_message_field(4, len + 20, |out: &mut Vec<u8>| {
                    put_refs(out, refs, len);
                    out.put_fixed64_field(2, exemplar.value.to_bits());
                    out.put_varint_field(3, exemplar.timestamp.cast_unsigned());
                });
            }
            if let Some(family) = series.family() {
                let (help, unit) = (table.number(family.help, symbols), table.number(family.unit, symbols));
                out.put_message_field(5, 20, |out: &mut Vec<u8>| {
                    if family.kind != MetricType::Unknown {
                        out.put_varint_field(1, family.kind.number());
                    }
                    for (number, text) in [(3, help), (4, unit)] {
                        if text != 0 {
                            out.put_varint_field(number, text.into());
                        }
                    }
                });
            }
        });
    }

    fn len(&self) -> usize {
        self.table.text.len() + self.series.len()
    }

    fn mark(&self) -> Mark {
        Mark { symbols: self.table.symbols.len(), text: self.table.text.len(), series: self.series.len() }
    }

    fn cut(&mut self, mark: Mark) {
        self.series.truncate(mark.series);
        self.table.cut(mark);
    }

    fn bytes(&mut self) -> &[u8] {
        self.table.text.append(&mut self.series);
        &self.table.text
    }

    fn clear(&mut self) {
        let Self { table, .. } = Self::with_capacity(0);
        // What a table without strings ends at.
        self.cut(Mark { symbols: 0, text: table.text.len(), series: 0 });
    }
}

impl Table {
    fn number(&mut self, symbol: Symbol, symbols: &Symbols) -> u32 {
        if symbol == Symbol::EMPTY {
            return 0;
        }
        if symbol.index() >= self.numbers.len() {
            self.numbers.resize(symbols.len().max(symbol.index() + 1), 0);
        }
        let Some(number) = self.numbers.get_mut(symbol.index()) else { return 0 };
        if *number == 0 {
            self.symbols.push(symbol);
            // No more than the symbols, which are fewer than 2^32.
            *number = u32::try_from(self.symbols.len()).unwrap_or(0);
            self.text.put_bytes_field(4, symbols.bytes(symbol));
        }
        *number
    }

    /// The numbers of names and values, and how many bytes they take.
    fn refs(&mut self, labels: &[(Symbol, Symbol)], symbols: &Symbols, refs: &mut Vec<u32>) -> usize {
        refs.clear();
        let mut len = 0;
        for &(name, value) in labels {
            for symbol in [name, value] {
                let number = self.number(symbol, symbols);
                len += varint_len(number.into());
                refs.push(number);
            }
        }
        len
    }

    fn cut(&mut self, mark: Mark) {
        for symbol in self.symbols.drain(mark.symbols.min(self.symbols.len())..) {
            if let Some(number) = self.numbers.get_mut(symbol.index()) {
                *number = 0;
            }
        }
        self.text.truncate(mark.text);
    }
}

fn put_refs(out: &mut Vec<u8>, refs: &[u32], len: usize) {
    if refs.is_empty() {
        return;
    }
    out.put_key(1, WireType::Len);
    out.put_varint(len as u64);
    for &number in refs {
        out.put_varint(number.into());
    }
}
