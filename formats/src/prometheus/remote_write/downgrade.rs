//! A request of version 2.0 as one of 1.0, for a server that turns out to know no other.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sluice_pdata::wire::{Reader, Value, Write};

use crate::prometheus::escaping::{is_legacy_label_name, is_legacy_metric_name};
use crate::prometheus::from_otlp::Reason;
use crate::prometheus::labels::METRIC_NAME;
use crate::prometheus::names::{Kind, Namer, Strategy};

/// A request of version 1.0, and what of the other one is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Downgraded {
    /// A `prometheus.WriteRequest`; empty if nothing is left.
    pub body: Vec<u8>,
    /// Samples by the metric's name and why they are left out.
    pub lost: BTreeMap<(String, Reason), usize>,
}

/// Native histograms with custom buckets, which 1.0 does not know.
const CUSTOM_BUCKETS: i64 = -53;

/// Rewrites an `io.prometheus.write.v2.Request` as a `prometheus.WriteRequest`. Start times and metadata have no place
/// there; names are escaped, and labels that have one name then are joined by `;`. `None` if the bytes are no such
/// request.
#[must_use]
pub fn downgrade(body: &[u8]) -> Option<Downgraded> {
    let mut made = Downgraded { body: Vec::with_capacity(body.len() * 2), ..Downgraded::default() };
    let namer = Namer::new(Strategy::UnderscoreEscapingWithoutSuffixes, "");
    let mut symbols = Vec::new();
    each_field(body, |number, value| match (number, value) {
        (4, Value::Len(text)) => {
            symbols.push(text);
            Some(())
        }
        (5, Value::Len(series)) => made.put(series, &symbols, &namer),
        _ => Some(()),
    })?;
    Some(made)
}

/// Name and value.
type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

impl Downgraded {
    /// Symbols stand before the series in what we write.
    fn put(&mut self, series: &[u8], symbols: &[&[u8]], namer: &Namer) -> Option<()> {
        let (mut labels, mut samples, mut custom) = (Vec::new(), 0, 0);
        each_field(series, |number, value| {
            match (number, value) {
                (1, Value::Len(refs)) => labels = read_labels(refs, symbols)?,
                (3, Value::Len(histogram)) if has_custom_buckets(histogram)? => custom += 1,
                (2 | 3, Value::Len(_)) => samples += 1,
                _ => {}
            }
            Some(())
        })?;
        let name = labels.iter().find(|(name, _)| name == METRIC_NAME);
        let name = name.map_or_else(String::new, |(_, name)| name.clone().into_owned());
        self.lose(&name, Reason::CustomBuckets, custom);
        let labels = match escape(labels, namer) {
            Ok(labels) => labels,
            Err(reason) => {
                self.lose(&name, reason, samples);
                return Some(());
            }
        };
        if samples == 0 && custom > 0 {
            return Some(());
        }
        self.body.put_message_field(1, series.len() * 2, |out: &mut Vec<u8>| {
            put_labels(out, &labels);
            each_field(series, |number, value| match (number, value) {
                (2, Value::Len(sample)) => put_without(out, 2, sample, 3),
                (3, Value::Len(histogram)) if has_custom_buckets(histogram)? => Some(()),
                (3, Value::Len(histogram)) => put_without(out, 4, histogram, 17),
                (4, Value::Len(exemplar)) => put_exemplar(out, exemplar, symbols, namer),
                _ => Some(()),
            })
        })
    }

    fn lose(&mut self, name: &str, reason: Reason, samples: usize) {
        if samples > 0 {
            *self.lost.entry((name.to_owned(), reason)).or_default() += samples;
        }
    }
}

fn has_custom_buckets(histogram: &[u8]) -> Option<bool> {
    let mut schema = 0;
    each_field(histogram, |number, value| {
        if let (4, Value::Varint(zigzag)) = (number, value) {
            schema = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        }
        Some(())
    })?;
    Some(schema == CUSTOM_BUCKETS)
}

