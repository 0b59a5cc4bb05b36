use std::time::Duration;

use crate::stand::*;

async fn stand(yaml: &str) -> Stand {
    Stand::new("deltatocumulative", yaml).await
}

#[tokio::test]
async fn deltas_of_each_stream_add_up() {
    let stand = stand("").await;
    let first = stand.through(counter(DELTA, vec![int("a", 10, 20, 5), int("b", 10, 20, 1)])).await;
    assert_eq!(sums(first), (CUMULATIVE, vec![(10, 20, 5), (10, 20, 1)]));
    let second = stand.through(counter(DELTA, vec![int("b", 20, 30, 1), int("a", 20, 30, 2)])).await;
    assert_eq!(sums(second), (CUMULATIVE, vec![(10, 30, 2), (10, 30, 7)]));
    assert_eq!((stand.filtered(), stand.dropped()), (0, 0));
    assert_eq!(stand.metric("sluice_processor_streams", None), 2.0);
}

#[tokio::test]
async fn up_down_counters_and_histograms_add_up_too() {
    let stand = stand("").await;
    stand.through(up_down(DELTA, vec![int("a", 10, 20, 5)])).await;
    let total = stand.through(up_down(DELTA, vec![int("a", 20, 30, -7)])).await;
    assert_eq!(sums(total), (CUMULATIVE, vec![(10, 30, -2)]));

    stand.through(histogram(DELTA, 10, 20, &[1.0], &[1, 2], 5.0)).await;
    let total = histogram_of(stand.through(histogram(DELTA, 20, 30, &[1.0], &[1, 0], 0.5)).await);
    assert_eq!((total.start_time_unix_nano, total.time_unix_nano), (10, 30));
    assert_eq!((total.count, total.sum, total.bucket_counts), (4, Some(5.5), vec![2, 2]));

    stand.through(exponential(DELTA, 10, 20, 1, &[1, 2, 3, 4])).await;
    let total = exponential_of(stand.through(exponential(DELTA, 20, 30, 0, &[1, 1])).await);
    assert_eq!((total.count, total.scale), (12, 0));
    assert_eq!(total.positive.unwrap().bucket_counts, [4, 8]);
}

#[tokio::test]
async fn what_is_no_delta_passes_untouched() {
    let stand = stand("").await;
    for metric in [
        counter(CUMULATIVE, vec![int("a", 10, 20, 5)]),
        counter(0, vec![int("a", 10, 20, 5)]),
        gauge(vec![int("a", 10, 20, 5)]),
        summary(10, 20, 1, 2.0),
    ] {
        assert_eq!(stand.through(metric.clone()).await, Some(metric));
    }
    assert_eq!(stand.metric("sluice_processor_streams", None), 0.0);
}

#[tokio::test]
async fn a_gap_is_bridged_and_late_points_are_dropped_and_counted() {
    let stand = stand("").await;
    stand.through(counter(DELTA, vec![int("a", 10, 20, 5)])).await;
    let bridged = stand.through(counter(DELTA, vec![int("a", 25, 30, 2)])).await;
    assert_eq!(sums(bridged), (CUMULATIVE, vec![(10, 30, 7)]));
    assert_eq!(stand.through(counter(DELTA, vec![int("a", 10, 20, 5)])).await, None);
    assert_eq!(stand.through(counter(DELTA, vec![int("a", 5, 40, 5)])).await, None);
    assert_eq!(stand.dropped(), 2);
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("out_of_order")), 1.0);
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("older_start")), 1.0);
    let next = stand.through(counter(DELTA, vec![int("a", 30, 40, 1)])).await;
    assert_eq!(sums(next), (CUMULATIVE, vec![(10, 40, 8)]));
}

