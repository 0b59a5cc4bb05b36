//! A4: exponential histograms.

use sluice_formats::prometheus::from_otlp::Options;
use sluice_pdata::otlp::metrics::v1::ExponentialHistogramDataPoint;
use sluice_pdata::otlp::metrics::v1::exponential_histogram_data_point::Buckets;

use crate::foreign::{sent, sent_and_lost, without_metadata};
use crate::otlp::{CUMULATIVE, MS, exemplar, exponential, of};

fn point(scale: i32) -> ExponentialHistogramDataPoint {
    let buckets = |offset, counts: &[u64]| Some(Buckets { offset, bucket_counts: counts.to_vec() });
    ExponentialHistogramDataPoint {
        time_unix_nano: 5 * MS,
        start_time_unix_nano: 2 * MS,
        count: 16,
        sum: Some(7.5),
        scale,
        zero_count: 1,
        positive: buckets(-2, &[4, 3, 2, 1]),
        negative: buckets(3, &[5]),
        ..ExponentialHistogramDataPoint::default()
    }
}

fn lines(point: ExponentialHistogramDataPoint) -> Vec<String> {
    without_metadata(sent(&of(vec![exponential("h", CUMULATIVE, vec![point])])))
}

#[test]
fn scale_is_schema_and_buckets_are_called_by_their_upper_bounds() {
    assert_eq!(
        lines(point(3)),
        ["h [schema=3 count=16 sum=7.5 zero=1/1e-128 +{-1: 4, 0: 3, 1: 2, 2: 1} -{4: 5}]@5<2"
            .replace("1e-128", &1e-128.to_string())]
    );
}

#[test]
fn a_finer_scale_is_made_coarser() {
    let line = lines(point(9)).remove(0);
    assert!(line.contains("schema=8") && line.contains("+{0: 7, 1: 3} -{2: 5}"), "{line}");
}

#[test]
fn the_point_s_zero_threshold_holds() {
    let line = lines(ExponentialHistogramDataPoint { zero_threshold: 0.25, ..point(0) }).remove(0);
    assert!(line.contains("zero=1/0.25"), "{line}");
}

#[test]
fn an_absent_sum_is_written_as_zero() {
    let line = lines(ExponentialHistogramDataPoint { sum: None, ..point(0) }).remove(0);
    assert!(line.contains("sum=0 "), "{line}");
}

#[test]
fn a_stale_one_has_the_marker_as_its_sum() {
    let line = lines(ExponentialHistogramDataPoint { flags: 1, zero_threshold: 0.5, ..point(0) }).remove(0);
    assert_eq!(line, "h [schema=0 count=0 sum=stale zero=0/0.5]@5<2");
}

#[test]
fn exemplars_stand_at_the_series() {
    let mut point = point(0);
    point.exemplars = vec![exemplar(4, 2.0, &[]), exemplar(3, 1.0, &[]), exemplar(4, 3.0, &[])];
    let line = lines(point).remove(0);
    let at: Vec<&str> = line.split("} ").skip(2).collect();
    assert_eq!(line.matches(" # ").count(), 3);
    assert!(at.last().unwrap().starts_with("3@4"), "{line}");
}

#[test]
fn what_prometheus_cannot_hold_is_lost() {
    let lost = |point| {
        let (lines, lost) =
            sent_and_lost(&of(vec![exponential("h", CUMULATIVE, vec![point])]), &Options::default(), None);
        assert!(lines.is_empty());
        lost
    };
    assert_eq!(lost(point(-5)), ["h: scale_too_coarse 1"]);
    assert_eq!(lost(ExponentialHistogramDataPoint { count: 17, ..point(0) }), ["h: count_mismatch 1"]);
    let too_few = ExponentialHistogramDataPoint { count: 15, sum: Some(f64::NAN), ..point(0) };
    assert_eq!(lost(too_few), ["h: count_mismatch 1"]);
    let huge = Some(Buckets { offset: 0, bucket_counts: vec![u64::MAX] });
    assert_eq!(lost(ExponentialHistogramDataPoint { positive: huge, ..point(0) }), ["h: out_of_range 1"]);
}

/// As Prometheus has it: they are in the count, and make the sum none.
#[test]
fn observations_that_are_no_numbers_are_in_no_bucket() {
    let nan = ExponentialHistogramDataPoint { count: 18, sum: Some(f64::NAN), ..point(0) };
    assert!(lines(nan)[0].starts_with("h [schema=0 count=18 sum=NaN"));
}

#[test]
fn every_scale_that_prometheus_has_passes() {
    for scale in -4..=8 {
        assert!(lines(point(scale))[0].contains(&format!("schema={scale} count=16")));
    }
}
