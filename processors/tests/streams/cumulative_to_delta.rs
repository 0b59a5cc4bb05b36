use std::time::Duration;

use sluice_pdata::otlp::metrics::v1::{Metric, number_data_point::Value};

use crate::stand::*;

async fn stand(yaml: &str) -> Stand {
    Stand::new("cumulativetodelta", yaml).await
}

/// A cumulative counter of one stream without a start time.
fn total(time: u64, value: i64) -> Metric {
    counter(CUMULATIVE, vec![int("a", 0, time, value)])
}

/// A time after the collector's start, whenever these tests run.
const LATER: u64 = 4_000_000_000 * S;

#[tokio::test]
async fn each_point_is_less_the_one_before() {
    let stand = stand("").await;
    assert_eq!(stand.through(total(10, 5)).await, None, "nobody knows since when");
    assert_eq!((stand.filtered(), stand.dropped()), (1, 0));
    assert_eq!(sums(stand.through(total(20, 5)).await), (DELTA, vec![(10, 20, 0)]));
    assert_eq!(sums(stand.through(total(30, 9)).await), (DELTA, vec![(20, 30, 4)]));
    assert_eq!((stand.filtered(), stand.dropped()), (1, 0));
}

#[tokio::test]
async fn the_first_point_passes_by_initial_value() {
    let since_later = counter(CUMULATIVE, vec![int("a", LATER, LATER + 10, 5)]);
    let since_long_ago = counter(CUMULATIVE, vec![int("a", 10, LATER, 5)]);
    let since_unknown = total(LATER, 5);
    let since_itself = counter(CUMULATIVE, vec![int("a", LATER, LATER, 5)]);
    for (initial_value, passes) in
        [("auto", [true, false, false, false]), ("keep", [true; 4]), ("drop", [false; 4])]
    {
        let points = [&since_later, &since_long_ago, &since_unknown, &since_itself];
        for (point, passes) in points.into_iter().zip(passes) {
            let stand = stand(&format!("{{initial_value: {initial_value}}}")).await;
            let first = stand.through(point.clone()).await;
            assert_eq!(first.is_some(), passes, "{initial_value}: {point:?}");
            if passes {
                assert_eq!(sums(first), (DELTA, sums(Some(point.clone())).1));
            }
            assert_eq!((stand.filtered(), stand.dropped()), (u64::from(!passes), 0));
        }
    }
}

#[tokio::test]
async fn a_counter_that_falls_loses_one_point_and_goes_on() {
    let stand = stand("").await;
    stand.through(total(10, 5)).await;
    assert_eq!(stand.through(total(20, 3)).await, None);
    assert_eq!((stand.filtered(), stand.dropped()), (1, 1));
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("reset")), 1.0);
    assert_eq!(sums(stand.through(total(30, 7)).await).1, [(20, 30, 4)]);
}

#[tokio::test]
async fn a_counter_with_a_new_start_passes_whole() {
    let stand = stand("").await;
    stand.through(counter(CUMULATIVE, vec![int("a", LATER, LATER + 10, 5)])).await;
    let anew = stand.through(counter(CUMULATIVE, vec![int("a", LATER + 15, LATER + 20, 9)])).await;
    assert_eq!(sums(anew), (DELTA, vec![(LATER + 15, LATER + 20, 9)]));
    let next = stand.through(counter(CUMULATIVE, vec![int("a", LATER + 15, LATER + 30, 10)])).await;
    assert_eq!(sums(next).1, [(LATER + 20, LATER + 30, 1)]);
}

#[tokio::test]
async fn a_stream_that_starts_at_its_first_point_counts_from_there() {
    // As `metric_start_time` makes them.
    let stand = stand("").await;
    let first = counter(CUMULATIVE, vec![int("a", LATER, LATER, 5)]);
    assert_eq!(stand.through(first).await, None);
    let second = stand.through(counter(CUMULATIVE, vec![int("a", LATER, LATER + 10, 9)])).await;
    assert_eq!(sums(second).1, [(LATER, LATER + 10, 4)]);
    // A reset, which it dates a millisecond before.
    let reset = stand.through(counter(CUMULATIVE, vec![int("a", LATER + 15, LATER + 20, 2)])).await;
    assert_eq!(sums(reset).1, [(LATER + 15, LATER + 20, 2)]);
}

