//! A4: classic histograms, and those with custom buckets.

use sluice_formats::prometheus::from_otlp::{Options, Reason, SeriesSet, translate};
use sluice_pdata::otlp::metrics::v1::HistogramDataPoint;

use crate::foreign::{sent, sent_and_lost, sent_with, without_metadata};
use crate::otlp::{CUMULATIVE, MS, attributes, buckets, exemplar, histogram, of};

fn point() -> HistogramDataPoint {
    let mut point = buckets(5, Some(7.5), &[0.005, 1.0, 100_000.0], &[1, 2, 0, 3]);
    point.attributes = attributes(&[("a", "b"), ("zone", "z")]);
    point.start_time_unix_nano = 2 * MS;
    point
}

fn lines(point: HistogramDataPoint) -> Vec<String> {
    without_metadata(sent(&of(vec![histogram("h", CUMULATIVE, vec![point])])))
}

#[test]
fn a_histogram_is_count_sum_and_cumulative_buckets() {
    assert_eq!(
        lines(point()),
        [
            r#"h_count{a="b",zone="z"} 6@5<2"#,
            r#"h_sum{a="b",zone="z"} 7.5@5<2"#,
            r#"h_bucket{a="b",le="0.005",zone="z"} 1@5<2"#,
            r#"h_bucket{a="b",le="1",zone="z"} 3@5<2"#,
            r#"h_bucket{a="b",le="100000",zone="z"} 3@5<2"#,
            r#"h_bucket{a="b",le="+Inf",zone="z"} 6@5<2"#,
        ]
    );
}

