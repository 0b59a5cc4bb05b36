//! What is inside of a metric message.

use sluice_pdata::wire::{Reader, Value as Wire};

use crate::prometheus::exposition::exemplar_fits;
use crate::prometheus::labels::LabelsBuilder;
use crate::prometheus::model::{Count, Exemplar, MetricType, NativeHistogram, ResetHint, normal_nan};
use crate::prometheus::wire::{read_buckets, text, unzigzag, what};

/// Most exemplars of one sample; clients keep some ten.
const MAX_EXEMPLARS: usize = 100;

/// The value of a metric, as far as it is one number or two.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals<'a> {
    /// The message of the type.
    pub(super) message: &'a [u8],
    /// Observations.
    pub(super) count: f64,
    /// Their sum, or the value of what is no histogram and no summary.
    pub(super) sum: f64,
    pub(super) start_ms: Option<i64>,
    /// There is a native histogram, or there are classic buckets.
    pub(super) is_native: bool,
    pub(super) is_classic: bool,
}

impl<'a> Totals<'a> {
    pub(super) fn read(message: &'a [u8], kind: MetricType) -> Result<Self, &'static str> {
        let mut totals = Self { message, ..Self::default() };
        let start = match kind {
            MetricType::Counter => 3,
            MetricType::Summary => 4,
            _ => 15,
        };
        let mut fields = Reader::new(message);
        while let Some(field) = fields.field().map_err(what)? {
            match (kind, field.number, field.value) {
                (_, number, Wire::Len(time)) if number == start => totals.start_ms = Some(millis(time)?),
                (MetricType::Histogram | MetricType::GaugeHistogram, number, value) => {
                    totals.read_histogram(number, value);
                }
                (MetricType::Summary, 1, Wire::Varint(count)) => totals.count = as_float(count),
                (MetricType::Summary, 2, Wire::Fixed64(bits)) => totals.sum = float(bits),
                (MetricType::Summary, ..) => {}
                (_, 1, Wire::Fixed64(bits)) => totals.sum = float(bits),
                _ => {}
            }
        }
        Ok(totals)
    }

    fn read_histogram(&mut self, number: u32, value: Wire<'a>) {
        match (number, value) {
            (1, Wire::Varint(count)) if self.count == 0.0 => self.count = as_float(count),
            (4, Wire::Fixed64(bits)) if float(bits) > 0.0 => self.count = float(bits),
            (2, Wire::Fixed64(bits)) => self.sum = float(bits),
            (3, _) => self.is_classic = true,
            // A native histogram without observations says so by an empty span or by its zero bucket.
            (6 | 8, Wire::Fixed64(bits)) => self.is_native |= float(bits) > 0.0,
            (7, Wire::Varint(count)) => self.is_native |= count > 0,
            (9..=14, _) => self.is_native = true,
            _ => {}
        }
    }
}

/// Reads a native histogram in place of the one that is there.
pub(super) fn read_native(message: &[u8], histogram: &mut NativeHistogram) -> Result<(), &'static str> {
    let NativeHistogram { positive, negative, .. } = histogram;
    for buckets in [positive, negative] {
        buckets.spans.clear();
        buckets.deltas.clear();
        buckets.counts.clear();
    }
    histogram.schema = 0;
    histogram.sum = 0.0;
    histogram.zero_threshold = 0.0;
    histogram.reset_hint = ResetHint::Unknown;
    let (mut count, mut float_count) = (0, 0.0);
    let (mut zero_count, mut float_zero_count) = (0, 0.0);
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field().map_err(what)? {
        match (field.number, field.value) {
            (1, Wire::Varint(number)) => count = number,
            (2, Wire::Fixed64(bits)) => histogram.sum = float(bits),
            (4, Wire::Fixed64(bits)) => float_count = float(bits),
            (5, Wire::Varint(schema)) => {
                histogram.schema = i32::try_from(unzigzag(schema)).map_err(|_| "a schema is out of range")?;
            }
            (6, Wire::Fixed64(bits)) => histogram.zero_threshold = float(bits),
            (7, Wire::Varint(number)) => zero_count = number,
            (8, Wire::Fixed64(bits)) => float_zero_count = float(bits),
            (9..=11, value) => read_buckets(&mut histogram.negative, field.number - 9, value)?,
            (12..=14, value) => read_buckets(&mut histogram.positive, field.number - 12, value)?,
            _ => {}
        }
    }
    let is_float = float_count > 0.0
        || float_zero_count > 0.0
        || !histogram.positive.counts.is_empty()
        || !histogram.negative.counts.is_empty();
    (histogram.count, histogram.zero_count) = if is_float {
        (Count::Float(float_count), Count::Float(float_zero_count))
    } else {
        (Count::Int(count), Count::Int(zero_count))
    };
    Ok(())
}

