//! Delimited protobuf, as Prometheus's own IDL encodes it.

use std::path::Path;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use sluice_pdata::otlp::Message;
use sluice_pdata::wire::Write;

use super::*;
use crate::prometheus::model::{Count, MAX_NATIVE_BUCKETS, ResetHint, Span, is_stale};

static FAMILY: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/prometheus");
    let file = protos.join("io/prometheus/client/metrics.proto");
    let files = protox::compile([file], [&protos]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(files).unwrap();
    pool.get_message_by_name("io.prometheus.client.MetricFamily").unwrap()
});

/// Families in protobuf's JSON.
fn body(families: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for family in families {
        let mut json = serde_json::Deserializer::from_str(family);
        let message = DynamicMessage::deserialize(FAMILY.clone(), &mut json).unwrap().encode_to_vec();
        body.put_varint(message.len() as u64);
        body.extend_from_slice(&message);
    }
    body
}

fn protobuf(family: &str, options: ParseOptions) -> Result<Vec<String>, String> {
    read(Format::Protobuf, &body(&[family]), options)
}

/// The samples of a family.
fn samples(family: &str, options: ParseOptions) -> Vec<String> {
    let mut entries = protobuf(family, options).unwrap();
    entries.retain(|entry| entry.starts_with('{'));
    entries
}

const NATIVE: ParseOptions =
    ParseOptions { created_as_start: true, native_histograms: true, always_classic: false };

#[test]
fn families_come_one_after_the_other() {
    let body = body(&[
        r#"{"name":"a_seconds_total","help":"Two\nlines.","unit":"seconds","metric":[
            {"label":[{"name":"x","value":"1"}],"counter":{"value":2},"timestampMs":"7"},{"counter":{"value":3}}]}"#,
        r#"{"name":"my.gauge","type":"GAUGE","metric":[{"gauge":{"value":-1.5}}]}"#,
        r#"{"name":"c","type":"UNTYPED","metric":[{"untyped":{"value":"NaN"}}]}"#,
    ]);
    assert_eq!(
        read(Format::Protobuf, &body, NATIVE).unwrap(),
        [
            "TYPE a_seconds_total counter",
            "HELP a_seconds_total Two\nlines.",
            "UNIT a_seconds_total seconds",
            r#"{__name__="a_seconds_total", x="1"} 2 @7"#,
            r#"{__name__="a_seconds_total"} 3"#,
            "TYPE my.gauge gauge",
            r#"{__name__="my.gauge"} -1.5"#,
            "TYPE c unknown",
            r#"{__name__="c"} NaN"#,
        ]
    );
    assert_eq!(read(Format::Protobuf, b"", NATIVE).unwrap(), Vec::<String>::new());
}

#[test]
fn start_timestamps_are_the_start() {
    let family =
        r#"{"name":"a","metric":[{"counter":{"value":1,"startTimestamp":"1970-01-01T00:00:01.5Z"}}]}"#;
    assert_eq!(samples(family, NATIVE), [r#"{__name__="a"} 1 start 1500"#]);
    let family =
        r#"{"name":"s","type":"SUMMARY","metric":[{"summary":{"startTimestamp":"1970-01-01T00:00:02Z"}}]}"#;
    assert_eq!(samples(family, NATIVE)[0], r#"{__name__="s_count"} 0 start 2000"#);
}

#[test]
fn a_summary_has_count_sum_and_quantiles() {
    let family = r#"{"name":"s","type":"SUMMARY","metric":[{"summary":{"sampleCount":"4","sampleSum":9.5,
        "quantile":[{"quantile":0.5,"value":1},{"quantile":1,"value":"NaN"}]}}]}"#;
    assert_eq!(
        samples(family, NATIVE),
        [
            r#"{__name__="s_count"} 4"#,
            r#"{__name__="s_sum"} 9.5"#,
            r#"{__name__="s", quantile="0.5"} 1"#,
            r#"{__name__="s", quantile="1.0"} NaN"#,
        ]
    );
}

const CLASSIC: &str = r#"{"name":"h","type":"HISTOGRAM","metric":[{"label":[{"name":"x","value":"y"}],"histogram":{
    "sampleCount":"4","sampleSum":9,"startTimestamp":"1970-01-01T00:00:01Z","bucket":[
    {"cumulativeCount":"1","upperBound":0.5,"exemplar":{"label":[{"name":"trace_id","value":"ab"}],"value":0.25}},
    {"cumulativeCountFloat":2.5,"upperBound":1000000}]}}]}"#;

