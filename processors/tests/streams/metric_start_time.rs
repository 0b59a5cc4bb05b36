use std::time::Duration;

use sluice_pdata::otlp::metrics::v1::{Metric, metric::Data, number_data_point::Value};

use crate::stand::*;

async fn stand(yaml: &str) -> Stand {
    Stand::new("metricstarttime", yaml).await
}

/// A cumulative counter of one stream without a start time.
fn total(time: u64, value: i64) -> Metric {
    counter(CUMULATIVE, vec![int("a", 0, time, value)])
}

#[tokio::test]
async fn true_reset_point_starts_each_stream_at_its_first_point() {
    let stand = stand("").await;
    assert_eq!(sums(stand.through(total(S, 5)).await), (CUMULATIVE, vec![(S, S, 5)]));
    assert_eq!(sums(stand.through(total(2 * S, 5)).await).1, [(S, 2 * S, 5)]);
    let both = counter(CUMULATIVE, vec![int("b", 0, 3 * S, 1), int("a", 0, 3 * S, 9)]);
    assert_eq!(sums(stand.through(both).await).1, [(3 * S, 3 * S, 1), (S, 3 * S, 9)]);
    assert_eq!((stand.filtered(), stand.dropped()), (0, 0));
}

#[tokio::test]
async fn a_counter_that_falls_restarts_a_millisecond_before() {
    let stand = stand("").await;
    stand.through(total(S, 5)).await;
    assert_eq!(sums(stand.through(total(2 * S, 4)).await).1, [(2 * S - MS, 2 * S, 4)]);
    assert_eq!(sums(stand.through(total(3 * S, 6)).await).1, [(2 * S - MS, 3 * S, 6)]);
}

#[tokio::test]
async fn every_kind_has_its_resets() {
    let stand = stand("").await;
    stand.through(histogram(CUMULATIVE, 0, S, &[1.0], &[3, 3], 9.0)).await;
    let grown = histogram_of(stand.through(histogram(CUMULATIVE, 0, 2 * S, &[1.0], &[3, 4], 12.0)).await);
    assert_eq!(grown.start_time_unix_nano, S);
    assert_eq!((grown.min, grown.max, grown.count), (Some(0.0), Some(9.0), 7), "the rest stays");
    let reset = histogram_of(stand.through(histogram(CUMULATIVE, 0, 3 * S, &[1.0], &[2, 9], 19.0)).await);
    assert_eq!(reset.start_time_unix_nano, 3 * S - MS);

    stand.through(exponential(CUMULATIVE, 0, S, 1, &[3, 3])).await;
    let grown = exponential_of(stand.through(exponential(CUMULATIVE, 0, 2 * S, 0, &[7])).await);
    assert_eq!(grown.start_time_unix_nano, S);
    let reset = exponential_of(stand.through(exponential(CUMULATIVE, 0, 3 * S, 0, &[6, 3])).await);
    assert_eq!(reset.start_time_unix_nano, 3 * S - MS);

    stand.through(summary(0, S, 3, 9.0)).await;
    let grown = summary_of(stand.through(summary(0, 2 * S, 4, 10.0)).await);
    assert_eq!(grown.start_time_unix_nano, S);
    let reset = summary_of(stand.through(summary(0, 3 * S, 3, 11.0)).await);
    assert_eq!(reset.start_time_unix_nano, 3 * S - MS);
    assert_eq!(reset.quantile_values.len(), 1);
}

#[tokio::test]
async fn an_up_down_counter_that_falls_was_not_reset() {
    let stand = stand("").await;
    stand.through(up_down(CUMULATIVE, vec![int("a", 0, S, 5)])).await;
    let fallen = stand.through(up_down(CUMULATIVE, vec![int("a", 0, 2 * S, 4)])).await;
    assert_eq!(sums(fallen).1, [(S, 2 * S, 4)]);
}

#[tokio::test]
async fn what_has_a_start_time_or_none_to_have_passes_untouched() {
    for strategy in ["true_reset_point", "subtract_initial_point", "start_time_metric"] {
        let stand = stand(&format!("{{strategy: {strategy}}}")).await;
        for metric in [
            counter(CUMULATIVE, vec![int("a", S, 2 * S, 5)]),
            counter(DELTA, vec![int("a", 0, 2 * S, 5)]),
            counter(0, vec![int("a", 0, 2 * S, 5)]),
            gauge(vec![int("a", 0, 2 * S, 5)]),
            histogram(CUMULATIVE, S, 2 * S, &[1.0], &[1, 1], 2.0),
            histogram(DELTA, 0, 2 * S, &[1.0], &[1, 1], 2.0),
            summary(S, 2 * S, 1, 1.0),
        ] {
            assert_eq!(stand.through(metric.clone()).await, Some(metric), "{strategy}");
        }
        assert_eq!(stand.metric("sluice_processor_streams", None), 0.0);
    }
}