/// The bound and the value of a bucket or a quantile.
pub(super) fn read_part(message: &[u8], is_quantile: bool) -> Result<(f64, f64), &'static str> {
    let (mut bound, mut value) = (0.0, 0.0);
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field().map_err(what)? {
        match (is_quantile, field.number, field.value) {
            (true, 1, Wire::Fixed64(bits)) | (false, 2, Wire::Fixed64(bits)) => bound = float(bits),
            (true, 2, Wire::Fixed64(bits)) => value = float(bits),
            (false, 1, Wire::Varint(count)) if value == 0.0 => value = as_float(count),
            (false, 4, Wire::Fixed64(bits)) if float(bits) > 0.0 => value = float(bits),
            _ => {}
        }
    }
    Ok((bound, value))
}

/// The exemplars of a native histogram, all with a time: its own, or those of its buckets.
pub(super) fn read_native_exemplars(
    message: &[u8],
    exemplars: &mut Vec<Exemplar>,
    builder: &mut LabelsBuilder,
) -> Result<(), &'static str> {
    read_exemplars(message, 16, exemplars, builder)?;
    if exemplars.is_empty() {
        let mut fields = Reader::new(message);
        while let Some(field) = fields.field().map_err(what)? {
            if let (3, Wire::Len(bucket)) = (field.number, field.value) {
                read_exemplars(bucket, 3, exemplars, builder)?;
            }
        }
    }
    exemplars.retain(|exemplar| exemplar.timestamp_ms.is_some());
    Ok(())
}

/// Appends the exemplars that are fields `number` of a message, without those that are too long or too many.
pub(super) fn read_exemplars(
    message: &[u8],
    number: u32,
    exemplars: &mut Vec<Exemplar>,
    builder: &mut LabelsBuilder,
) -> Result<(), &'static str> {
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field().map_err(what)? {
        if let Wire::Len(exemplar) = field.value
            && field.number == number
            && exemplars.len() < MAX_EXEMPLARS
        {
            exemplars.extend(read_exemplar(exemplar, builder)?);
        }
    }
    Ok(())
}

fn read_exemplar(message: &[u8], builder: &mut LabelsBuilder) -> Result<Option<Exemplar>, &'static str> {
    let mut exemplar = Exemplar::default();
    builder.clear();
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field().map_err(what)? {
        match (field.number, field.value) {
            (1, Wire::Len(pair)) => each_pair(pair, |name, value| builder.push(name, value))?,
            (2, Wire::Fixed64(bits)) => exemplar.value = float(bits),
            (3, Wire::Len(time)) => exemplar.timestamp_ms = Some(millis(time)?),
            _ => {}
        }
    }
    if !exemplar_fits(builder) {
        return Ok(None);
    }
    if builder.duplicate().is_some() {
        return Err("an exemplar has a label twice");
    }
    exemplar.labels = builder.build();
    Ok(Some(exemplar))
}

/// Visits the name and the value of a `LabelPair`.
pub(super) fn each_pair(message: &[u8], mut visit: impl FnMut(&str, &str)) -> Result<(), &'static str> {
    let (mut name, mut value) = ("", "");
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field().map_err(what)? {
        match (field.number, field.value) {
            (1, Wire::Len(bytes)) => name = text(bytes)?,
            (2, Wire::Len(bytes)) => value = text(bytes)?,
            _ => {}
        }
    }
    visit(name, value);
    Ok(())
}

/// A `google.protobuf.Timestamp` in milliseconds.
fn millis(message: &[u8]) -> Result<i64, &'static str> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field().map_err(what)? {
        match (field.number, field.value) {
            (1, Wire::Varint(value)) => seconds = value.cast_signed(),
            (2, Wire::Varint(value)) => nanos = value.cast_signed(),
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000))
}

/// Every NaN is the normal one.
fn float(bits: u64) -> f64 {
    let value = f64::from_bits(bits);
    if value.is_nan() { normal_nan() } else { value }
}

#[expect(clippy::cast_precision_loss, reason = "samples are floats")]
fn as_float(count: u64) -> f64 {
    count as f64
}