#[test]
fn an_absent_sum_is_no_series_and_infinity_is_the_count() {
    let point = HistogramDataPoint { sum: None, count: 9, ..point() };
    let lines = lines(point);
    assert_eq!(
        (lines.len(), lines.last().unwrap().as_str()),
        (5, r#"h_bucket{a="b",le="+Inf",zone="z"} 9@5<2"#)
    );
    assert!(lines.iter().all(|line| !line.starts_with("h_sum")));
}

#[test]
fn without_buckets_there_is_infinity() {
    let point = HistogramDataPoint { count: 4, time_unix_nano: MS, ..HistogramDataPoint::default() };
    assert_eq!(lines(point), ["h_count 4@1", r#"h_bucket{le="+Inf"} 4@1"#]);
    let point = HistogramDataPoint { explicit_bounds: vec![1.0], ..buckets(1, None, &[], &[]) };
    assert_eq!(lines(point), ["h_count 0@1", r#"h_bucket{le="+Inf"} 0@1"#]);
}

#[test]
fn a_bound_of_infinity_is_not_said_twice() {
    let lines = lines(buckets(1, None, &[1.0, f64::INFINITY], &[1, 2, 0]));
    assert_eq!(lines, ["h_count 3@1", r#"h_bucket{le="1"} 1@1"#, r#"h_bucket{le="+Inf"} 3@1"#]);
}

#[test]
fn all_series_of_a_stale_histogram_end() {
    for counts in [vec![1, 2, 0, 3], vec![]] {
        let lines = lines(HistogramDataPoint { flags: 1, sum: None, bucket_counts: counts, ..point() });
        assert_eq!(lines.len(), 6);
        assert!(lines.iter().all(|line| line.ends_with(" stale@5<2")), "{lines:?}");
    }
}

#[test]
fn exemplars_stand_at_the_first_bucket_that_holds_them() {
    let mut point = buckets(5, None, &[1.0, 2.0], &[1, 1, 1]);
    point.exemplars =
        [0.5, 1.0, 1.5, 3.0].iter().zip(1..).map(|(&value, at)| exemplar(at, value, &[])).collect();
    for exemplar in &mut point.exemplars {
        exemplar.span_id.clear();
    }
    let trace = r#"{trace_id="01010101010101010101010101010101"}"#;
    assert_eq!(
        lines(point)[1..],
        [
            format!(r#"h_bucket{{le="1"}} 1@5 # {trace} 0.5@1 # {trace} 1@2"#),
            format!(r#"h_bucket{{le="2"}} 2@5 # {trace} 1.5@3"#),
            format!(r#"h_bucket{{le="+Inf"}} 3@5 # {trace} 3@4"#),
        ]
    );
}

#[test]
fn an_attribute_that_is_called_as_a_bound_loses_to_it() {
    let mut point = buckets(1, None, &[], &[3]);
    point.attributes = attributes(&[("le", "mine")]);
    assert_eq!(lines(point), [r#"h_count{le="mine"} 3@1"#, r#"h_bucket{le="+Inf"} 3@1"#]);
}

#[test]
fn buckets_that_do_not_match_their_bounds_are_lost() {
    let points = vec![buckets(1, None, &[1.0], &[1, 2, 3]), buckets(1, None, &[1.0, 2.0], &[1, 2])];
    let (lines, lost) =
        sent_and_lost(&of(vec![histogram("h", CUMULATIVE, points)]), &Options::default(), None);
    assert!(lines.is_empty());
    assert_eq!(lost, ["h: bucket_mismatch 2"]);
}

#[test]
fn bounds_that_do_not_ascend_are_lost() {
    let bad = [&[2.0, 1.0][..], &[1.0, 1.0], &[f64::NAN, 1.0], &[1.0, f64::NAN], &[f64::NEG_INFINITY, 1.0]];
    let points = bad.map(|bounds| buckets(1, None, bounds, &[1, 1, 1])).to_vec();
    let (lines, lost) =
        sent_and_lost(&of(vec![histogram("h", CUMULATIVE, points)]), &Options::default(), None);
    assert!(lines.is_empty());
    assert_eq!(lost, ["h: bucket_mismatch 5"]);
}

#[test]
fn bounds_may_change_from_point_to_point() {
    let points = vec![buckets(1, None, &[1.0, 2.0], &[1, 1, 1]), buckets(2, None, &[1.0, 4.0], &[2, 2, 2])];
    let lines = without_metadata(sent(&of(vec![histogram("h", CUMULATIVE, points)])));
    assert_eq!(
        lines,
        [
            "h_count 3@1 6@2",
            r#"h_bucket{le="1"} 1@1 2@2"#,
            r#"h_bucket{le="2"} 2@1"#,
            r#"h_bucket{le="+Inf"} 3@1 6@2"#,
            r#"h_bucket{le="4"} 4@2"#,
        ]
    );
}

fn custom(points: Vec<HistogramDataPoint>) -> (Vec<String>, Vec<String>) {
    let options = Options { custom_buckets: true, ..Options::default() };
    sent_and_lost(&of(vec![histogram("h", CUMULATIVE, points)]), &options, None)
}

#[test]
fn explicit_bounds_become_custom_buckets_where_that_is_asked_for() {
    let options = Options { custom_buckets: true, ..Options::default() };
    let data = of(vec![histogram("h", CUMULATIVE, vec![point()])]);
    assert_eq!(
        sent_with(&data, &options),
        [
            r#"h{a="b",zone="z"} [schema=-53 count=6 sum=7.5 zero=0/0 +{0: 1, 1: 2, 3: 3} bounds=[0.005, 1.0, 100000.0]]@5<2 : histogram"#
        ]
    );
    let none = HistogramDataPoint { count: 4, time_unix_nano: MS, ..HistogramDataPoint::default() };
    let stale = HistogramDataPoint { flags: 1, time_unix_nano: 2 * MS, ..HistogramDataPoint::default() };
    assert_eq!(
        without_metadata(custom(vec![none, stale]).0),
        ["h [schema=-53 count=4 sum=0 zero=0/0 +{0: 4}]@1 [schema=-53 count=0 sum=stale zero=0/0]@2"]
    );
}

#[test]
fn custom_buckets_that_prometheus_refuses_are_lost() {
    let falling = buckets(1, None, &[2.0, 1.0], &[1, 1, 1]);
    let infinite = buckets(1, None, &[1.0, f64::INFINITY], &[1, 1, 0]);
    let miscounted = HistogramDataPoint { count: 9, ..buckets(1, None, &[1.0], &[1, 1]) };
    let (lines, lost) = custom(vec![falling, infinite, miscounted]);
    assert!(lines.is_empty());
    assert_eq!(lost, ["h: bucket_mismatch 2", "h: count_mismatch 1"]);
}

/// i3: each of many buckets is a series with each of many labels.
#[test]
fn a_point_that_would_become_too_much_is_lost() {
    let many = 3000_u32;
    let bounds: Vec<f64> = (0..many).map(f64::from).collect();
    let mut point = buckets(1, None, &bounds, &vec![1; bounds.len() + 1]);
    let keys: Vec<String> = (0..many).map(|n| format!("key{n}")).collect();
    point.attributes = attributes(&keys.iter().map(|key| (key.as_str(), "x")).collect::<Vec<_>>());
    let small = buckets(1, None, &[1.0], &[1, 1]);
    let data = of(vec![histogram("h", CUMULATIVE, vec![point.clone(), small])]);
    let (lines, lost) = sent_and_lost(&data, &Options::default(), None);
    assert_eq!((lines.len(), lost), (3, vec!["h: too_large 1".to_owned()]));
    let (lines, _) = custom(vec![point]);
    assert_eq!(lines.len(), 1, "a native histogram is one series");
}

#[test]
fn points_that_would_become_too_much_together_are_lost() {
    // Each takes almost as much as a point may, and three hundred times what it has on the wire.
    let keys: Vec<String> = (0..420).map(|n| format!("k{n}")).collect();
    let attributes = attributes(&keys.iter().map(|key| (key.as_str(), "x")).collect::<Vec<_>>());
    let bounds: Vec<f64> = (0..420).map(f64::from).collect();
    let point = HistogramDataPoint { attributes, ..buckets(1, None, &bounds, &vec![1; 421]) };
    let points = (0..60).map(|at| HistogramDataPoint { time_unix_nano: at * MS, ..point.clone() });
    let data = of(vec![histogram("h", CUMULATIVE, points.collect())]);
    let mut set = SeriesSet::default();
    translate(&data, &Options::default(), None, &mut set);
    let lost: Vec<_> = set.lost().map(|(metric, reason, points)| (metric, reason, points < 30)).collect();
    assert_eq!(lost, [("h", Reason::TooLarge, true)]);
}
