//! Limits of native histograms: what is finer than wanted is merged.

use std::borrow::Cow;

use sluice_formats::prometheus::model::{Buckets, CUSTOM_BUCKETS_SCHEMA, NativeHistogram, Span};

use crate::prometheus::job::Limits;

/// The coarsest schema.
const COARSEST: i32 = -4;

/// The finest schema whose bounds are at least this factor apart. 0 is no limit.
pub(crate) fn finest_schema(factor: f64) -> Option<i32> {
    if factor <= 1.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a float between -1074 and 11 saturates")]
    let schema = -(factor.log2().log2().floor() as i32);
    Some(schema.clamp(COARSEST, 8))
}

/// The histogram within the limits.
///
/// # Errors
/// It has more buckets than the limit, and there is nothing coarser.
pub(super) fn within<'h>(
    limits: &Limits,
    histogram: &'h NativeHistogram,
) -> Result<Cow<'h, NativeHistogram>, String> {
    let has_custom_bounds = histogram.schema == CUSTOM_BUCKETS_SCHEMA;
    let mut histogram = Cow::Borrowed(histogram);
    if let Some(finest) = limits.finest_schema
        && !has_custom_bounds
    {
        let levels = u32::try_from(histogram.schema.saturating_sub(finest)).unwrap_or_default();
        if levels > 0 {
            histogram = Cow::Owned(coarser(&histogram, levels));
        }
    }
    while limits.native_buckets > 0 && buckets(&histogram) > limits.native_buckets {
        if has_custom_bounds || histogram.schema <= COARSEST {
            let (found, limit) = (buckets(&histogram), limits.native_buckets);
            return Err(format!("histogram bucket limit exceeded: {found} buckets, limit {limit}"));
        }
        histogram = Cow::Owned(coarser(&histogram, 1));
    }
    Ok(histogram)
}

fn buckets(histogram: &NativeHistogram) -> u64 {
    let of = |buckets: &Buckets| buckets.deltas.len() + buckets.counts.len();
    (of(&histogram.positive) + of(&histogram.negative)) as u64
}

fn coarser(histogram: &NativeHistogram, levels: u32) -> NativeHistogram {
    NativeHistogram {
        schema: histogram.schema.saturating_sub_unsigned(levels),
        positive: merged(&histogram.positive, levels),
        negative: merged(&histogram.negative, levels),
        ..histogram.clone()
    }
}

/// Each `2^levels` buckets as one.
fn merged(buckets: &Buckets, levels: u32) -> Buckets {
    let mut before = 0_i64;
    let integers = buckets.deltas.iter().map(|delta| {
        before = before.saturating_add(*delta);
        before
    });
    let integers = sums(&buckets.spans, integers, levels, i64::saturating_add);
    let floats = sums(&buckets.spans, buckets.counts.iter().copied(), levels, |a, b| a + b);
    let indexes = if buckets.counts.is_empty() {
        spans(integers.iter().map(|(index, _)| *index))
    } else {
        spans(floats.iter().map(|(index, _)| *index))
    };
    let mut before = 0_i64;
    let deltas =
        integers.iter().map(|(_, count)| count.saturating_sub(std::mem::replace(&mut before, *count)));
    Buckets {
        spans: indexes,
        deltas: deltas.collect(),
        counts: floats.iter().map(|(_, count)| *count).collect(),
    }
}

/// The counts by the index of their wider bucket. A bucket is named by its upper bound.
fn sums<T: Copy>(
    spans: &[Span],
    mut counts: impl Iterator<Item = T>,
    levels: u32,
    add: impl Fn(T, T) -> T,
) -> Vec<(i64, T)> {
    let mut sums: Vec<(i64, T)> = Vec::new();
    let mut index = 0_i64;
    for span in spans {
        index += i64::from(span.offset);
        for _ in 0..span.length {
            // Fewer counts than the spans say: what is left is nothing.
            let Some(count) = counts.next() else { return sums };
            let wider = ((index - 1) >> levels.min(63)) + 1;
            match sums.last_mut() {
                Some((last, sum)) if *last == wider => *sum = add(*sum, count),
                _ => sums.push((wider, count)),
            }
            index += 1;
        }
    }
    sums
}

