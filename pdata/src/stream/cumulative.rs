//! Cumulative points that are remembered: whether a stream was reset since, and what was added since.

use super::Unfit;
use super::exponential::ExponentialHistogram;
use super::histogram::{Histogram, Totals};
use super::value::{Value, interval, number};
use crate::view::{DataPointView, NumberView};

/// The times and values of a point whose values count from some start. Its size is that of the point.
#[derive(Debug, Clone, PartialEq)]
pub struct Cumulative {
    start_time_unix_nano: u64,
    time_unix_nano: u64,
    value: Value,
}

impl Cumulative {
    /// Remembers a point.
    ///
    /// # Errors
    /// When it has no value, or its fields contradict one another.
    pub fn of(point: &DataPointView<'_>) -> Result<Self, Unfit> {
        let (start_time_unix_nano, time_unix_nano) = interval(point)?;
        let value = match point {
            DataPointView::Number(point) => Value::Number(number(point)?),
            DataPointView::Histogram(point) => Value::Histogram(Box::new(Histogram::of(point)?)),
            DataPointView::ExponentialHistogram(point) => {
                Value::ExponentialHistogram(Box::new(ExponentialHistogram::exactly(point)?))
            }
            DataPointView::Summary(point) => Value::Summary { count: point.count, sum: point.sum },
        };
        Ok(Self { start_time_unix_nano, time_unix_nano, value })
    }

    /// Nanoseconds since the Unix epoch, 0 if unknown.
    #[must_use]
    pub const fn start_time_unix_nano(&self) -> u64 {
        self.start_time_unix_nano
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn time_unix_nano(&self) -> u64 {
        self.time_unix_nano
    }

    /// The same values since another start.
    #[must_use]
    pub fn starting_at(self, start_time_unix_nano: u64) -> Self {
        Self { start_time_unix_nano, ..self }
    }

    /// Whether the two say the same at the same time, as a point does that is offered again.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.time_unix_nano == other.time_unix_nano && self.value == other.value
    }

    /// Whether this is a histogram with explicit bounds.
    #[must_use]
    pub const fn is_histogram(&self) -> bool {
        matches!(self.value, Value::Histogram(_))
    }

    /// Whether the explicit bounds are the same; true where there are none.
    #[must_use]
    pub fn has_buckets_of(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Histogram(a), Value::Histogram(b)) => a.has_buckets_of(b),
            _ => true,
        }
    }

    /// Whether the stream must have been reset between `earlier` and this point: something fell that only grows, or
    /// the buckets are others. Sums of values count as growing where no bucket is for negative values.
    #[must_use]
    pub fn is_reset_since(&self, earlier: &Self) -> bool {
        match (&self.value, &earlier.value) {
            (Value::Number(now), Value::Number(then)) => now.is_less(*then),
            (Value::Histogram(now), Value::Histogram(then)) => {
                now.minus(then).is_none() || now.sum_fell(then)
            }
            (Value::ExponentialHistogram(now), Value::ExponentialHistogram(then)) => {
                now.minus(then).is_none() || now.sum_fell(then)
            }
            (Value::Summary { count, sum }, Value::Summary { count: then, sum: sum_then }) => {
                count < then || sum < sum_then
            }
            _ => true,
        }
    }

    /// What was added since `earlier`: this point's values less the other's, starting at the other's *time*. Least
    /// and greatest values are not known. None where something fell or the buckets are others.
    ///
    /// An exponential histogram that became coarser meanwhile is compared at its new scale and zero threshold.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        let value = match (&self.value, &earlier.value) {
            (Value::Number(now), Value::Number(then)) => Value::Number(now.minus(*then)?),
            (Value::Histogram(now), Value::Histogram(then)) => Value::Histogram(Box::new(now.minus(then)?)),
            (Value::ExponentialHistogram(now), Value::ExponentialHistogram(then)) => {
                Value::ExponentialHistogram(Box::new(now.minus(then)?))
            }
            (Value::Summary { count, sum }, Value::Summary { count: then, sum: sum_then }) => {
                Value::Summary { count: count.checked_sub(*then)?, sum: sum - sum_then }
            }
            _ => return None,
        };
        Some(Self {
            start_time_unix_nano: earlier.time_unix_nano,
            time_unix_nano: self.time_unix_nano,
            value,
        })
    }

    /// The point, without attributes, exemplars, flags and quantiles.
    #[must_use]
    pub fn view(&self) -> DataPointView<'_> {
        self.value.view(self.start_time_unix_nano, self.time_unix_nano)
    }
}

#[expect(clippy::cast_precision_loss, reason = "compared with a double")]
impl NumberView {
    fn is_less(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a < b,
            (a, b) => a.to_f64() < b.to_f64(),
        }
    }

    /// None where the difference is negative, or too large for an integer.
    fn minus(self, other: Self) -> Option<Self> {
        if self.is_less(other) {
            return None;
        }
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.checked_sub(b).map(Self::Int),
            (a, b) => Some(a.to_f64() - b.to_f64()).filter(|delta| !delta.is_nan()).map(Self::Double),
        }
    }

    fn to_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Double(value) => value,
        }
    }
}

impl Histogram {
    fn minus(&self, then: &Self) -> Option<Self> {
        if !self.has_buckets_of(then) {
            return None;
        }
        let counts = self.counts.iter().zip(&then.counts).map(|(now, then)| now.checked_sub(*then));
        Some(Self {
            totals: self.totals.minus(then.totals)?,
            bounds: self.bounds.clone(),
            counts: counts.collect::<Option<_>>()?,
        })
    }

    fn has_buckets_of(&self, other: &Self) -> bool {
        self.bounds == other.bounds && self.counts.len() == other.counts.len()
    }

    fn sum_fell(&self, then: &Self) -> bool {
        self.bounds.first().is_none_or(|bound| *bound >= 0.0) && self.totals.sum_fell(then.totals)
    }
}

impl Totals {
    fn minus(self, then: Self) -> Option<Self> {
        Some(Self {
            count: self.count.checked_sub(then.count)?,
            sum: self.sum.zip(then.sum).map(|(now, then)| now - then),
            min: None,
            max: None,
        })
    }

    fn sum_fell(self, then: Self) -> bool {
        self.sum.zip(then.sum).is_some_and(|(now, then)| now < then)
    }
}

impl ExponentialHistogram {
    fn minus(&self, then: &Self) -> Option<Self> {
        if self.scale > then.scale || self.zero_threshold < then.zero_threshold {
            return None;
        }
        let mut then = then.at_scale(self.scale)?;
        if then.zero_threshold < self.zero_threshold {
            then.zero_threshold = self.zero_threshold;
            then.widen_zero()?;
            if then.zero_threshold > self.zero_threshold {
                // A bucket that the new threshold cuts: what was in it cannot be told apart.
                return None;
            }
        }
        Some(Self {
            totals: self.totals.minus(then.totals)?,
            scale: self.scale,
            zero_count: self.zero_count.checked_sub(then.zero_count)?,
            zero_threshold: self.zero_threshold,
            positive: self.positive.minus(&then.positive)?,
            negative: self.negative.minus(&then.negative)?,
        })
    }

    fn sum_fell(&self, then: &Self) -> bool {
        self.negative.is_empty() && self.totals.sum_fell(then.totals)
    }
}
