//! `prometheus.TimeSeries`.

use sluice_pdata::wire::{WireType, Write, varint_len};

use super::histogram;
use crate::prometheus::from_otlp::{SeriesView, Symbol, Symbols};

/// The series of a `prometheus.WriteRequest`.
#[derive(Debug)]
pub(super) struct Body(Vec<u8>);

impl Body {
    pub(super) fn with_capacity(room: usize) -> Self {
        Self(Vec::with_capacity(room))
    }
}

impl super::Body for Body {
    type Mark = usize;

    fn put(&mut self, series: &SeriesView<'_>, symbols: &Symbols) {
        self.0.put_message_field(1, 200, |out: &mut Vec<u8>| {
            put_labels(out, series.labels(), symbols);
            for sample in series.samples() {
                let at = sample.timestamp.cast_unsigned();
                out.put_key(2, WireType::Len);
                out.put_varint(10 + varint_len(at) as u64);
                out.put_fixed64_field(1, sample.value.to_bits());
                out.put_varint_field(2, at);
            }
            for (exemplar, labels) in series.exemplars() {
                out.put_message_field(3, 100, |out: &mut Vec<u8>| {
                    put_labels(out, labels, symbols);
                    out.put_fixed64_field(2, exemplar.value.to_bits());
                    out.put_varint_field(3, exemplar.timestamp.cast_unsigned());
                });
            }
            for histogram in series.histograms() {
                out.put_message_field(4, 200, |out: &mut Vec<u8>| histogram::put(out, &histogram));
            }
        });
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn mark(&self) -> usize {
        self.len()
    }

    fn cut(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    fn bytes(&mut self) -> &[u8] {
        &self.0
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

fn put_labels(out: &mut Vec<u8>, labels: &[(Symbol, Symbol)], symbols: &Symbols) {
    for &(name, value) in labels {
        let (name, value) = (symbols.bytes(name), symbols.bytes(value));
        let field = |text: &[u8]| 1 + varint_len(text.len() as u64) + text.len();
        out.put_key(1, WireType::Len);
        out.put_varint((field(name) + field(value)) as u64);
        out.put_bytes_field(1, name);
        out.put_bytes_field(2, value);
    }
}