#[tokio::test]
async fn a_marker_of_staleness_gets_the_start_and_is_no_reset() {
    let stand = stand("").await;
    let first = counter(CUMULATIVE, vec![stale("a", S)]);
    assert_eq!(stand.through(first.clone()).await, Some(first), "nothing is known of the stream");
    stand.through(total(2 * S, 5)).await;
    let Some(Data::Sum(marked)) =
        stand.through(counter(CUMULATIVE, vec![stale("a", 3 * S)])).await.unwrap().data
    else {
        panic!("a sum")
    };
    let point = &marked.data_points[0];
    assert_eq!((point.start_time_unix_nano, point.flags, point.value), (2 * S, 1, None));
    assert_eq!(sums(stand.through(total(4 * S, 5)).await).1, [(2 * S, 4 * S, 5)]);
}

#[tokio::test]
async fn a_late_point_is_no_reset() {
    let stand = stand("").await;
    stand.through(total(2 * S, 5)).await;
    stand.through(total(4 * S, 9)).await;
    assert_eq!(sums(stand.through(total(3 * S, 7)).await).1, [(2 * S, 3 * S, 7)]);
    let before = total(S, 1);
    assert_eq!(stand.through(before.clone()).await, Some(before), "older than the start");
    assert_eq!(sums(stand.through(total(5 * S, 9)).await).1, [(2 * S, 5 * S, 9)]);
}

#[tokio::test]
async fn subtract_initial_point_leaves_out_the_first_and_counts_from_there() {
    let stand = stand("{strategy: subtract_initial_point}").await;
    assert_eq!(stand.through(total(S, 5)).await, None);
    assert_eq!((stand.filtered(), stand.dropped()), (1, 0));
    assert_eq!(sums(stand.through(total(2 * S, 5)).await), (CUMULATIVE, vec![(S, 2 * S, 0)]));
    assert_eq!(sums(stand.through(total(3 * S, 9)).await).1, [(S, 3 * S, 4)]);
    // After a reset everything counts.
    assert_eq!(sums(stand.through(total(4 * S, 3)).await).1, [(4 * S - MS, 4 * S, 3)]);
    assert_eq!(sums(stand.through(total(5 * S, 7)).await).1, [(4 * S - MS, 5 * S, 7)]);
    assert_eq!((stand.filtered(), stand.dropped()), (1, 0));
}

#[tokio::test]
async fn a_reset_below_the_last_point_and_above_the_first_is_seen() {
    let stand = stand("{strategy: subtract_initial_point}").await;
    stand.through(total(S, 5)).await;
    stand.through(total(2 * S, 9)).await;
    assert_eq!(sums(stand.through(total(3 * S, 7)).await).1, [(3 * S - MS, 3 * S, 7)]);
}

#[tokio::test]
async fn subtract_initial_point_subtracts_from_histograms_and_summaries() {
    let stand = stand("{strategy: subtract_initial_point}").await;
    assert_eq!(stand.through(histogram(CUMULATIVE, 0, S, &[1.0], &[3, 3], 9.0)).await, None);
    let rest = histogram_of(stand.through(histogram(CUMULATIVE, 0, 2 * S, &[1.0], &[3, 5], 12.0)).await);
    assert_eq!((rest.start_time_unix_nano, rest.count, rest.sum), (S, 2, Some(3.0)));
    assert_eq!((rest.bucket_counts, rest.min, rest.max), (vec![0, 2], None, None));

    assert_eq!(stand.through(exponential(CUMULATIVE, 0, S, 1, &[3, 3])).await, None);
    let rest = exponential_of(stand.through(exponential(CUMULATIVE, 0, 2 * S, 0, &[7, 1])).await);
    assert_eq!((rest.start_time_unix_nano, rest.count), (S, 2));
    assert_eq!(rest.positive.unwrap().bucket_counts, [1, 1]);

    assert_eq!(stand.through(summary(0, S, 3, 9.0)).await, None);
    let rest = summary_of(stand.through(summary(0, 2 * S, 4, 10.0)).await);
    assert_eq!((rest.start_time_unix_nano, rest.count, rest.sum), (S, 1, 1.0));
    assert_eq!(rest.quantile_values.len(), 1, "quantiles stay");
}

#[tokio::test]
async fn subtract_initial_point_keeps_the_values_of_up_down_counters() {
    let stand = stand("{strategy: subtract_initial_point}").await;
    let first = stand.through(up_down(CUMULATIVE, vec![int("a", 0, S, 5)])).await;
    assert_eq!(sums(first).1, [(S, S, 5)]);
}

#[tokio::test]
async fn a_batch_that_was_refused_gives_the_same_when_it_comes_again() {
    for (strategy, expected) in
        [("true_reset_point", (S, 2 * S, 9)), ("subtract_initial_point", (S, 2 * S, 4))]
    {
        let stand = stand(&format!("{{strategy: {strategy}}}")).await;
        stand.refuse(true);
        for _ in 0..2 {
            let first = stand.send(total(S, 5)).await;
            assert_eq!(first.is_err(), strategy == "true_reset_point");
        }
        for _ in 0..2 {
            stand.send(total(2 * S, 9)).await.unwrap_err();
        }
        stand.refuse(false);
        assert_eq!(sums(stand.through(total(2 * S, 9)).await).1, [expected]);
    }
}