#[tokio::test]
async fn a_start_that_wobbles_is_no_reset() {
    let stand = stand("").await;
    stand.through(counter(CUMULATIVE, vec![int("a", 3, 10, 5)])).await;
    let next = stand.through(counter(CUMULATIVE, vec![int("a", 4, 20, 9)])).await;
    assert_eq!(sums(next).1, [(10, 20, 4)]);
    let own_time = stand.through(counter(CUMULATIVE, vec![int("a", 30, 30, 10)])).await;
    assert_eq!(sums(own_time).1, [(20, 30, 1)]);
}

#[tokio::test]
async fn histograms_are_less_the_one_before_by_bucket() {
    let stand = stand("").await;
    assert_eq!(stand.through(histogram(CUMULATIVE, 0, 10, &[1.0], &[3, 3], 9.0)).await, None);
    let delta = histogram_of(stand.through(histogram(CUMULATIVE, 0, 20, &[1.0], &[3, 5], 12.0)).await);
    assert_eq!((delta.start_time_unix_nano, delta.count, delta.sum), (10, 2, Some(3.0)));
    assert_eq!((delta.bucket_counts, delta.min, delta.max), (vec![0, 2], None, None));
    let reset = histogram_of(stand.through(histogram(CUMULATIVE, 0, 30, &[1.0], &[1, 1], 2.0)).await);
    assert_eq!((reset.start_time_unix_nano, reset.count, reset.bucket_counts), (20, 2, vec![1, 1]));
    assert_eq!(stand.through(histogram(CUMULATIVE, 0, 40, &[2.0], &[1, 1], 2.0)).await, None);
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("bucket_mismatch")), 1.0);
    let next = histogram_of(stand.through(histogram(CUMULATIVE, 0, 50, &[2.0], &[1, 2], 2.0)).await);
    assert_eq!((next.start_time_unix_nano, next.bucket_counts), (40, vec![0, 1]));
    assert_eq!((stand.filtered(), stand.dropped()), (1, 1));
}

#[tokio::test]
async fn exponential_histograms_are_compared_at_the_coarser_scale() {
    let stand = stand("").await;
    assert_eq!(stand.through(exponential(CUMULATIVE, 0, 10, 1, &[3, 3])).await, None);
    let delta = exponential_of(stand.through(exponential(CUMULATIVE, 0, 20, 0, &[7, 1])).await);
    assert_eq!((delta.start_time_unix_nano, delta.count, delta.scale), (10, 2, 0));
    assert_eq!(delta.positive.unwrap().bucket_counts, [1, 1]);
    assert_eq!(stand.through(exponential(CUMULATIVE, 0, 30, 1, &[9, 9])).await, None, "finer than before");
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("reset")), 1.0);
}

#[tokio::test]
async fn what_does_not_only_grow_passes_untouched() {
    let stand = stand("").await;
    for metric in [
        up_down(CUMULATIVE, vec![int("a", 0, 20, 5)]),
        counter(DELTA, vec![int("a", 10, 20, 5)]),
        counter(0, vec![int("a", 10, 20, 5)]),
        gauge(vec![int("a", 10, 20, 5)]),
        summary(0, 20, 1, 2.0),
    ] {
        assert_eq!(stand.through(metric.clone()).await, Some(metric));
    }
}

