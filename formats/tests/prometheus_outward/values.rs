//! A4: numbers, summaries, times, stale markers, exemplars; A5: metadata.

use sluice_formats::prometheus::from_otlp::Options;
use sluice_formats::prometheus::model::STALE_NAN_BITS;
use sluice_pdata::otlp::metrics::v1::{
    Metric, NumberDataPoint, SummaryDataPoint, number_data_point::Value, summary_data_point::ValueAtQuantile,
};

use crate::foreign::{sent, sent_and_lost, without_metadata};
use crate::otlp::{CUMULATIVE, MS, attributes, counter, exemplar, gauge, metric, number, of, sum, summary};

#[test]
fn each_kind_of_number_has_its_type() {
    let one = || vec![number(&[], 1000, 1.5)];
    let data = of(vec![gauge("g", one()), counter("c", one()), sum("updown", CUMULATIVE, false, one())]);
    assert_eq!(sent(&data), ["g 1.5@1000 : gauge", "c_total 1.5@1000 : counter", "updown 1.5@1000 : gauge"]);
}

#[test]
fn integers_are_written_as_floats_and_times_are_cut_to_milliseconds() {
    let point = NumberDataPoint {
        time_unix_nano: 1_999_999,
        start_time_unix_nano: 1_700_000_000_123_999_999,
        value: Some(Value::AsInt(-3)),
        ..NumberDataPoint::default()
    };
    let zero = NumberDataPoint { value: Some(Value::AsInt(0)), ..NumberDataPoint::default() };
    let data = of(vec![counter("c", vec![point]), gauge("g", vec![zero])]);
    assert_eq!(sent(&data), ["c_total -3@1<1700000000123 : counter", "g 0@0 : gauge"]);
}

#[test]
fn every_value_arrives() {
    for value in [0.0, -0.0, -1.25, 1e300, 5e-324, 0.1 + 0.2, f64::INFINITY, f64::NEG_INFINITY] {
        let lines = sent(&of(vec![gauge("g", vec![number(&[], 1, value)])]));
        assert_eq!(lines, [format!("g {value}@1 : gauge")]);
    }
}

#[test]
fn nan_becomes_prometheus_s_own_and_the_stale_marker_keeps_its_bits() {
    let odd = f64::from_bits(0xfff8_0000_0000_00ff);
    let stale = f64::from_bits(STALE_NAN_BITS);
    let flagged = NumberDataPoint { flags: 1, time_unix_nano: 3 * MS, ..NumberDataPoint::default() };
    let points = vec![number(&[], 1, odd), number(&[], 2, stale), flagged];
    assert_eq!(sent(&of(vec![gauge("g", points)])), ["g NaN@1 stale@2 stale@3 : gauge"]);
}

#[test]
fn a_number_without_value_is_lost() {
    let nothing = NumberDataPoint { time_unix_nano: MS, ..NumberDataPoint::default() };
    let data = of(vec![gauge("g", vec![nothing, number(&[], 1, 1.0)])]);
    let (lines, lost) = sent_and_lost(&data, &Options::default(), None);
    assert_eq!((lines, lost), (vec!["g 1@1 : gauge".to_owned()], vec!["g: no_value 1".to_owned()]));
}

fn quantiles(flags: u32) -> SummaryDataPoint {
    let at = |quantile, value| ValueAtQuantile { quantile, value };
    SummaryDataPoint {
        attributes: attributes(&[("a", "b")]),
        time_unix_nano: 5 * MS,
        start_time_unix_nano: 2 * MS,
        count: 7,
        sum: 3.5,
        quantile_values: vec![at(0.5, 1.0), at(1.0, 2.0)],
        flags,
    }
}

#[test]
fn a_summary_is_sum_count_and_quantiles() {
    let lines = [
        "s_count{a=\"b\"} 7@5<2 : summary",
        "s_sum{a=\"b\"} 3.5@5<2 : summary",
        "s{a=\"b\",quantile=\"0.5\"} 1@5<2 : summary",
        "s{a=\"b\",quantile=\"1\"} 2@5<2 : summary",
    ];
    assert_eq!(sent(&of(vec![summary("s", vec![quantiles(0)])])), lines);
}

