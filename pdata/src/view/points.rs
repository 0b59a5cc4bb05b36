//! Views of the data points of metrics.

use super::fields::Fields;
use super::list::Packing;
use super::{Attributes, List, Numbers, View, decoded};
use crate::otlp::metrics::v1 as metrics;
use crate::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use crate::otlp::metrics::v1::summary_data_point::ValueAtQuantile;
use crate::otlp::metrics::v1::{exemplar, number_data_point};

/// Points of a gauge or sum in the order they were sent.
pub type NumberDataPoints<'a> = List<'a, NumberDataPointView<'a>>;
/// Points of a histogram in the order they were sent.
pub type HistogramDataPoints<'a> = List<'a, HistogramDataPointView<'a>>;
/// Points of an exponential histogram in the order they were sent.
pub type ExponentialHistogramDataPoints<'a> = List<'a, ExponentialHistogramDataPointView<'a>>;
/// Points of a summary in the order they were sent.
pub type SummaryDataPoints<'a> = List<'a, SummaryDataPointView<'a>>;
/// Exemplars of a point in the order they were sent.
pub type Exemplars<'a> = List<'a, ExemplarView<'a>>;

/// A measured number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NumberView {
    /// A floating point number.
    Double(f64),
    /// A signed integer.
    Int(i64),
}

/// A point of a gauge or sum.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NumberDataPointView<'a> {
    /// What tells it from the metric's other points.
    pub attributes: Attributes<'a>,
    /// Nanoseconds since the Unix epoch, 0 if unknown.
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// The value; none if the producer sent none.
    pub value: Option<NumberView>,
    /// Measurements behind the value.
    pub exemplars: Exemplars<'a>,
    /// Bit 0: no value was recorded.
    pub flags: u32,
}

impl<'a> View<'a> for NumberDataPointView<'a> {
    type Struct = metrics::NumberDataPoint;

    #[inline]
    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                2 => view.start_time_unix_nano = field.u64(),
                3 => view.time_unix_nano = field.u64(),
                4 => view.value = Some(NumberView::Double(field.f64())),
                5 => view.exemplars.push(field),
                6 => view.value = Some(NumberView::Int(field.i64())),
                7 => view.attributes.push(field),
                8 => view.flags = field.u32(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a metrics::NumberDataPoint) -> Self {
        Self {
            attributes: Attributes::decoded(&message.attributes),
            start_time_unix_nano: message.start_time_unix_nano,
            time_unix_nano: message.time_unix_nano,
            value: message.value.as_ref().map(|value| match value {
                number_data_point::Value::AsDouble(v) => NumberView::Double(*v),
                number_data_point::Value::AsInt(v) => NumberView::Int(*v),
            }),
            exemplars: List::decoded(&message.exemplars),
            flags: message.flags,
        }
    }
}

/// A point of a histogram with explicit bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HistogramDataPointView<'a> {
    /// What tells it from the metric's other points.
    pub attributes: Attributes<'a>,
    /// Nanoseconds since the Unix epoch, 0 if unknown.
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// How many values were recorded.
    pub count: u64,
    /// Their sum.
    pub sum: Option<f64>,
    /// How many fell into each bucket: none, or one more than there are bounds.
    pub bucket_counts: Numbers<'a, u64>,
    /// Upper bounds, inclusive; the last bucket has none.
    pub explicit_bounds: Numbers<'a, f64>,
    /// Measurements behind the counts.
    pub exemplars: Exemplars<'a>,
    /// Bit 0: no value was recorded.
    pub flags: u32,
    /// The least value recorded.
    pub min: Option<f64>,
    /// The greatest value recorded.
    pub max: Option<f64>,
}

impl<'a> View<'a> for HistogramDataPointView<'a> {
    type Struct = metrics::HistogramDataPoint;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                2 => view.start_time_unix_nano = field.u64(),
                3 => view.time_unix_nano = field.u64(),
                4 => view.count = field.u64(),
                5 => view.sum = Some(field.f64()),
                6 => view.bucket_counts.push(field, Packing::Fixed64),
                7 => view.explicit_bounds.push(field, Packing::Fixed64),
                8 => view.exemplars.push(field),
                9 => view.attributes.push(field),
                10 => view.flags = field.u32(),
                11 => view.min = Some(field.f64()),
                12 => view.max = Some(field.f64()),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a metrics::HistogramDataPoint) -> Self {
        Self {
            attributes: Attributes::decoded(&message.attributes),
            start_time_unix_nano: message.start_time_unix_nano,
            time_unix_nano: message.time_unix_nano,
            count: message.count,
            sum: message.sum,
            bucket_counts: Numbers::of(&message.bucket_counts),
            explicit_bounds: Numbers::of(&message.explicit_bounds),
            exemplars: List::decoded(&message.exemplars),
            flags: message.flags,
            min: message.min,
            max: message.max,
        }
    }
}

/// A point of a histogram with exponential buckets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ExponentialHistogramDataPointView<'a> {
    /// What tells it from the metric's other points.
    pub attributes: Attributes<'a>,
    /// Nanoseconds since the Unix epoch, 0 if unknown.
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// How many values were recorded.
    pub count: u64,
    /// Their sum.
    pub sum: Option<f64>,
    /// Resolution: a bucket's bounds are powers of 2^(2^-scale).
    pub scale: i32,
    /// How many values were within the zero threshold.
    pub zero_count: u64,
    /// Counts of values above zero.
    pub positive: BucketsView<'a>,
    /// Counts of values below zero.
    pub negative: BucketsView<'a>,
    /// Bit 0: no value was recorded.
    pub flags: u32,
    /// Measurements behind the counts.
    pub exemplars: Exemplars<'a>,
    /// The least value recorded.
    pub min: Option<f64>,
    /// The greatest value recorded.
    pub max: Option<f64>,
    /// Values with at most this magnitude count as zero.
    pub zero_threshold: f64,
}

