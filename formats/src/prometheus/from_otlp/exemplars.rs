//! Exemplars: the trace behind a value.

use sluice_pdata::{
    json::write::push_hex,
    view::{ExemplarView, NumberView},
};

use super::{Translator, points::number, set::millis, symbols::Symbol};

/// Most characters of an exemplar's labels, by OpenMetrics.
const MOST_CHARACTERS: usize = 128;

impl<'a> Translator<'a, '_> {
    /// Appends an exemplar to a series. The attributes of its measurement go with it if all of them fit.
    pub(super) fn exemplar(&mut self, series: u32, exemplar: &ExemplarView<'a>) {
        let Some(value) = exemplar.value.map(number) else { return };
        let mut labels = std::mem::take(&mut self.scratch.exemplar);
        labels.clear();
        for (name, id) in
            [(self.scratch.span_id, exemplar.span_id), (self.scratch.trace_id, exemplar.trace_id)]
        {
            if !id.is_empty() {
                self.scratch.hex.clear();
                push_hex(&mut self.scratch.hex, id);
                labels.push((name, self.set.symbols.intern(&self.scratch.hex)));
            }
        }
        let ids = labels.len();
        if !exemplar.filtered_attributes.is_empty() {
            let mut more = std::mem::take(&mut self.scratch.filtered);
            more.clear();
            let (namer, symbols) = (&self.options.namer, &mut self.set.symbols);
            let named = self.labels.append(exemplar.filtered_attributes, |_| true, &mut more, namer, symbols);
            for label in &more {
                if !labels.iter().take(ids).any(|&(name, _)| name == label.name.symbol()) {
                    labels.push((label.name.symbol(), label.value));
                }
            }
            if named.is_err() || self.characters(&labels) > MOST_CHARACTERS {
                labels.truncate(ids);
            }
            self.scratch.filtered = more;
        }
        let symbols = &self.set.symbols;
        labels.sort_by(|a, b| symbols.bytes(a.0).cmp(symbols.bytes(b.0)));
        let start = self.set.labels.len();
        self.set.labels.extend_from_slice(&labels);
        self.set.exemplar(series, start, value, millis(exemplar.time_unix_nano));
        self.scratch.exemplar = labels;
    }

    fn characters(&self, labels: &[(Symbol, Symbol)]) -> usize {
        let symbols = &self.set.symbols;
        // A character of UTF-8 has one byte that does not continue another.
        let characters = |symbol| symbols.bytes(symbol).iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        labels.iter().map(|&(name, value)| characters(name) + characters(value)).sum()
    }
}

/// Whether an exemplar has anything that Prometheus keeps.
pub(super) fn value(exemplar: &ExemplarView<'_>) -> Option<f64> {
    exemplar.value.map(|value: NumberView| number(value))
}
