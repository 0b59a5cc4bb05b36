//! Deltas are added up, within bounds.

use std::time::{Duration, Instant};

use sluice_formats::prometheus::from_otlp::{Deltas, Options};
use sluice_pdata::Pdata;
use sluice_pdata::otlp::metrics::v1::ExponentialHistogramDataPoint;

use crate::foreign::{sent_and_lost, without_metadata};
use crate::otlp::{DELTA, MS, buckets, exemplar, exponential, histogram, number, of, sum};

fn adding(deltas: &mut Deltas, data: &Pdata) -> (Vec<String>, Vec<String>) {
    let (lines, lost) = sent_and_lost(data, &Options::default(), Some(deltas));
    (without_metadata(lines), lost)
}

fn lines(deltas: &mut Deltas, data: &Pdata) -> Vec<String> {
    let (lines, lost) = adding(deltas, data);
    assert!(lost.is_empty(), "{lost:?}");
    lines
}

fn deltas() -> Deltas {
    Deltas::new(100, Duration::from_secs(60))
}

fn requests(attributes: &[(&str, &str)], start: u64, at: u64, value: f64) -> Pdata {
    let mut point = number(attributes, at, value);
    point.start_time_unix_nano = start * MS;
    point.exemplars = vec![exemplar(at, value, &[])];
    of(vec![sum("c", DELTA, true, vec![point])])
}

fn number_of(line: &str) -> &str {
    line.split(" #").next().unwrap()
}

#[test]
fn a_counter_s_deltas_are_added_up_by_stream() {
    let mut deltas = deltas();
    for (attributes, start, at, value, want) in [
        (&[("a", "x")][..], 1, 2, 5.0, "c_total{a=\"x\"} 5@2<1"),
        (&[("a", "x")], 2, 4, 3.0, "c_total{a=\"x\"} 8@4<1"),
        (&[("a", "y")], 2, 4, 1.0, "c_total{a=\"y\"} 1@4<2"),
        (&[("a", "x")], 9, 10, 1.0, "c_total{a=\"x\"} 9@10<1"),
    ] {
        let lines = lines(&mut deltas, &requests(attributes, start, at, value));
        assert_eq!(number_of(&lines[0]), want);
        assert!(lines[0].contains("# {span_id="), "exemplars stay");
    }
}

#[test]
fn the_same_batch_once_more_changes_nothing() {
    let mut deltas = deltas();
    let batch = requests(&[], 1, 2, 5.0);
    assert_eq!(lines(&mut deltas, &batch), lines(&mut deltas, &batch));
    assert!(lines(&mut deltas, &requests(&[], 2, 3, 1.0))[0].starts_with("c_total 6@3<1"));
}

#[test]
fn histograms_of_both_kinds_are_added_up() {
    let mut deltas = deltas();
    let classic = |at| of(vec![histogram("h", DELTA, vec![buckets(at, Some(1.5), &[1.0], &[1, 2])])]);
    lines(&mut deltas, &classic(1));
    assert_eq!(
        lines(&mut deltas, &classic(2)),
        ["h_count 6@2", "h_sum 3@2", r#"h_bucket{le="1"} 2@2"#, r#"h_bucket{le="+Inf"} 6@2"#,]
    );
    let native = |at: u64| {
        let point = ExponentialHistogramDataPoint {
            time_unix_nano: at * MS,
            count: 2,
            zero_count: 2,
            ..Default::default()
        };
        of(vec![exponential("n", DELTA, vec![point])])
    };
    lines(&mut deltas, &native(1));
    assert!(lines(&mut deltas, &native(2))[0].contains("count=4"));
}

#[test]
fn what_cannot_be_added_is_lost() {
    let mut deltas = deltas();
    lines(&mut deltas, &requests(&[], 5, 6, 1.0));
    assert_eq!(adding(&mut deltas, &requests(&[], 2, 3, 1.0)).1, ["c: delta_out_of_order 1"]);
    let may_fall = of(vec![sum("u", DELTA, false, vec![number(&[], 1, 1.0)])]);
    assert_eq!(adding(&mut deltas, &may_fall).1, ["u: non_monotonic_delta 1"]);
    let nan = of(vec![sum("n", DELTA, true, vec![number(&[], 1, f64::NAN)])]);
    assert_eq!(adding(&mut deltas, &nan).1, ["n: delta_malformed 1"]);
}

#[test]
fn streams_above_the_limit_are_lost_until_others_expire() {
    let mut deltas = Deltas::new(1, Duration::from_secs(60));
    let start = Instant::now();
    lines(deltas.at(start), &requests(&[("a", "x")], 0, 1, 1.0));
    assert_eq!(adding(deltas.at(start), &requests(&[("a", "y")], 0, 1, 1.0)).1, ["c: delta_limit 1"]);
    let later = start + Duration::from_secs(120);
    let after = lines(deltas.at(later), &requests(&[("a", "y")], 0, 1, 1.0));
    assert_eq!(number_of(&after[0]), "c_total{a=\"y\"} 1@1");
    assert_eq!(deltas.len(), 1);
}

#[test]
fn without_a_place_for_sums_deltas_are_lost() {
    let (lines, lost) = sent_and_lost(&requests(&[], 0, 1, 1.0), &Options::default(), None);
    assert!(lines.is_empty());
    assert_eq!(lost, ["c: delta_temporality 1"]);
}

#[test]
fn a_stale_marker_among_deltas_ends_the_series() {
    let mut deltas = deltas();
    let mut point = number(&[], 3, 0.0);
    point.flags = 1;
    assert_eq!(lines(&mut deltas, &of(vec![sum("c", DELTA, true, vec![point])])), ["c_total stale@3"]);
}