#[test]
fn a_classic_histogram_has_all_its_buckets() {
    assert_eq!(
        samples(CLASSIC, NATIVE),
        [
            r#"{__name__="h_count", x="y"} 4 start 1000"#,
            r#"{__name__="h_sum", x="y"} 9 start 1000"#,
            r#"{__name__="h_bucket", le="0.5", x="y"} 1 start 1000 # {trace_id="ab"} 0.25"#,
            r#"{__name__="h_bucket", le="1e+06", x="y"} 2.5 start 1000"#,
            r#"{__name__="h_bucket", le="+Inf", x="y"} 4 start 1000"#,
        ]
    );
    let infinite = CLASSIC.replace("1000000", "\"Infinity\"");
    assert_eq!(samples(&infinite, NATIVE).len(), 4, "the last bucket is there");
}

#[test]
fn a_gauge_histogram_has_other_suffixes() {
    let family = r#"{"name":"h","type":"GAUGE_HISTOGRAM","metric":[{"histogram":{"sampleCountFloat":1.5}}]}"#;
    assert_eq!(
        samples(family, ParseOptions::default()),
        [
            r#"{__name__="h_gcount"} 1.5"#,
            r#"{__name__="h_gsum"} 0"#,
            r#"{__name__="h_bucket", le="+Inf"} 1.5"#,
        ]
    );
}

const BOTH: &str = r#"{"name":"n","type":"HISTOGRAM","metric":[{"timestampMs":"5","histogram":{"sampleCount":"9","sampleSum":2.5,
    "schema":3,"zeroThreshold":0.001,"zeroCount":"1","positiveSpan":[{"offset":-2,"length":2},{"offset":4,"length":1}],
    "positiveDelta":["1","2","-1"],"negativeSpan":[{"offset":1,"length":1}],"negativeDelta":["2"],
    "bucket":[{"cumulativeCount":"4","upperBound":1,"exemplar":{"value":0.5,"timestamp":"1970-01-01T00:00:01Z"}}]}}]}"#;

/// The native histogram of a family.
fn native(family: &str) -> (NativeHistogram, Vec<Exemplar>) {
    let body = body(&[family]);
    let mut parser = Parser::new(Format::Protobuf, &body, NATIVE);
    loop {
        if let Entry::Sample(Sample { value: Value::Histogram(histogram), exemplars, .. }) =
            parser.next().unwrap().expect("a native histogram")
        {
            return (histogram.clone(), exemplars.to_vec());
        }
    }
}

#[test]
fn a_native_histogram_is_one_sample() {
    let (histogram, exemplars) = native(BOTH);
    assert_eq!((histogram.schema, histogram.sum, histogram.count), (3, 2.5, Count::Int(9)));
    assert_eq!((histogram.zero_threshold, histogram.zero_count), (0.001, Count::Int(1)));
    assert_eq!(histogram.positive.spans, [Span { offset: -2, length: 2 }, Span { offset: 4, length: 1 }]);
    assert_eq!((&histogram.positive.deltas[..], &histogram.negative.deltas[..]), (&[1, 2, -1][..], &[2][..]));
    assert_eq!(exemplars[0].timestamp_ms, Some(1000), "of the classic buckets, as it has none itself");
    assert!(samples(BOTH, NATIVE)[0].starts_with(r#"{__name__="n"} NativeHistogram"#));
    assert_eq!(samples(BOTH, NATIVE).len(), 1);
}

#[test]
fn a_family_with_both_forms_shows_what_is_wanted() {
    assert_eq!(samples(BOTH, ParseOptions { always_classic: true, ..NATIVE }).len(), 5);
    assert_eq!(samples(BOTH, ParseOptions::default())[0], r#"{__name__="n_count"} 9 @5"#);
    let only_native = r#"{"name":"n","type":"HISTOGRAM","metric":[{"histogram":{"positiveSpan":[{}]}}]}"#;
    assert_eq!(samples(only_native, ParseOptions { always_classic: true, ..NATIVE }).len(), 1);
    assert_eq!(samples(only_native, ParseOptions::default()).len(), 3);
}

#[test]
fn float_counts_and_gauges_are_told_apart() {
    let family = r#"{"name":"n","type":"GAUGE_HISTOGRAM","metric":[{"histogram":{"sampleCountFloat":2.5,"zeroCountFloat":0.5,
        "positiveSpan":[{"length":1}],"positiveCount":[2]}}]}"#;
    let (histogram, _) = native(family);
    assert_eq!((histogram.count, histogram.zero_count), (Count::Float(2.5), Count::Float(0.5)));
    assert_eq!((&histogram.positive.counts[..], histogram.reset_hint), (&[2.0][..], ResetHint::Gauge));
}

#[test]
fn native_exemplars_have_a_time() {
    let family = r#"{"name":"n","type":"HISTOGRAM","metric":[{"histogram":{"zeroThreshold":1,"exemplars":[
        {"value":1},{"value":2,"timestamp":"1970-01-01T00:00:03Z","label":[{"name":"a","value":"b"}]}]}}]}"#;
    let (_, exemplars) = native(family);
    assert_eq!(exemplars.len(), 1);
    assert_eq!(
        (exemplars[0].value, exemplars[0].timestamp_ms, exemplars[0].labels.get("a")),
        (2.0, Some(3000), Some("b"))
    );
}