/// An exemplar without a form loses its labels alone.
fn put_exemplar(out: &mut Vec<u8>, exemplar: &[u8], symbols: &[&[u8]], namer: &Namer) -> Option<()> {
    out.put_message_field(3, exemplar.len() * 4, |out: &mut Vec<u8>| {
        each_field(exemplar, |number, value| match (number, value) {
            (1, Value::Len(refs)) => {
                put_labels(out, &escape(read_labels(refs, symbols)?, namer).unwrap_or_default());
                Some(())
            }
            (number, value) => put_value(out, number, value),
        })
    })
}

fn read_labels<'a>(refs: &[u8], symbols: &[&'a [u8]]) -> Option<Vec<Label<'a>>> {
    let (mut refs, mut labels) = (Reader::new(refs), Vec::new());
    while !refs.is_empty() {
        let mut text = || {
            let symbol = symbols.get(usize::try_from(refs.varint().ok()?).ok()?)?;
            Some(Cow::Borrowed(std::str::from_utf8(symbol).ok()?))
        };
        labels.push((text()?, text()?));
    }
    Some(labels)
}

/// The labels with names that every Prometheus allows, in their order.
fn escape<'a>(labels: Vec<Label<'a>>, namer: &Namer) -> Result<Vec<Label<'a>>, Reason> {
    let mut is_escaped = false;
    let mut escaped: Vec<Label<'a>> = Vec::with_capacity(labels.len());
    for (mut name, mut value) in labels {
        if name == METRIC_NAME && !is_legacy_metric_name(&value) {
            let mut allowed = String::new();
            namer.metric(&mut allowed, &value, "", Kind::Gauge).map_err(|_| Reason::InvalidName)?;
            value = Cow::Owned(allowed);
        }
        if !is_legacy_label_name(&name) {
            is_escaped = true;
            name = Cow::Owned(namer.label(&name).map_err(|_| Reason::InvalidLabel)?.into_owned());
        }
        escaped.push((name, value));
    }
    if is_escaped {
        escaped.sort_by(|(a, _), (b, _)| a.cmp(b));
        escaped.dedup_by(|(later, more), (name, value)| {
            let is_same = later == name;
            if is_same {
                let value = value.to_mut();
                value.push(';');
                value.push_str(more);
            }
            is_same
        });
    }
    Ok(escaped)
}

fn put_labels(out: &mut Vec<u8>, labels: &[Label<'_>]) {
    for (name, value) in labels {
        out.put_message_field(1, name.len() + value.len() + 4, |out: &mut Vec<u8>| {
            out.put_bytes_field(1, name.as_bytes());
            out.put_bytes_field(2, value.as_bytes());
        });
    }
}

/// Copies a message, all but one of its fields.
fn put_without(out: &mut Vec<u8>, number: u32, message: &[u8], left_out: u32) -> Option<()> {
    out.put_message_field(number, message.len(), |out: &mut Vec<u8>| {
        each_field(message, |number, value| match number == left_out {
            true => Some(()),
            false => put_value(out, number, value),
        })
    })
}

fn put_value(out: &mut Vec<u8>, number: u32, value: Value<'_>) -> Option<()> {
    match value {
        Value::Varint(v) => out.put_varint_field(number, v),
        Value::Fixed64(v) => out.put_fixed64_field(number, v),
        Value::Len(bytes) => out.put_bytes_field(number, bytes),
        Value::Fixed32(_) | Value::Group(_) => return None,
    }
    Some(())
}

fn each_field<'a>(message: &'a [u8], mut visit: impl FnMut(u32, Value<'a>) -> Option<()>) -> Option<()> {
    let mut reader = Reader::new(message);
    while !reader.is_empty() {
        let key = reader.key().ok()?;
        visit(key.number(), reader.value(key).ok()?)?;
    }
    Some(())
}