#[tokio::test]
async fn include_and_exclude_choose_by_name_and_kind() {
    let cases = [
        ("{include: {metrics: [requests], match_type: strict}}", true),
        ("{include: {metrics: [request], match_type: strict}}", false),
        ("{include: {metrics: [quest], match_type: regexp}}", true),
        ("{include: {metrics: [^quest], match_type: regexp}}", false),
        ("{exclude: {metrics: [requests], match_type: strict}}", false),
        ("{exclude: {metrics: ['.*'], match_type: regexp}}", false),
        ("{exclude: {metrics: [other], match_type: strict}}", true),
        (
            "{include: {metrics: [requests], match_type: strict}, exclude: {metrics: [q], match_type: regexp}}",
            false,
        ),
        ("{include: {metric_types: [sum]}}", true),
        ("{include: {metric_types: [histogram, exponentialhistogram]}}", false),
        ("{exclude: {metric_types: [sum]}}", false),
        ("{exclude: {metric_types: [histogram]}}", true),
    ];
    for (yaml, converted) in cases {
        let stand = stand(yaml).await;
        let out = stand.through(total(10, 5)).await;
        assert_eq!(out.is_none(), converted, "{yaml}");
    }
}

#[tokio::test]
async fn what_has_no_value_is_left_out_and_what_is_late_or_no_number_is_dropped() {
    let stand = stand("").await;
    stand.through(total(10, 5)).await;
    assert_eq!(stand.through(counter(CUMULATIVE, vec![stale("a", 20)])).await, None);
    assert_eq!((stand.filtered(), stand.dropped()), (2, 0));
    assert_eq!(stand.through(total(5, 3)).await, None);
    assert_eq!(stand.through(total(10, 6)).await, None, "another value at the same time");
    let nan = number("a", 0, 20, Some(Value::AsDouble(f64::NAN)));
    assert_eq!(stand.through(counter(CUMULATIVE, vec![nan])).await, None);
    assert_eq!((stand.filtered(), stand.dropped()), (2, 3));
    assert_eq!(sums(stand.through(total(20, 6)).await).1, [(10, 20, 1)]);
}

#[tokio::test]
async fn a_batch_that_was_refused_gives_the_same_deltas_when_it_comes_again() {
    let stand = stand("").await;
    stand.through(total(10, 5)).await;
    stand.refuse(true);
    stand.send(total(20, 9)).await.unwrap_err();
    stand.send(total(20, 9)).await.unwrap_err();
    stand.refuse(false);
    assert_eq!(sums(stand.through(total(20, 9)).await).1, [(10, 20, 4)]);
    assert_eq!(sums(stand.through(total(30, 10)).await).1, [(20, 30, 1)]);
}

#[tokio::test(start_paused = true)]
async fn state_is_kept_for_ever_or_for_max_staleness() {
    let forever = stand("").await;
    let minute = stand("{max_staleness: 1m}").await;
    forever.through(total(10, 5)).await;
    minute.through(total(10, 5)).await;
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(sums(forever.through(total(20, 9)).await).1, [(10, 20, 4)]);
    assert_eq!(minute.through(total(20, 9)).await, None);
}

#[tokio::test]
async fn streams_beyond_the_limit_are_dropped_and_counted() {
    let stand = stand("{max_streams: 1}").await;
    stand.through(total(10, 5)).await;
    assert_eq!(stand.through(counter(CUMULATIVE, vec![int("b", 0, 10, 5)])).await, None);
    assert_eq!((stand.filtered(), stand.dropped()), (1, 1));
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("limit")), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_point_without_a_value_takes_no_place_and_keeps_no_stream_alive() {
    let stand = stand("{max_streams: 1, max_staleness: 1m}").await;
    let not_a_number = number("b", 0, 10, Some(Value::AsDouble(f64::NAN)));
    for nothing in [stale("b", 10), not_a_number] {
        stand.through(counter(CUMULATIVE, vec![nothing.clone()])).await;
        stand.through(total(10, 5)).await;
        stand.through(counter(CUMULATIVE, vec![nothing])).await;
    }
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("limit")), 0.0);
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("no_recorded_value")), 2.0);
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("malformed")), 2.0);
    tokio::time::advance(Duration::from_secs(40)).await;
    stand.through(counter(CUMULATIVE, vec![stale("a", 20)])).await;
    tokio::time::advance(Duration::from_secs(40)).await;
    assert_eq!(stand.through(total(30, 9)).await, None, "it was silent for longer than a minute");
}