impl<'a> View<'a> for ExponentialHistogramDataPointView<'a> {
    type Struct = metrics::ExponentialHistogramDataPoint;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.attributes.push(field),
                2 => view.start_time_unix_nano = field.u64(),
                3 => view.time_unix_nano = field.u64(),
                4 => view.count = field.u64(),
                5 => view.sum = Some(field.f64()),
                6 => view.scale = field.sint32(),
                7 => view.zero_count = field.u64(),
                8 => view.positive = field.message(),
                9 => view.negative = field.message(),
                10 => view.flags = field.u32(),
                11 => view.exemplars.push(field),
                12 => view.min = Some(field.f64()),
                13 => view.max = Some(field.f64()),
                14 => view.zero_threshold = field.f64(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a metrics::ExponentialHistogramDataPoint) -> Self {
        Self {
            attributes: Attributes::decoded(&message.attributes),
            start_time_unix_nano: message.start_time_unix_nano,
            time_unix_nano: message.time_unix_nano,
            count: message.count,
            sum: message.sum,
            scale: message.scale,
            zero_count: message.zero_count,
            positive: decoded(message.positive.as_ref()),
            negative: decoded(message.negative.as_ref()),
            flags: message.flags,
            exemplars: List::decoded(&message.exemplars),
            min: message.min,
            max: message.max,
            zero_threshold: message.zero_threshold,
        }
    }
}

/// Consecutive exponential buckets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BucketsView<'a> {
    /// Index of the first bucket.
    pub offset: i32,
    /// Counts, one a bucket.
    pub bucket_counts: Numbers<'a, u64>,
}

impl<'a> View<'a> for BucketsView<'a> {
    type Struct = Buckets;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.offset = field.sint32(),
                2 => view.bucket_counts.push(field, Packing::Varint),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a Buckets) -> Self {
        Self { offset: message.offset, bucket_counts: Numbers::of(&message.bucket_counts) }
    }
}

/// A point of a summary.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SummaryDataPointView<'a> {
    /// What tells it from the metric's other points.
    pub attributes: Attributes<'a>,
    /// Nanoseconds since the Unix epoch, 0 if unknown.
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// How many values were recorded.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Values at quantiles.
    pub quantile_values: List<'a, ValueAtQuantileView>,
    /// Bit 0: no value was recorded.
    pub flags: u32,
}

impl<'a> View<'a> for SummaryDataPointView<'a> {
    type Struct = metrics::SummaryDataPoint;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                2 => view.start_time_unix_nano = field.u64(),
                3 => view.time_unix_nano = field.u64(),
                4 => view.count = field.u64(),
                5 => view.sum = field.f64(),
                6 => view.quantile_values.push(field),
                7 => view.attributes.push(field),
                8 => view.flags = field.u32(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a metrics::SummaryDataPoint) -> Self {
        Self {
            attributes: Attributes::decoded(&message.attributes),
            start_time_unix_nano: message.start_time_unix_nano,
            time_unix_nano: message.time_unix_nano,
            count: message.count,
            sum: message.sum,
            quantile_values: List::decoded(&message.quantile_values),
            flags: message.flags,
        }
    }
}

/// The value at one quantile.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ValueAtQuantileView {
    /// In 0.0–1.0.
    pub quantile: f64,
    /// The value there.
    pub value: f64,
}

impl<'a> View<'a> for ValueAtQuantileView {
    type Struct = ValueAtQuantile;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.quantile = field.f64(),
                2 => view.value = field.f64(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a ValueAtQuantile) -> Self {
        Self { quantile: message.quantile, value: message.value }
    }
}

/// One measurement behind a point.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ExemplarView<'a> {
    /// Attributes of the measurement that the point does not have.
    pub filtered_attributes: Attributes<'a>,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// The value; none if the producer sent none.
    pub value: Option<NumberView>,
    /// 8 bytes, or none.
    pub span_id: &'a [u8],
    /// 16 bytes, or none.
    pub trace_id: &'a [u8],
}

impl<'a> View<'a> for ExemplarView<'a> {
    type Struct = metrics::Exemplar;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                2 => view.time_unix_nano = field.u64(),
                3 => view.value = Some(NumberView::Double(field.f64())),
                4 => view.span_id = field.bytes(),
                5 => view.trace_id = field.bytes(),
                6 => view.value = Some(NumberView::Int(field.i64())),
                7 => view.filtered_attributes.push(field),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a metrics::Exemplar) -> Self {
        Self {
            filtered_attributes: Attributes::decoded(&message.filtered_attributes),
            time_unix_nano: message.time_unix_nano,
            value: message.value.as_ref().map(|value| match value {
                exemplar::Value::AsDouble(v) => NumberView::Double(*v),
                exemplar::Value::AsInt(v) => NumberView::Int(*v),
            }),
            span_id: &message.span_id,
            trace_id: &message.trace_id,
        }
    }
}
