//! The values of a point that is remembered.

use super::Unfit;
use super::exponential::ExponentialHistogram;
use super::histogram::Histogram;
use crate::view::{
    DataPointView, ExponentialHistogramDataPointView, HistogramDataPointView, NumberDataPointView,
    NumberView, SummaryDataPointView,
};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(NumberView),
    Histogram(Box<Histogram>),
    ExponentialHistogram(Box<ExponentialHistogram>),
    Summary { count: u64, sum: f64 },
}

impl Value {
    /// The point with these values, without attributes, exemplars, flags and quantiles.
    pub(super) fn view(&self, start_time_unix_nano: u64, time_unix_nano: u64) -> DataPointView<'_> {
        match self {
            Self::Number(value) => DataPointView::Number(NumberDataPointView {
                start_time_unix_nano,
                time_unix_nano,
                value: Some(*value),
                ..NumberDataPointView::default()
            }),
            Self::Histogram(histogram) => DataPointView::Histogram(HistogramDataPointView {
                start_time_unix_nano,
                time_unix_nano,
                ..histogram.view()
            }),
            Self::ExponentialHistogram(histogram) => {
                DataPointView::ExponentialHistogram(ExponentialHistogramDataPointView {
                    start_time_unix_nano,
                    time_unix_nano,
                    ..histogram.view()
                })
            }
            Self::Summary { count, sum } => DataPointView::Summary(SummaryDataPointView {
                start_time_unix_nano,
                time_unix_nano,
                count: *count,
                sum: *sum,
                ..SummaryDataPointView::default()
            }),
        }
    }
}

/// A number that can be remembered. NaN cannot: nothing can be added to it or subtracted.
pub(super) fn number(point: &NumberDataPointView<'_>) -> Result<NumberView, Unfit> {
    match point.value {
        None => Err(Unfit::NoRecordedValue),
        Some(NumberView::Double(value)) if value.is_nan() => Err(Unfit::Malformed),
        Some(value) => Ok(value),
    }
}

/// Why a point says nothing of its stream's values: it has none, or a number that is none.
#[must_use]
pub fn without_value(point: &DataPointView<'_>) -> Option<Unfit> {
    match (interval(point), point) {
        (Err(unfit), _) => Some(unfit),
        (Ok(_), DataPointView::Number(point)) => number(point).err(),
        (Ok(_), _) => None,
    }
}

/// Start and end of a point that has a value.
pub(super) fn interval(point: &DataPointView<'_>) -> Result<(u64, u64), Unfit> {
    if point.has_no_recorded_value() {
        return Err(Unfit::NoRecordedValue);
    }
    Ok((point.start_time_unix_nano(), point.time_unix_nano()))
}
