//! What is kept from point to point, so that nothing is allocated for one.

use std::fmt::Write;

use super::{
    labels::{Label, Name},
    symbols::{Symbol, Symbols},
};

/// What is kept from point to point.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) span_id: Symbol,
    pub(super) trace_id: Symbol,
    pub(super) hex: Vec<u8>,
    pub(super) exemplar: Vec<(Symbol, Symbol)>,
    pub(super) filtered: Vec<Label>,
    pub(super) le: Name,
    pub(super) quantile: Name,
    infinity: Symbol,
    /// The text of bounds and quantiles, by their place in the point: mostly they are those of the point before.
    numbers: Vec<(u64, Symbol)>,
    /// The bounds of a point and the series of their buckets.
    pub(super) buckets: Vec<(f64, u32)>,
    text: String,
    /// A family's name with suffixes.
    suffixed: Suffixed,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suffixed {
    pub(super) family: Symbol,
    pub(super) sum: Symbol,
    pub(super) count: Symbol,
    pub(super) bucket: Symbol,
}

impl Scratch {
    pub(super) fn new(symbols: &mut Symbols) -> Self {
        Self {
            span_id: symbols.intern(b"span_id"),
            trace_id: symbols.intern(b"trace_id"),
            hex: Vec::new(),
            exemplar: Vec::new(),
            filtered: Vec::new(),
            le: Name::new(b"le", symbols),
            quantile: Name::new(b"quantile", symbols),
            infinity: symbols.intern(b"+Inf"),
            numbers: Vec::new(),
            buckets: Vec::new(),
            text: String::new(),
            suffixed: Suffixed::default(),
        }
    }

    /// The number at a place as the value of a label: the shortest decimal, without exponent.
    pub(super) fn number(&mut self, place: usize, number: f64, symbols: &mut Symbols) -> Symbol {
        if number == f64::INFINITY {
            return self.infinity;
        }
        let bits = number.to_bits();
        match self.numbers.get(place) {
            Some(&(known, symbol)) if known == bits => return symbol,
            _ => {}
        }
        self.text.clear();
        // Writing to a string cannot fail.
        write!(self.text, "{number}").unwrap_or_default();
        let text = match number {
            f64::NEG_INFINITY => "-Inf",
            _ => self.text.as_str(),
        };
        let symbol = symbols.intern(text.as_bytes());
        if place == self.numbers.len() {
            self.numbers.push((bits, symbol));
        } else if let Some(slot) = self.numbers.get_mut(place) {
            *slot = (bits, symbol);
        }
        symbol
    }

    pub(super) fn suffixed(&mut self, family: Symbol, symbols: &mut Symbols) -> Suffixed {
        if self.suffixed.family != family {
            let mut with = |suffix: &str| {
                self.text.clear();
                self.text.push_str(symbols.text(family));
                self.text.push_str(suffix);
                symbols.intern(self.text.as_bytes())
            };
            let (sum, count, bucket) = (with("_sum"), with("_count"), with("_bucket"));
            self.suffixed = Suffixed { family, sum, count, bucket };
        }
        self.suffixed
    }
}