#[test]
fn stale_markers_of_a_target_are_normal_nans() {
    let mut metric = Vec::new();
    let mut gauge = Vec::new();
    gauge.put_fixed64_field(1, crate::prometheus::model::STALE_NAN_BITS);
    metric.put_bytes_field(2, &gauge);
    let mut family = Vec::new();
    family.put_bytes_field(1, b"a");
    family.put_varint_field(3, 1);
    family.put_bytes_field(4, &metric);
    let mut body = Vec::new();
    body.put_varint(family.len() as u64);
    body.extend(family);
    let mut parser = Parser::new(Format::Protobuf, &body, NATIVE);
    assert!(matches!(parser.next().unwrap(), Some(Entry::Type { .. })));
    let Some(Entry::Sample(Sample { value: Value::Float(value), .. })) = parser.next().unwrap() else {
        panic!("no sample");
    };
    assert!(value.is_nan() && !is_stale(value));
}

#[test]
fn a_fault_names_its_family() {
    let ok = r#"{"name":"a","metric":[{"counter":{}}]}"#;
    for (family, reason) in [
        (r#"{"metric":[]}"#, "a metric family has no name"),
        (r#"{"name":"b","metric":[{"gauge":{}}]}"#, "a metric has no value of its family's type"),
        (r#"{"name":"b","metric":[{"counter":{},"label":[{"value":"x"}]}]}"#, "the name of a label is empty"),
    ] {
        let error = read(Format::Protobuf, &body(&[ok, family]), NATIVE).unwrap_err();
        assert_eq!(error, format!("metric family 2: {reason}"));
    }
    let twice = r#"{"name":"b","metric":[{"counter":{},"label":[{"name":"x","value":"1"},{"name":"x","value":"2"}]}]}"#;
    assert_eq!(protobuf(twice, NATIVE).unwrap_err(), "label `x` is there twice");
}

#[test]
fn a_body_that_is_cut_off_is_refused() {
    let body = body(&[BOTH, CLASSIC]);
    let whole = 1 + body.len() - super::protobuf::body(&[CLASSIC]).len();
    for len in (1..body.len()).filter(|len| len + 1 != whole) {
        let error = read(Format::Protobuf, &body[..len], NATIVE).unwrap_err();
        assert!(error.starts_with("metric family "), "{len}: {error}");
    }
}

#[test]
fn i3_buckets_and_exemplars_are_bounded() {
    let deltas = vec![2; MAX_NATIVE_BUCKETS + 1];
    let mut histogram = Vec::new();
    histogram.put_bytes_field(13, &deltas);
    let error = read(Format::Protobuf, &of_histogram(&histogram), NATIVE).unwrap_err();
    assert_eq!(error, "metric family 1: a native histogram has too many buckets");
    let mut histogram = Vec::new();
    for _ in 0..=MAX_NATIVE_BUCKETS {
        histogram.put_bytes_field(9, b"");
    }
    let error = read(Format::Protobuf, &of_histogram(&histogram), NATIVE).unwrap_err();
    assert_eq!(error, "metric family 1: a native histogram has too many buckets");
    let mut histogram = Vec::new();
    histogram.put_varint_field(7, 1);
    for _ in 0..1000 {
        histogram.put_bytes_field(16, b"\x1A\x00");
    }
    let body = of_histogram(&histogram);
    let mut parser = Parser::new(Format::Protobuf, &body, NATIVE);
    parser.next().unwrap();
    let Some(Entry::Sample(sample)) = parser.next().unwrap() else { panic!("no sample") };
    assert_eq!(sample.exemplars.len(), 100);
}

fn of_histogram(histogram: &[u8]) -> Vec<u8> {
    let mut metric = Vec::new();
    metric.put_bytes_field(7, histogram);
    let mut family = Vec::new();
    family.put_bytes_field(1, b"n");
    family.put_varint_field(3, 4);
    family.put_bytes_field(4, &metric);
    let mut body = Vec::new();
    body.put_varint(family.len() as u64);
    body.extend(family);
    body
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(noise: Vec<u8>, place in 0_usize..400, byte: u8) {
        let mut bent = body(&[BOTH, CLASSIC]);
        if let Some(place) = bent.get_mut(place) {
            *place = byte;
        }
        for body in [&noise, &bent] {
            let error = read(Format::Protobuf, body, ParseOptions { always_classic: true, ..NATIVE }).err();
            prop_assert!(error.is_none_or(|error| error.starts_with("metric family ") || error.contains("twice")));
        }
    }
}