/// What a client library of Prometheus says of the start of its process.
fn process_started(name: &str, seconds: f64) -> Metric {
    Metric { name: name.to_owned(), ..gauge(vec![number("p", 0, 100 * S, Some(Value::AsDouble(seconds)))]) }
}

#[tokio::test]
async fn start_time_metric_starts_the_streams_of_each_resource_with_its_process() {
    let stand = stand("{strategy: start_time_metric}").await;
    let mut both = request("r", vec![total(100 * S, 5), process_started("process_start_time_seconds", 42.5)]);
    let other = request("q", vec![process_started("process_start_time_seconds", 50.0), total(100 * S, 6)]);
    both.resource_metrics.extend(other.resource_metrics);
    stand.send_all(both).await.unwrap();
    let out = stand.last();
    assert_eq!(sums(Some(out[0].clone())).1, [(42 * S + 500 * MS, 100 * S, 5)]);
    assert_eq!(sums(Some(out[3].clone())).1, [(50 * S, 100 * S, 6)]);
    // Later points keep it, and resets are seen.
    stand.send_all(request("r", vec![total(101 * S, 7)])).await.unwrap();
    assert_eq!(sums(stand.last().pop()).1, [(42 * S + 500 * MS, 101 * S, 7)]);
    stand.send_all(request("r", vec![total(102 * S, 2)])).await.unwrap();
    assert_eq!(sums(stand.last().pop()).1, [(102 * S - MS, 102 * S, 2)]);
}

#[tokio::test]
async fn start_time_metric_may_have_another_name() {
    let stand =
        stand("{strategy: start_time_metric, start_time_metric_regex: '^.+_process_start_time_seconds$'}")
            .await;
    let metrics = vec![process_started("app_process_start_time_seconds", 7.0), total(100 * S, 5)];
    stand.send_all(request("r", metrics)).await.unwrap();
    assert_eq!(sums(stand.last().pop()).1, [(7 * S, 100 * S, 5)]);
}

#[tokio::test]
async fn without_a_start_time_metric_streams_start_with_the_collector_but_not_after_their_points() {
    let stand = stand("{strategy: start_time_metric}").await;
    // Long before the collector started.
    assert_eq!(sums(stand.through(total(100 * S, 5)).await).1, [(100 * S, 100 * S, 5)]);
    // Long after.
    let later = 4_000_000_000 * S;
    let out = sums(stand.through(counter(CUMULATIVE, vec![int("b", 0, later, 5)])).await).1;
    let year_2020 = 1_577_836_800 * S;
    assert!(out[0].0 > year_2020 && out[0].0 < later, "{out:?}");
    for nonsense in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        let metrics = vec![process_started("process_start_time_seconds", nonsense), total(100 * S, 5)];
        stand.send_all(request(&nonsense.to_string(), metrics)).await.unwrap();
        assert_eq!(sums(stand.last().pop()).1, [(100 * S, 100 * S, 5)]);
    }
}

#[tokio::test]
async fn streams_beyond_the_limit_pass_as_they_are_and_are_counted() {
    let stand = stand("{max_streams: 1}").await;
    stand.through(total(S, 5)).await;
    let other = counter(CUMULATIVE, vec![int("b", 0, S, 5)]);
    assert_eq!(stand.through(other.clone()).await, Some(other));
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("limit")), 1.0);
    assert_eq!((stand.filtered(), stand.dropped()), (0, 0));
}

#[tokio::test]
async fn streams_that_have_a_start_time_take_no_room() {
    let stand = stand("{max_streams: 1}").await;
    let started = counter(CUMULATIVE, vec![int("b", S, 2 * S, 5), int("c", S, 2 * S, 5)]);
    assert_eq!(stand.through(started.clone()).await, Some(started));
    assert_eq!(sums(stand.through(total(2 * S, 5)).await).1, [(2 * S, 2 * S, 5)]);
    assert_eq!(sums(stand.through(total(3 * S, 6)).await).1, [(2 * S, 3 * S, 6)], "it is remembered");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_silent_for_gc_interval_starts_anew() {
    let stand = stand("{gc_interval: 1m}").await;
    stand.through(total(S, 5)).await;
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(sums(stand.through(total(62 * S, 5)).await).1, [(62 * S, 62 * S, 5)]);
}

#[tokio::test]
async fn a_marker_of_a_stream_that_nobody_knows_takes_no_place() {
    let stand = stand("{max_streams: 1}").await;
    stand.through(counter(CUMULATIVE, vec![stale("b", S)])).await;
    assert_eq!(sums(stand.through(total(2 * S, 5)).await).1, [(2 * S, 2 * S, 5)]);
    stand.through(counter(CUMULATIVE, vec![stale("b", 3 * S)])).await;
    assert_eq!(stand.metric("sluice_processor_unconverted_points", Some("limit")), 0.0);
}