#[tokio::test]
async fn a_batch_that_was_refused_gives_the_same_sums_when_it_comes_again() {
    let stand = stand("").await;
    stand.through(counter(DELTA, vec![int("a", 10, 20, 5)])).await;
    stand.refuse(true);
    let again = counter(DELTA, vec![int("a", 20, 30, 2)]);
    stand.send(again.clone()).await.unwrap_err();
    stand.send(again.clone()).await.unwrap_err();
    stand.refuse(false);
    assert_eq!(sums(stand.through(again).await), (CUMULATIVE, vec![(10, 30, 7)]));
    assert_eq!((stand.filtered(), stand.dropped()), (0, 0));
}

#[tokio::test]
async fn nothing_is_booked_for_a_batch_that_was_refused() {
    let stand = stand("{max_streams: 1}").await;
    stand.refuse(true);
    stand.send(counter(DELTA, vec![int("a", 10, 20, 5), int("b", 10, 20, 5)])).await.unwrap_err();
    assert_eq!((stand.filtered(), stand.dropped()), (0, 0));
    stand.refuse(false);
    stand.send(counter(DELTA, vec![int("a", 10, 20, 5), int("b", 10, 20, 5)])).await.unwrap();
    assert_eq!((stand.filtered(), stand.dropped()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn streams_beyond_the_limit_are_dropped_until_one_fell_silent() {
    let stand = stand("{max_streams: 1, max_stale: 1m}").await;
    stand.through(counter(DELTA, vec![int("a", 10, 20, 5)])).await;
    assert_eq!(stand.through(counter(DELTA, vec![int("b", 10, 20, 5)])).await, None);
    assert_eq!((stand.filtered(), stand.dropped()), (0, 1));
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("limit")), 1.0);
    tokio::time::advance(Duration::from_secs(61)).await;
    let other = stand.through(counter(DELTA, vec![int("b", 70, 80, 5)])).await;
    assert_eq!(sums(other), (CUMULATIVE, vec![(70, 80, 5)]));
    assert_eq!(stand.metric("sluice_processor_streams", None), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_silent_for_max_stale_starts_anew() {
    let stand = stand("{max_stale: 1m}").await;
    stand.through(counter(DELTA, vec![int("a", 10, 20, 5)])).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let kept = stand.through(counter(DELTA, vec![int("a", 20, 30, 5)])).await;
    assert_eq!(sums(kept), (CUMULATIVE, vec![(10, 30, 10)]));
    tokio::time::advance(Duration::from_secs(61)).await;
    let anew = stand.through(counter(DELTA, vec![int("a", 30, 40, 5)])).await;
    assert_eq!(sums(anew), (CUMULATIVE, vec![(30, 40, 5)]));
}

#[tokio::test]
async fn a_point_without_a_value_passes_and_leaves_the_sum() {
    let stand = stand("").await;
    stand.through(counter(DELTA, vec![int("a", 10, 20, 5)])).await;
    let marker = counter(DELTA, vec![stale("a", 25)]);
    assert_eq!(stand.through(marker).await, Some(counter(CUMULATIVE, vec![stale("a", 25)])));
    let next = stand.through(counter(DELTA, vec![int("a", 20, 30, 2)])).await;
    assert_eq!(sums(next), (CUMULATIVE, vec![(10, 30, 7)]));
}

#[tokio::test]
async fn nothing_is_held_at_shutdown() {
    let stand = stand("").await;
    stand.through(counter(DELTA, vec![int("a", 10, 20, 5)])).await;
    stand.shutdown().await;
    assert_eq!((stand.batches(), stand.balance().held()), (1, 0));
}

#[tokio::test]
async fn a_marker_of_a_stream_that_nobody_knows_takes_no_place() {
    let stand = stand("{max_streams: 1}").await;
    let marker = stand.through(counter(DELTA, vec![stale("b", 10)])).await;
    assert_eq!(marker, Some(counter(CUMULATIVE, vec![stale("b", 10)])));
    assert!(stand.through(counter(DELTA, vec![int("a", 10, 20, 5)])).await.is_some());
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("limit")), 0.0);
}