#[test]
fn all_series_of_a_stale_summary_end() {
    let lines = without_metadata(sent(&of(vec![summary("s", vec![quantiles(1)])])));
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line.ends_with(" stale@5<2")), "{lines:?}");
}

const TRACE: &str = r#"span_id="abababababababab",trace_id="01010101010101010101010101010101""#;

#[test]
fn exemplars_of_sums_name_their_trace() {
    let mut point = number(&[], 10, 5.0);
    point.exemplars = vec![exemplar(9, 0.5, &[("user.id", "x")])];
    let mut of_gauge = number(&[], 10, 5.0);
    of_gauge.exemplars = vec![exemplar(9, 0.5, &[])];
    let lines = sent(&of(vec![counter("c", vec![point]), gauge("g", vec![of_gauge])]));
    let labels = format!("{{{TRACE},user_id=\"x\"}}");
    assert_eq!(lines, [format!("c_total 5@10 # {labels} 0.5@9 : counter"), "g 5@10 : gauge".to_owned()]);
}

#[test]
fn attributes_of_an_exemplar_go_with_it_all_or_none() {
    // The ids and their names are 63 characters.
    for (len, fits) in [(64, true), (65, false)] {
        let mut point = number(&[], 10, 5.0);
        point.exemplars = vec![exemplar(9, 1.0, &[("k", &"é".repeat(len))])];
        let lines = sent(&of(vec![counter("c", vec![point])]));
        assert_eq!(lines[0].contains('é'), fits, "{len}");
        assert!(lines[0].contains(TRACE.split(',').next().unwrap()));
    }
}

#[test]
fn an_exemplar_s_ids_are_not_overwritten() {
    let mut point = number(&[], 10, 5.0);
    let mut bare = exemplar(9, 1.0, &[("k", "v")]);
    (bare.trace_id, bare.span_id) = (vec![], vec![]);
    point.exemplars = vec![exemplar(8, 1.0, &[("trace_id", "mine")]), bare];
    let lines = sent(&of(vec![counter("c", vec![point])]));
    assert_eq!(lines, [format!("c_total 5@10 # {{{TRACE}}} 1@8 # {{k=\"v\"}} 1@9 : counter")]);
}

fn described(mut metric: Metric, description: &str, unit: &str) -> Metric {
    description.clone_into(&mut metric.description);
    unit.clone_into(&mut metric.unit);
    metric
}

#[test]
fn metadata_is_type_help_and_unit() {
    let data = of(vec![described(counter("c", vec![number(&[], 1, 1.0)]), "What it is", "By/s")]);
    assert_eq!(sent(&data), [r#"c_bytes_per_second_total 1@1 : counter "What it is" bytes_per_second"#]);
}

#[test]
fn a_type_that_otlp_lacks_comes_back() {
    for (word, data) in [
        ("unknown", gauge("x", vec![number(&[], 1, 1.0)])),
        ("info", sum("x", CUMULATIVE, false, vec![number(&[], 1, 1.0)])),
        ("stateset", sum("x", CUMULATIVE, false, vec![number(&[], 1, 1.0)])),
    ] {
        let mut metric = data;
        metric.metadata = attributes(&[("prometheus.type", word)]);
        let word = if word == "unknown" { "unspecified" } else { word };
        assert_eq!(sent(&of(vec![metric])), [format!("x 1@1 : {word}")]);
    }
    let mut metric = gauge("x", vec![number(&[], 1, 1.0)]);
    metric.metadata = attributes(&[("prometheus.type", "histogram")]);
    assert_eq!(sent(&of(vec![metric])), ["x 1@1 : gauge"]);
}

#[test]
fn a_metric_without_kind_is_lost_without_a_trace() {
    let mut nothing =
        metric("x", "", sluice_pdata::otlp::metrics::v1::metric::Data::Gauge(Default::default()));
    nothing.data = None;
    assert_eq!(sent(&of(vec![nothing, gauge("g", vec![number(&[], 1, 1.0)])])), ["g 1@1 : gauge"]);
}
