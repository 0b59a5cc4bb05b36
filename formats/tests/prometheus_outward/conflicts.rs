//! A5 and the order of samples: names with two types, samples of one time, samples out of order.

use std::time::Duration;

use sluice_formats::prometheus::from_otlp::{Deltas, Options};

use crate::foreign::{sent, sent_and_lost, without_metadata};
use crate::otlp::{
    CUMULATIVE, buckets, counter, data, exponential, gauge, histogram, number, of, resource, sum,
};

fn one(value: f64) -> Vec<sluice_pdata::otlp::metrics::v1::NumberDataPoint> {
    vec![number(&[], 1, value)]
}

#[test]
fn of_two_types_under_one_name_the_first_one_stays() {
    let both = of(vec![
        counter("x", one(1.0)),
        gauge("x_total", one(2.0)),
        sum("other", CUMULATIVE, true, one(3.0)),
    ]);
    let (lines, lost) = sent_and_lost(&both, &Options::default(), None);
    assert_eq!(lines, ["x_total 1@1 : counter", "other_total 3@1 : counter"]);
    assert_eq!(lost, ["x_total: type_conflict 1"]);
}

#[test]
fn two_resources_may_differ() {
    let both = data(vec![
        resource(&[("service.name", "a")], vec![counter("x", one(1.0))]),
        resource(&[("service.name", "b")], vec![gauge("x_total", one(2.0))]),
    ]);
    assert_eq!(sent(&both), [r#"x_total{job="a"} 1@1 : counter"#, r#"x_total{job="b"} 2@1 : gauge"#]);
}

#[test]
fn of_two_descriptions_the_first_one_stays() {
    let mut metrics = vec![gauge("x", one(1.0)), gauge("x", vec![number(&[], 2, 2.0)])];
    metrics[0].description = "first".to_owned();
    metrics[1].description = "second".to_owned();
    assert_eq!(sent(&of(metrics)), ["x 1@1 2@2 : gauge \"first\""]);
}

#[test]
fn samples_of_a_series_are_put_in_order() {
    let points = [3, 1, 2].iter().map(|&at| number(&[], at, f64::from(u32::try_from(at).unwrap()))).collect();
    assert_eq!(sent(&of(vec![gauge("g", points)])), ["g 1@1 2@2 3@3 : gauge"]);
}

#[test]
fn of_two_values_in_one_millisecond_the_last_one_stays() {
    let points = vec![number(&[], 2, 5.0), number(&[], 1, 1.0), number(&[], 2, 6.0), number(&[], 2, 7.0)];
    let (lines, lost) = sent_and_lost(&of(vec![gauge("g", points)]), &Options::default(), None);
    assert_eq!(lines, ["g 1@1 7@2 : gauge"]);
    assert_eq!(lost, ["g: duplicate_timestamp 2"]);
}

#[test]
fn the_same_value_twice_is_sent_once_and_nothing_is_lost() {
    let points = vec![number(&[], 2, 5.0), number(&[], 2, 5.0), number(&[], 1, 5.0)];
    assert_eq!(sent(&of(vec![gauge("g", points)])), ["g 5@1 5@2 : gauge"]);
    let twice = || buckets(1, None, &[1.0], &[1, 1]);
    let lines = without_metadata(sent(&of(vec![histogram("h", CUMULATIVE, vec![twice(), twice()])])));
    assert_eq!(lines, ["h_count 2@1", r#"h_bucket{le="1"} 1@1"#, r#"h_bucket{le="+Inf"} 2@1"#]);
}

#[test]
fn a_series_has_numbers_or_histograms() {
    let mixed = data(vec![
        resource(&[], vec![gauge("x", one(1.0))]),
        resource(&[], vec![exponential("x", CUMULATIVE, vec![Default::default()])]),
    ]);
    let (lines, lost) = sent_and_lost(&mixed, &Options::default(), None);
    assert_eq!(lines, ["x 1@1 : gauge"]);
    assert_eq!(lost, ["x: mixed_series 1"]);
}

#[test]
fn what_has_no_known_temporality_is_lost() {
    for temporality in [0, 7] {
        let unknown = of(vec![
            sum("s", temporality, true, one(1.0)),
            histogram("h", temporality, vec![Default::default()]),
            exponential("e", temporality, vec![Default::default(); 2]),
        ]);
        let mut deltas = Deltas::new(100, Duration::from_secs(60));
        let (lines, lost) = sent_and_lost(&unknown, &Options::default(), Some(&mut deltas));
        assert!(lines.is_empty());
        let reason = "unspecified_temporality";
        assert_eq!(lost, [format!("s: {reason} 1"), format!("h: {reason} 1"), format!("e: {reason} 2")]);
    }
}
