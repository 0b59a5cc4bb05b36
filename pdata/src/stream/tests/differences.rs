use super::sums::{counted, exponential, exponential_view, histogram, values};
use crate::stream::{Cumulative, Unfit};
use crate::view::{
    DataPointView, HistogramDataPointView, NumberDataPointView, NumberView, SummaryDataPointView, View,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn number(time: u64, value: NumberView) -> Cumulative {
    let point =
        NumberDataPointView { time_unix_nano: time, value: Some(value), ..NumberDataPointView::default() };
    Cumulative::of(&DataPointView::Number(point)).unwrap()
}

fn int(time: u64, value: i64) -> Cumulative {
    number(time, NumberView::Int(value))
}

fn double(time: u64, value: f64) -> Cumulative {
    number(time, NumberView::Double(value))
}

fn summary(time: u64, count: u64, sum: f64) -> Cumulative {
    let point = SummaryDataPointView { time_unix_nano: time, count, sum, ..SummaryDataPointView::default() };
    Cumulative::of(&DataPointView::Summary(point)).unwrap()
}

fn buckets(time: u64, bounds: &[f64], counts: &[u64], sum: f64) -> Cumulative {
    let point = histogram(time, bounds, counts, Some(sum));
    Cumulative::of(&DataPointView::Histogram(HistogramDataPointView::from_struct(&point))).unwrap()
}

fn exponents(time: u64, scale: i32, threshold: f64, values: &[f64]) -> Cumulative {
    let point = exponential(time, scale, threshold, values);
    Cumulative::of(&DataPointView::ExponentialHistogram(View::from_struct(&point))).unwrap()
}

#[test]
fn a_number_that_falls_was_reset() {
    assert!(int(20, 4).is_reset_since(&int(10, 5)));
    assert!(!int(20, 5).is_reset_since(&int(10, 5)));
    assert!(double(20, 4.5).is_reset_since(&int(10, 5)));
    assert!(!int(20, 5).is_reset_since(&double(10, 4.5)));
    assert_eq!(int(20, 4).since(&int(10, 5)), None);
}

#[test]
fn a_difference_begins_where_the_earlier_point_ended() {
    let delta = int(20, 9).since(&int(10, 5)).unwrap();
    assert_eq!((delta.start_time_unix_nano(), delta.time_unix_nano()), (10, 20));
    assert!(delta.is(&int(20, 4)));
    assert!(double(20, 5.75).since(&int(10, 5)).unwrap().is(&double(20, 0.75)));
    assert_eq!(int(20, i64::MAX).since(&int(10, -1)), None, "the difference does not fit");
}

#[test]
fn a_point_without_a_value_is_not_remembered() {
    let flagged = NumberDataPointView { flags: 1, ..NumberDataPointView::default() };
    assert_eq!(Cumulative::of(&DataPointView::Number(flagged)), Err(Unfit::NoRecordedValue));
    let nan =
        NumberDataPointView { value: Some(NumberView::Double(f64::NAN)), ..NumberDataPointView::default() };
    assert_eq!(Cumulative::of(&DataPointView::Number(nan)), Err(Unfit::Malformed));
}

#[test]
fn a_summary_whose_count_or_sum_falls_was_reset() {
    assert!(summary(20, 4, 9.0).is_reset_since(&summary(10, 5, 8.0)));
    assert!(summary(20, 6, 7.0).is_reset_since(&summary(10, 5, 8.0)));
    assert!(!summary(20, 6, 8.0).is_reset_since(&summary(10, 5, 8.0)));
    assert!(summary(20, 6, 9.0).since(&summary(10, 5, 8.0)).unwrap().is(&summary(20, 1, 1.0)));
}

#[test]
fn a_histogram_in_which_anything_falls_was_reset() {
    let then = buckets(10, &[1.0, 2.0], &[1, 2, 3], 9.0);
    assert!(!buckets(20, &[1.0, 2.0], &[1, 2, 3], 9.0).is_reset_since(&then));
    assert!(buckets(20, &[1.0, 2.0], &[9, 1, 3], 19.0).is_reset_since(&then), "a bucket");
    assert!(buckets(20, &[1.0, 2.0], &[2, 2, 3], 8.0).is_reset_since(&then), "the sum");
    assert!(buckets(20, &[1.0, 3.0], &[1, 2, 3], 9.0).is_reset_since(&then), "bounds");
    assert!(buckets(20, &[1.0], &[9, 9], 99.0).is_reset_since(&then), "number of bounds");
}

#[test]
fn the_sum_of_values_that_may_be_negative_may_fall() {
    let then = buckets(10, &[-1.0, 2.0], &[1, 2, 3], 9.0);
    assert!(!buckets(20, &[-1.0, 2.0], &[2, 2, 3], 5.0).is_reset_since(&then));
    let then = exponents(10, 0, 0.0, &[3.0, -2.5]);
    assert!(!exponents(20, 0, 0.0, &[3.0, -2.5, -2.6]).is_reset_since(&then));
    let then = exponents(10, 0, 0.0, &[3.9, 3.9]);
    assert!(exponents(20, 0, 0.0, &[2.1, 2.1, 2.1]).is_reset_since(&then));
}

#[test]
fn the_difference_of_histograms_is_by_bucket() {
    let delta = buckets(20, &[1.0], &[3, 5], 9.0).since(&buckets(10, &[1.0], &[1, 5], 8.0)).unwrap();
    let DataPointView::Histogram(view) = delta.view() else { panic!("another kind of point") };
    assert_eq!(view.bucket_counts.iter().collect::<Vec<_>>(), [2, 0]);
    assert_eq!((view.count, view.sum, view.min, view.max), (2, Some(1.0), None, None));
    assert_eq!((view.start_time_unix_nano, view.time_unix_nano), (10, 20));
}

#[test]
fn an_exponential_histogram_that_became_finer_was_reset() {
    let then = exponents(10, 0, 0.0, &[1.5]);
    assert!(exponents(20, 1, 0.0, &[1.5, 1.6]).is_reset_since(&then));
    assert!(!exponents(20, -1, 0.0, &[1.5, 1.6]).is_reset_since(&then));
    let then = exponents(10, 0, 1.0, &[1.5]);
    assert!(exponents(20, 0, 0.5, &[1.5, 1.6]).is_reset_since(&then));
}

#[test]
fn values_that_came_under_a_grown_zero_threshold_are_no_reset() {
    let then = exponents(10, 0, 0.0, &[0.75, -0.75, 3.0]);
    let now = exponents(20, 0, 1.0, &[0.75, -0.75, 3.0, 0.6, 5.0]);
    assert!(!now.is_reset_since(&then));
    let delta = now.since(&then).unwrap();
    let DataPointView::ExponentialHistogram(view) = delta.view() else { panic!("another kind of point") };
    assert_eq!((view.count, view.zero_count, view.positive.bucket_counts.len()), (2, 1, 1));
}

proptest! {
    #[test]
    fn what_is_added_to_a_histogram_is_its_difference(
        first in values(), more in values(), scale in -4..7_i32, down in 0..4_i32,
    ) {
        let then = exponents(10, scale, 0.0, &first);
        let all = [first, more.clone()].concat();
        let now = exponents(20, scale - down, 0.0, &all);
        let delta = now.since(&then).unwrap();
        let expected = exponential(20, scale - down, 0.0, &more);
        let view = exponential_view(&delta.view());
        prop_assert_eq!((view.count, &view.positive, &view.negative),
            (expected.count, &expected.positive, &expected.negative));
        prop_assert_eq!(counted(&view), view.count);
    }

    #[test]
    fn what_grows_is_never_reset_and_what_falls_always_is(
        then in vec(0..9_u64, 3), more in vec(0..9_u64, 3), falls in 0..3_usize,
    ) {
        let now: Vec<u64> = then.iter().zip(&more).map(|(a, b)| a + b).collect();
        let sum = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
        let earlier = buckets(10, &[1.0, 2.0], &then, sum(&then));
        let later = buckets(20, &[1.0, 2.0], &now, sum(&now));
        prop_assert!(!later.is_reset_since(&earlier));
        let mut fallen = now;
        if then[falls] > 0 {
            fallen[falls] = then[falls] - 1;
            prop_assert!(buckets(20, &[1.0, 2.0], &fallen, 1e9).is_reset_since(&earlier));
        }
    }
}
