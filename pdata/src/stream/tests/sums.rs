use crate::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use crate::otlp::metrics::v1::{ExponentialHistogramDataPoint, HistogramDataPoint};
use crate::stream::{Accumulated, Gaps, MAX_BUCKETS, Unfit};
use crate::view::{
    DataPointView, ExponentialHistogramDataPointView, HistogramDataPointView, NumberDataPointView,
    NumberView, SummaryDataPointView, View,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn number(start: u64, time: u64, value: NumberView) -> DataPointView<'static> {
    DataPointView::Number(NumberDataPointView {
        start_time_unix_nano: start,
        time_unix_nano: time,
        value: Some(value),
        ..NumberDataPointView::default()
    })
}

fn int(start: u64, time: u64, value: i64) -> DataPointView<'static> {
    number(start, time, NumberView::Int(value))
}

/// Start, end and value after each of the points.
fn totals(points: &[DataPointView<'_>], gaps: Gaps) -> Vec<Result<(u64, u64, NumberView), Unfit>> {
    let mut sum = None;
    let mut totals = Vec::new();
    for point in points {
        let total = Accumulated::add_to(&mut sum, point, gaps);
        totals.push(total.map(|total| match total.view() {
            DataPointView::Number(view) => {
                (view.start_time_unix_nano, view.time_unix_nano, view.value.unwrap())
            }
            _ => panic!("another kind of point"),
        }));
    }
    totals
}

#[test]
fn adjacent_deltas_add_up_from_the_first_start() {
    let points = [int(10, 20, 5), int(20, 30, 0), int(30, 40, 7)];
    let sums = vec![
        Ok((10, 20, NumberView::Int(5))),
        Ok((10, 30, NumberView::Int(5))),
        Ok((10, 40, NumberView::Int(12))),
    ];
    assert_eq!(totals(&points, Gaps::Restart), sums);
    assert_eq!(totals(&points, Gaps::Continue), sums);
}

#[test]
fn a_gap_restarts_the_sum_or_is_bridged() {
    let points = [int(10, 20, 5), int(25, 30, 7)];
    assert_eq!(totals(&points, Gaps::Restart)[1], Ok((25, 30, NumberView::Int(7))));
    assert_eq!(totals(&points, Gaps::Continue)[1], Ok((10, 30, NumberView::Int(12))));
}

#[test]
fn an_overlap_restarts_the_sum_where_the_last_one_ended_or_is_added() {
    let points = [int(10, 20, 5), int(15, 30, 7)];
    assert_eq!(totals(&points, Gaps::Restart)[1], Ok((20, 30, NumberView::Int(7))));
    assert_eq!(totals(&points, Gaps::Continue)[1], Ok((10, 30, NumberView::Int(12))));
}

#[test]
fn points_without_start_or_with_one_start_for_all_are_adjacent() {
    let unknown = [int(0, 20, 5), int(0, 30, 7)];
    assert_eq!(totals(&unknown, Gaps::Restart)[1], Ok((0, 30, NumberView::Int(12))));
    let constant = [int(10, 20, 5), int(10, 30, 7)];
    assert_eq!(totals(&constant, Gaps::Restart)[1], Ok((10, 30, NumberView::Int(12))));
}

#[test]
fn a_late_point_is_refused_and_changes_nothing() {
    let points =
        [int(10, 20, 5), int(20, 30, 1), int(10, 20, 9), int(20, 30, 9), int(5, 40, 9), int(30, 40, 1)];
    for gaps in [Gaps::Continue, Gaps::Restart] {
        let sums = totals(&points, gaps);
        assert_eq!(sums[2..5], [Err(Unfit::OutOfOrder), Err(Unfit::OutOfOrder), Err(Unfit::OlderStart)]);
        assert_eq!(sums[5], Ok((10, 40, NumberView::Int(7))));
    }
}

#[test]
fn the_last_point_offered_again_gives_the_same_sum() {
    let points =
        [int(10, 20, 5), int(10, 20, 5), int(20, 30, 7), int(20, 30, 7), int(20, 30, 8), int(30, 40, 1)];
    for gaps in [Gaps::Continue, Gaps::Restart] {
        let sums = totals(&points, gaps);
        assert_eq!(sums[..2], [Ok((10, 20, NumberView::Int(5))); 2]);
        assert_eq!(sums[2..4], [Ok((10, 30, NumberView::Int(12))); 2]);
        assert_eq!(sums[4], Err(Unfit::OutOfOrder), "another point that ends at the same time");
        assert_eq!(sums[5], Ok((10, 40, NumberView::Int(13))));
    }
    let some = histogram(20, &[1.0], &[1, 2], Some(5.0));
    assert_eq!(histogram_total(&[some.clone(), some.clone()]).unwrap(), some);
}

#[test]
fn a_point_without_a_number_is_refused_and_changes_nothing() {
    let flagged = NumberDataPointView { flags: 1, time_unix_nano: 30, ..NumberDataPointView::default() };
    let empty = NumberDataPointView { time_unix_nano: 30, ..NumberDataPointView::default() };
    let points = [
        int(10, 20, 5),
        DataPointView::Number(flagged),
        DataPointView::Number(empty),
        number(20, 30, NumberView::Double(f64::NAN)),
        DataPointView::Summary(SummaryDataPointView {
            time_unix_nano: 30,
            ..SummaryDataPointView::default()
        }),
        int(20, 30, 1),
    ];
    let mut sum = None;
    let results = points.map(|point| Accumulated::add_to(&mut sum, &point, Gaps::Continue).map(|_| ()));
    let none = Err(Unfit::NoRecordedValue);
    assert_eq!(results[..4], [Ok(()), none, none, Err(Unfit::Malformed)]);
    assert_eq!(
        totals(&[int(10, 20, 5), int(20, 30, 1)], Gaps::Continue)[1],
        Ok((10, 30, NumberView::Int(6)))
    );
    assert_eq!(Accumulated::add_to(&mut None, &points[4], Gaps::Continue), Err(Unfit::Malformed));
}

#[test]
fn integers_become_doubles_when_the_stream_does_and_restart_when_they_overflow() {
    let mixed = [int(1, 2, 5), number(2, 3, NumberView::Double(0.5)), int(3, 4, 1)];
    assert_eq!(totals(&mixed, Gaps::Continue)[2], Ok((1, 4, NumberView::Double(6.5))));
    let overflow = [int(1, 2, i64::MAX), int(2, 3, 1)];
    assert_eq!(totals(&overflow, Gaps::Continue)[1], Ok((2, 3, NumberView::Int(1))));
}

pub(super) fn histogram(time: u64, bounds: &[f64], counts: &[u64], sum: Option<f64>) -> HistogramDataPoint {
    HistogramDataPoint {
        start_time_unix_nano: time - 10,
        time_unix_nano: time,
        count: counts.iter().sum(),
        sum,
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        min: sum.map(|sum| sum - 1.0),
        max: sum.map(|sum| sum + 1.0),
        ..HistogramDataPoint::default()
    }
}

/// The sum after the last of the points.
fn histogram_total(points: &[HistogramDataPoint]) -> Result<HistogramDataPoint, Unfit> {
    let mut sum = None;
    let mut last = Err(Unfit::Malformed);
    for point in points {
        let view = DataPointView::Histogram(HistogramDataPointView::from_struct(point));
        last = Accumulated::add_to(&mut sum, &view, Gaps::Continue).map(|total| match total.view() {
            DataPointView::Histogram(view) => HistogramDataPoint {
                start_time_unix_nano: view.start_time_unix_nano,
                time_unix_nano: view.time_unix_nano,
                count: view.count,
                sum: view.sum,
                bucket_counts: view.bucket_counts.iter().collect(),
                explicit_bounds: view.explicit_bounds.iter().collect(),
                min: view.min,
                max: view.max,
                ..HistogramDataPoint::default()
            },
            _ => panic!("another kind of point"),
        });
    }
    last
}

#[test]
fn histograms_of_equal_bounds_add_up() {
    let points = [
        histogram(20, &[1.0, 2.0], &[1, 2, 3], Some(5.0)),
        histogram(30, &[1.0, 2.0], &[0, 1, 0], Some(1.5)),
    ];
    let total = histogram_total(&points).unwrap();
    assert_eq!((total.start_time_unix_nano, total.time_unix_nano), (10, 30));
    assert_eq!((total.count, total.sum, total.bucket_counts), (7, Some(6.5), vec![1, 3, 3]));
    assert_eq!((total.min, total.max), (Some(0.5), Some(6.0)));
}

#[test]
fn a_change_of_bounds_or_an_overflow_restarts_the_histogram() {
    let other = histogram(30, &[1.0, 3.0], &[1, 1, 1], Some(2.0));
    let total = histogram_total(&[histogram(20, &[1.0, 2.0], &[1, 2, 3], Some(5.0)), other.clone()]).unwrap();
    assert_eq!(total, other);
    let many = histogram(20, &[], &[u64::MAX], Some(5.0));
    let more = histogram(30, &[], &[1], Some(5.0));
    assert_eq!(histogram_total(&[many, more.clone()]).unwrap(), more);
}

#[test]
fn a_histogram_without_values_takes_nothing_from_what_is_known() {
    let some = histogram(20, &[1.0], &[1, 2], Some(5.0));
    let total = histogram_total(&[some.clone(), histogram(30, &[1.0], &[0, 0], None)]).unwrap();
    assert_eq!((total.count, total.sum, total.min, total.max), (3, Some(5.0), Some(4.0), Some(6.0)));
    let unknown = histogram_total(&[some, histogram(30, &[1.0], &[0, 1], None)]).unwrap();
    assert_eq!((unknown.count, unknown.sum, unknown.min, unknown.max), (4, None, None, None));
}

#[test]
fn a_histogram_whose_buckets_do_not_match_its_bounds_is_refused() {
    assert_eq!(histogram_total(&[histogram(20, &[1.0], &[1], None)]), Err(Unfit::Malformed));
    assert_eq!(histogram_total(&[histogram(20, &[1.0], &[], None)]), Err(Unfit::Malformed));
    assert!(histogram_total(&[histogram(20, &[], &[], None)]).is_ok());
}

pub(super) fn exponential(
    time: u64,
    scale: i32,
    threshold: f64,
    values: &[f64],
) -> ExponentialHistogramDataPoint {
    let (zero, others): (Vec<f64>, Vec<f64>) = values.iter().partition(|value| value.abs() <= threshold);
    let buckets = |sign: f64| {
        let indexes: Vec<i32> =
            others.iter().filter(|v| v.signum() == sign).map(|v| bucket(v.abs(), scale)).collect();
        let offset = indexes.iter().copied().min()?;
        let mut counts = vec![0; (indexes.iter().max()? - offset + 1) as usize];
        indexes.iter().for_each(|index| counts[(index - offset) as usize] += 1);
        Some(Buckets { offset, bucket_counts: counts })
    };
    ExponentialHistogramDataPoint {
        start_time_unix_nano: time - 10,
        time_unix_nano: time,
        count: values.len() as u64,
        sum: Some(values.iter().sum()),
        scale,
        zero_count: zero.len() as u64,
        zero_threshold: threshold,
        positive: buckets(1.0),
        negative: buckets(-1.0),
        ..ExponentialHistogramDataPoint::default()
    }
}

/// The bucket of a value, by logarithm. Good where no value lies on a bound.
#[expect(clippy::cast_possible_truncation, reason = "buckets of the scales here have small indexes")]
fn bucket(value: f64, scale: i32) -> i32 {
    (value.log2() * f64::from(scale).exp2()).ceil() as i32 - 1
}

fn exponential_total(
    points: &[ExponentialHistogramDataPoint],
) -> Result<ExponentialHistogramDataPoint, Unfit> {
    let mut sum = None;
    let mut last = Err(Unfit::Malformed);
    for point in points {
        let view = DataPointView::ExponentialHistogram(ExponentialHistogramDataPointView::from_struct(point));
        last =
            Accumulated::add_to(&mut sum, &view, Gaps::Continue).map(|total| exponential_view(&total.view()));
    }
    last
}

/// What a view shows, without buckets that hold nothing.
pub(super) fn exponential_view(view: &DataPointView<'_>) -> ExponentialHistogramDataPoint {
    let DataPointView::ExponentialHistogram(view) = view else { panic!("another kind of point") };
    ExponentialHistogramDataPoint {
        start_time_unix_nano: view.start_time_unix_nano,
        time_unix_nano: view.time_unix_nano,
        count: view.count,
        sum: view.sum,
        scale: view.scale,
        zero_count: view.zero_count,
        zero_threshold: view.zero_threshold,
        positive: Some(view.positive).filter(|b| !b.bucket_counts.is_empty()).map(owned),
        negative: Some(view.negative).filter(|b| !b.bucket_counts.is_empty()).map(owned),
        ..ExponentialHistogramDataPoint::default()
    }
}

fn owned(buckets: crate::view::BucketsView<'_>) -> Buckets {
    Buckets { offset: buckets.offset, bucket_counts: buckets.bucket_counts.iter().collect() }
}

pub(super) fn counted(point: &ExponentialHistogramDataPoint) -> u64 {
    let buckets = point.positive.iter().chain(&point.negative);
    point.zero_count + buckets.flat_map(|buckets| &buckets.bucket_counts).sum::<u64>()
}

#[test]
fn exponential_histograms_meet_at_the_lesser_scale() {
    // At scale 1 the buckets end at powers of √2, at scale 0 at powers of 2.
    let fine = exponential(20, 1, 0.0, &[1.2, 1.9, 3.0]);
    let coarse = exponential(30, 0, 0.0, &[1.1, 17.0, -5.0]);
    let total = exponential_total(&[fine, coarse]).unwrap();
    assert_eq!((total.scale, total.count, total.zero_count), (0, 6, 0));
    assert_eq!(total.positive, Some(Buckets { offset: 0, bucket_counts: vec![3, 1, 0, 0, 1] }));
    assert_eq!(total.negative, Some(Buckets { offset: 2, bucket_counts: vec![1] }));
    assert!((total.sum.unwrap() - 19.2).abs() < 1e-9);
}

#[test]
fn the_wider_zero_threshold_takes_in_the_buckets_it_covers_and_grows_to_the_end_of_one_it_cuts() {
    let narrow = exponential(20, 0, 0.0, &[0.3, 0.6, 1.5, 3.0, -0.1, -6.0]);
    let wide = exponential(30, 0, 1.25, &[0.5, -1.0, 2.5]);
    let total = exponential_total(&[narrow, wide]).unwrap();
    assert_eq!((total.zero_threshold, total.zero_count, total.count), (2.0, 6, 9));
    assert_eq!(total.positive, Some(Buckets { offset: 1, bucket_counts: vec![2] }));
    assert_eq!(total.negative, Some(Buckets { offset: 2, bucket_counts: vec![1] }));
}

#[test]
fn an_exponential_histogram_that_overflows_restarts() {
    let mut many = exponential(20, 0, 0.0, &[1.5]);
    many.zero_count = u64::MAX;
    let mut more = exponential(30, 0, 0.0, &[1.5]);
    more.zero_count = 1;
    assert_eq!(exponential_total(&[many, more.clone()]).unwrap(), more);
}

#[test]
fn a_zero_threshold_that_is_no_distance_is_refused() {
    for threshold in [f64::NAN, -1.0, f64::INFINITY] {
        let point =
            ExponentialHistogramDataPoint { zero_threshold: threshold, ..exponential(20, 0, 0.0, &[]) };
        assert_eq!(exponential_total(&[point]), Err(Unfit::Malformed));
    }
}

pub(super) fn values() -> impl Strategy<Value = Vec<f64>> {
    let magnitude = prop_oneof![0.001..1000.0_f64, 0.9..1.1_f64, 1e-300..1e300_f64];
    vec((magnitude, any::<bool>()).prop_map(|(value, negative)| if negative { -value } else { value }), 0..60)
}

proptest! {
    #[test]
    fn numbers_add_up_to_their_sum(deltas in vec(0..1_000_000_i64, 1..50)) {
        let points: Vec<_> = (1..).zip(&deltas).map(|(i, &delta)| int(10 * i, 10 * (i + 1), delta)).collect();
        let end = 10 * (deltas.len() as u64 + 1);
        let total = totals(&points, Gaps::Restart).pop();
        prop_assert_eq!(total, Some(Ok((10, end, NumberView::Int(deltas.iter().sum())))));
    }

    #[test]
    fn exponential_histograms_add_up_to_the_histogram_of_all_values(
        batches in vec((values(), -4..7_i32), 1..6),
    ) {
        let points: Vec<_> = (1..).zip(&batches)
            .map(|(i, (values, scale))| exponential(10 * (i + 1), *scale, 0.0, values)).collect();
        let total = exponential_total(&points).unwrap();
        let all: Vec<f64> = batches.iter().flat_map(|(values, _)| values).copied().collect();
        let lowest = batches.iter().map(|(_, scale)| *scale).min().unwrap();
        prop_assert!(total.scale <= lowest);
        let expected = exponential(20, total.scale, 0.0, &all);
        prop_assert_eq!((total.count, &total.positive, &total.negative),
            (all.len() as u64, &expected.positive, &expected.negative));
        let largest = |point: &ExponentialHistogramDataPoint| {
            point.positive.iter().chain(&point.negative).map(|buckets| buckets.bucket_counts.len()).max()
        };
        prop_assert!(largest(&total).unwrap_or(0) <= MAX_BUCKETS);
        // The scale is no lower than it must be.
        let finer = exponential(20, total.scale + 1, 0.0, &all);
        prop_assert!(total.scale == lowest || largest(&finer).unwrap_or(0) > MAX_BUCKETS);
    }

    #[test]
    fn no_value_is_lost_under_any_zero_threshold(
        batches in vec((values(), -4..6_i32, 0.0..4.0_f64), 1..6),
    ) {
        let points: Vec<_> = (1..).zip(&batches)
            .map(|(i, (values, scale, threshold))| exponential(10 * (i + 1), *scale, *threshold, values)).collect();
        let total = exponential_total(&points).unwrap();
        prop_assert_eq!(counted(&total), total.count);
        let widest = batches.iter().map(|(_, _, threshold)| *threshold).fold(0.0, f64::max);
        prop_assert!(total.zero_threshold >= widest);
        let all = batches.iter().flat_map(|(values, _, _)| values);
        let zeros = all.filter(|value| value.abs() <= total.zero_threshold).count() as u64;
        if total.zero_threshold > widest {
            prop_assert_eq!(total.zero_count, zeros);
        } else {
            prop_assert!(total.zero_count <= zeros);
        }
    }

    #[test]
    fn buckets_anywhere_at_any_scale_stay_within_bounds(
        parts in vec((any::<i32>(), any::<i32>(), vec(0..3_u64, 0..20), any::<f64>()), 1..6),
    ) {
        let points: Vec<_> = (1..).zip(parts).map(|(i, (scale, offset, counts, threshold))| {
            ExponentialHistogramDataPoint {
                time_unix_nano: i,
                scale,
                zero_threshold: threshold,
                positive: Some(Buckets { offset, bucket_counts: counts.clone() }),
                negative: Some(Buckets { offset: offset.wrapping_neg(), bucket_counts: counts }),
                ..ExponentialHistogramDataPoint::default()
            }
        }).collect();
        if let Ok(total) = exponential_total(&points) {
            let buckets = total.positive.iter().chain(&total.negative);
            prop_assert!(buckets.map(|buckets| buckets.bucket_counts.len()).max().unwrap_or(0) <= MAX_BUCKETS);
        }
    }
}