fn spans(indexes: impl Iterator<Item = i64>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut end = 0;
    for index in indexes {
        match spans.last_mut() {
            Some(span) if index == end => span.length += 1,
            _ => spans.push(Span { offset: i32::try_from(index - end).unwrap_or_default(), length: 1 }),
        }
        end = index + 1;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(schema: i32, offset: i32, counts: &[i64]) -> NativeHistogram {
        let mut before = 0;
        let deltas = counts.iter().map(|count| count - std::mem::replace(&mut before, *count)).collect();
        let length = u32::try_from(counts.len()).unwrap();
        let positive = Buckets { spans: vec![Span { offset, length }], deltas, counts: Vec::new() };
        NativeHistogram { schema, positive, ..NativeHistogram::default() }
    }

    fn limits(native_buckets: u64, factor: f64) -> Limits {
        Limits { native_buckets, finest_schema: finest_schema(factor), ..Limits::default() }
    }

    #[test]
    fn what_is_within_the_limits_stays_as_it_is() {
        let histogram = histogram(3, 0, &[1, 2, 3]);
        for limits in [limits(0, 0.0), limits(3, 0.0), limits(3, 1.05)] {
            assert!(matches!(within(&limits, &histogram).unwrap(), Cow::Borrowed(_)), "{limits:?}");
        }
    }

    #[test]
    fn buckets_are_merged_until_they_are_few_enough() {
        // Indexes 0 to 4 are buckets that end at 1, 2^(1/2), 2, .. in schema 1.
        let merged = within(&limits(3, 0.0), &histogram(1, 0, &[1, 2, 3, 4, 5])).unwrap().into_owned();
        assert_eq!(merged.schema, 0);
        // 0 stays alone, 1 and 2 end at 2, 3 and 4 at 4.
        assert_eq!(merged.positive.spans, [Span { offset: 0, length: 3 }]);
        assert_eq!(merged.positive.deltas, [1, 4, 4]);
        let merged = within(&limits(0, 4.0), &histogram(1, -3, &[1, 1, 1, 1, 1, 1])).unwrap().into_owned();
        assert_eq!(merged.schema, -1);
        assert_eq!(merged.positive.spans, [Span { offset: 0, length: 2 }]);
        assert_eq!(merged.positive.deltas, [4, -2]);
    }

    #[test]
    fn gaps_and_floats_are_kept() {
        let spans = vec![Span { offset: 1, length: 2 }, Span { offset: 6, length: 1 }];
        let positive = Buckets { spans, deltas: Vec::new(), counts: vec![0.5, 1.0, 2.0] };
        let histogram = NativeHistogram { schema: 0, positive, ..NativeHistogram::default() };
        let merged = within(&limits(2, 0.0), &histogram).unwrap().into_owned();
        assert_eq!(merged.positive.counts, [1.5, 2.0]);
        assert_eq!(merged.positive.spans, [Span { offset: 1, length: 1 }, Span { offset: 3, length: 1 }]);
    }

    #[test]
    fn what_cannot_be_merged_any_more_is_an_error() {
        assert!(within(&limits(1, 0.0), &histogram(-4, 0, &[1, 1, 1])).is_err());
        assert!(within(&limits(1, 0.0), &histogram(CUSTOM_BUCKETS_SCHEMA, 0, &[1, 1, 1])).is_err());
    }

    #[test]
    fn factors_name_schemas_as_in_prometheus() {
        for (factor, schema) in [
            (0.0, None),
            (1.0, None),
            (1.002, Some(8)),
            (1.1, Some(3)),
            (2.0, Some(0)),
            (4.0, Some(-1)),
            (65536.0, Some(-4)),
            (1e300, Some(-4)),
        ] {
            assert_eq!(finest_schema(factor), schema, "{factor}");
        }
    }
}
