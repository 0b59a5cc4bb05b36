//! Adding up the delta points of one stream, as the data model's delta-to-cumulative conversion does.

use super::exponential::ExponentialHistogram;
use super::histogram::Histogram;
use super::value::{Value, interval, number};
use crate::view::{DataPointView, NumberView};

/// The sum of a stream's delta points since some start: a cumulative point without its attributes.
///
/// Its size is bounded by the first point's number of explicit bounds, or by [`MAX_BUCKETS`](super::MAX_BUCKETS)
/// exponential buckets a sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulated {
    start_time_unix_nano: u64,
    time_unix_nano: u64,
    value: Value,
    last: Mark,
}

/// What tells the point that was added last when it is offered again: its start and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark(u64, u64, u64);

/// What becomes of a sum when the next delta does not begin where the last one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// The sum goes on, and its start time stays. For backends that keep no start times, where a restart could hide
    /// an increase.
    Continue,
    /// The sum starts anew with the point, as the data model recommends: readers learn that something is missing.
    Restart,
}

/// Why a point cannot be added. The sum is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It says that no value was recorded, or has none.
    #[error("no recorded value")]
    NoRecordedValue,
    /// It ends no later than what was added before, and is not the last point once more.
    #[error("out of order")]
    OutOfOrder,
    /// It begins before the sum's start.
    #[error("older than the start of the sum")]
    OlderStart,
    /// It is a summary, or its fields contradict one another: not a number, buckets that do not match their bounds.
    #[error("malformed")]
    Malformed,
}

impl Accumulated {
    /// Adds a delta point to its stream's sum, and gives the sum. The first point of a stream is its first sum.
    ///
    /// A sum starts anew with the point where the two cannot be added: explicit bounds changed, a count overflowed.
    /// Two points without a start time, or with one start time for all of a stream's points, count as adjacent.
    /// The last point offered again, as clients do when they were told to, changes nothing and gives the same sum.
    ///
    /// # Errors
    /// When the point is unfit to be added; `sum` has not changed then.
    pub fn add_to<'s>(
        sum: &'s mut Option<Self>,
        delta: &DataPointView<'_>,
        gaps: Gaps,
    ) -> Result<&'s Self, Unfit> {
        let (start, time) = interval(delta)?;
        match sum {
            None => Ok(sum.insert(Self::starting(delta, start, time)?)),
            Some(sum) => {
                sum.add(delta, start, time, gaps)?;
                Ok(sum)
            }
        }
    }

    fn starting(delta: &DataPointView<'_>, start: u64, time: u64) -> Result<Self, Unfit> {
        let value = match delta {
            DataPointView::Number(point) => Value::Number(number(point)?),
            DataPointView::Histogram(point) => Value::Histogram(Box::new(Histogram::of(point)?)),
            DataPointView::ExponentialHistogram(point) => {
                Value::ExponentialHistogram(Box::new(ExponentialHistogram::of(point)?))
            }
            DataPointView::Summary(_) => return Err(Unfit::Malformed),
        };
        Ok(Self { start_time_unix_nano: start, time_unix_nano: time, value, last: Mark::of(delta) })
    }

    fn add(&mut self, delta: &DataPointView<'_>, start: u64, time: u64, gaps: Gaps) -> Result<(), Unfit> {
        if time <= self.time_unix_nano {
            let again = time == self.time_unix_nano && Mark::of(delta) == self.last;
            return if again { Ok(()) } else { Err(Unfit::OutOfOrder) };
        }
        if start != 0 && start < self.start_time_unix_nano {
            return Err(Unfit::OlderStart);
        }
        let adjacent = start == 0 || start == self.time_unix_nano || start == self.start_time_unix_nano;
        let added = (adjacent || gaps == Gaps::Continue) && self.value.add(delta)?;
        if added {
            (self.time_unix_nano, self.last) = (time, Mark::of(delta));
        } else {
            // The new sum's interval does not reach into the old one's.
            *self = Self::starting(delta, start.max(self.time_unix_nano), time)?;
        }
        Ok(())
    }

    /// When the sum started; nanoseconds since the Unix epoch, 0 if unknown.
    #[must_use]
    pub const fn start_time_unix_nano(&self) -> u64 {
        self.start_time_unix_nano
    }

    /// The end of the last point added; nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn time_unix_nano(&self) -> u64 {
        self.time_unix_nano
    }

    /// The cumulative point. It has no attributes, exemplars and flags: the first two are those of the last point.
    #[must_use]
    pub fn view(&self) -> DataPointView<'_> {
        self.value.view(self.start_time_unix_nano, self.time_unix_nano)
    }
}

impl Mark {
    fn of(point: &DataPointView<'_>) -> Self {
        match point {
            DataPointView::Number(p) => {
                let value = match p.value {
                    None => 0,
                    Some(NumberView::Int(value)) => value.cast_unsigned(),
                    Some(NumberView::Double(value)) => value.to_bits(),
                };
                Self(p.start_time_unix_nano, value, 0)
            }
            DataPointView::Histogram(p) => Self(p.start_time_unix_nano, p.count, bits(p.sum)),
            DataPointView::ExponentialHistogram(p) => Self(p.start_time_unix_nano, p.count, bits(p.sum)),
            DataPointView::Summary(p) => Self(p.start_time_unix_nano, p.count, p.sum.to_bits()),
        }
    }
}

fn bits(sum: Option<f64>) -> u64 {
    sum.unwrap_or_default().to_bits()
}

impl Value {
    /// Whether the point could be added; if not, the value is as it was.
    fn add(&mut self, delta: &DataPointView<'_>) -> Result<bool, Unfit> {
        match (self, delta) {
            (Self::Number(sum), DataPointView::Number(point)) => {
                let total = total(*sum, number(point)?);
                *sum = total.unwrap_or(*sum);
                Ok(total.is_some())
            }
            (Self::Histogram(sum), DataPointView::Histogram(point)) => sum.add(point),
            (Self::ExponentialHistogram(sum), DataPointView::ExponentialHistogram(point)) => sum.add(point),
            _ => Ok(false),
        }
    }
}

/// Integers stay integers while they fit; none if they no longer do.
#[expect(clippy::cast_precision_loss, reason = "a double is what the stream changed to")]
fn total(sum: NumberView, delta: NumberView) -> Option<NumberView> {
    use NumberView::{Double, Int};
    Some(match (sum, delta) {
        (Int(a), Int(b)) => Int(a.checked_add(b)?),
        (Int(a), Double(b)) => Double(a as f64 + b),
        (Double(a), Int(b)) => Double(a + b as f64),
        (Double(a), Double(b)) => Some(a + b).filter(|total| !total.is_nan()).map(Double)?,
    })
}
