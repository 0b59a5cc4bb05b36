//! Requests of both versions, as Prometheus's own IDL encodes them.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use sluice_pdata::otlp::Message;
use sluice_pdata::wire::Write;

use super::*;
use crate::prometheus::model::STALE_NAN_BITS;
use crate::prometheus::to_otlp::tests::show;

fn descriptor(file: &str, message: &str) -> MessageDescriptor {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/prometheus");
    let files = protox::compile([protos.join(file)], [&protos]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(files).unwrap();
    pool.get_message_by_name(message).unwrap()
}

static V1: LazyLock<MessageDescriptor> =
    LazyLock::new(|| descriptor("remote.proto", "prometheus.WriteRequest"));
static V2: LazyLock<MessageDescriptor> =
    LazyLock::new(|| descriptor("io/prometheus/write/v2/types.proto", "io.prometheus.write.v2.Request"));

fn encode(descriptor: &MessageDescriptor, json: &str) -> Vec<u8> {
    let mut json = serde_json::Deserializer::from_str(json);
    DynamicMessage::deserialize(descriptor.clone(), &mut json).unwrap().encode_to_vec()
}

fn v1(json: &str) -> Vec<u8> {
    encode(&V1, json)
}

fn v2(json: &str) -> Vec<u8> {
    encode(&V2, json)
}

fn translate(version: Version, body: &[u8], known: &Known) -> Result<Translated, Malformed> {
    to_otlp(version, body, known, ("sluice", ""), &Limits::default())
}

/// The metrics of a request, what was rejected, and how many samples, histograms and exemplars were taken.
fn metrics(version: Version, body: &[u8], known: &Known) -> (Vec<String>, [usize; 3]) {
    let Translated { request, written } = translate(version, body, known).unwrap();
    let mut lines = show(&request);
    lines.retain(|line| !line.starts_with("scope"));
    lines.extend(
        request
            .rejected
            .iter()
            .map(|(metric, reason, samples)| format!("rejected {metric}: {samples} {reason}")),
    );
    (lines, [written.samples, written.histograms, written.exemplars])
}

const COUNTER_V1: &str = r#"{"timeseries":[{"labels":[{"name":"__name__","value":"a_total"},{"name":"job","value":"j"},
    {"name":"x","value":"é"}],"samples":[{"value":1,"timestamp":"1000"},{"value":2,"timestamp":"2000"}],
    "exemplars":[{"labels":[{"name":"k","value":"v"}],"value":0.5,"timestamp":"1500"}]}]}"#;

const COUNTER_V2: &str = r#"{"symbols":["","__name__","a_total","job","j","x","é","Help.","seconds","k","v"],"timeseries":[{
    "labelsRefs":[1,2,3,4,5,6],"samples":[{"value":1,"timestamp":"1000","startTimestamp":"500"},{"value":2,"timestamp":"2000"}],
    "exemplars":[{"labelsRefs":[9,10],"value":0.5,"timestamp":"1500"}],
    "metadata":{"type":"METRIC_TYPE_COUNTER","helpRef":7,"unitRef":8}}]}"#;

#[test]
fn version_2_says_all_of_a_series() {
    assert_eq!(
        metrics(Version::V2, &v2(COUNTER_V2), &Known::default()),
        (
            [
                "resource service.name=j",
                "a_total monotonic sum prometheus.type=counter unit=s description=Help.",
                "  x=é from 500 @1000 1",
                "  x=é @2000 2 # Some(AsDouble(0.5)) k=v @1500 trace= span=",
            ]
            .map(str::to_owned)
            .into(),
            [2, 0, 1]
        )
    );
}

#[test]
fn series_of_a_metric_that_tell_other_help_are_of_one_metric() {
    let series = |x: u8, help: u8| {
        format!(
            r#"{{"labelsRefs":[1,2,3,{x}],"samples":[{{"value":1,"timestamp":"1"}}],
            "metadata":{{"type":"METRIC_TYPE_GAUGE","helpRef":{help}}}}}"#
        )
    };
    let body = v2(&format!(
        r#"{{"symbols":["","__name__","a","x","y","z"],"timeseries":[{},{},{}]}}"#,
        series(4, 4),
        series(5, 5),
        series(2, 0)
    ));
    assert_eq!(
        metrics(Version::V2, &body, &Known::default()).0[1..],
        ["a gauge prometheus.type=gauge description=y", "  x=y @1 1", "  x=z @1 1", "  x=a @1 1",]
    );
}

#[test]
fn version_1_says_the_type_apart() {
    let known = Known::default();
    assert_eq!(
        metrics(Version::V1, &v1(COUNTER_V1), &known).0[1..],
        [
            "a_total gauge prometheus.type=unknown",
            "  x=é @1000 1",
            "  x=é @2000 2 # Some(AsDouble(0.5)) k=v @1500 trace= span=",
        ]
    );
    let metadata =
        v1(r#"{"metadata":[{"type":"COUNTER","metricFamilyName":"a_total","help":"Help.","unit":"bytes"}]}"#);
    assert_eq!(metrics(Version::V1, &metadata, &known), (vec![], [0, 0, 0]));
    let lines = metrics(Version::V1, &v1(COUNTER_V1), &known).0;
    assert_eq!(lines[1], "a_total monotonic sum prometheus.type=counter unit=By description=Help.");
}

#[test]
fn metadata_and_samples_of_one_request_belong_together() {
    let mut body = v1(COUNTER_V1);
    body.extend(v1(r#"{"metadata":[{"type":"COUNTER","metricFamilyName":"a_total"}]}"#));
    assert_eq!(
        metrics(Version::V1, &body, &Known::default()).0[1],
        "a_total monotonic sum prometheus.type=counter"
    );
}

#[test]
fn start_times_of_the_version_before_2_0_was_released_are_known() {
    let mut series = Vec::new();
    series.put_bytes_field(1, &[1, 2]);
    series.put_bytes_field(2, b"\x10\x07");
    series.put_varint_field(6, 5);
    series.put_bytes_field(5, b"\x08\x01");
    let mut body = v2(r#"{"symbols":["","__name__","a_total"]}"#);
    body.put_bytes_field(5, &series);
    assert_eq!(metrics(Version::V2, &body, &Known::default()).0[2], "  from 5 @7 0");
}

#[test]
fn stale_markers_keep_their_bits_and_other_nans_do_not() {
    for (bits, line) in [(STALE_NAN_BITS, "  @1 ended"), (0xfff8_0000_0000_0000, "  @1 NaN")] {
        let mut sample = Vec::new();
        sample.put_fixed64_field(1, bits);
        sample.put_varint_field(2, 1);
        let mut series = Vec::new();
        series.put_bytes_field(1, b"\x0A\x08__name__\x12\x01a");
        series.put_bytes_field(2, &sample);
        let mut body = Vec::new();
        body.put_bytes_field(1, &series);
        assert_eq!(metrics(Version::V1, &body, &Known::default()).0[2], line);
    }
}

const NATIVE: &str = r#""countInt":"12","sum":5.5,"schema":1,"zeroThreshold":0.001,"zeroCountInt":"2",
    "positiveSpans":[{"offset":2,"length":2},{"offset":3,"length":1}],"positiveDeltas":["1","2","-1"],
    "negativeSpans":[{"offset":-1,"length":1}],"negativeDeltas":["4"],"timestamp":"1000""#;
const NHCB: &str = r#""countInt":"6","sum":5.5,"schema":-53,"positiveSpans":[{"length":1},{"offset":1,"length":1}],
    "positiveDeltas":["2","2"],"customValues":[0.5,1],"timestamp":"1000","startTimestamp":"7""#;

fn histogram_v2(histogram: &str) -> Vec<u8> {
    v2(&format!(
        r#"{{"symbols":["","__name__","h_count"],"timeseries":[{{"labelsRefs":[1,2],"histograms":[{{{histogram}}}],
        "metadata":{{"type":"METRIC_TYPE_HISTOGRAM"}}}}]}}"#
    ))
}

#[test]
fn native_histograms_of_both_versions_are_alike() {
    let point = "  @1000 count 12 sum Some(5.5) scale 1 zero 2 below 0.001 +1: [1, 3, 0, 0, 0, 2] --2: [4]";
    let one = v1(&format!(
        r#"{{"timeseries":[{{"labels":[{{"name":"__name__","value":"h"}}],"histograms":[{{{NATIVE}}}]}}]}}"#
    ));
    for (version, body, name) in [(Version::V1, one, "h"), (Version::V2, histogram_v2(NATIVE), "h_count")] {
        let (lines, written) = metrics(version, &body, &Known::default());
        assert_eq!(
            lines[1..],
            [format!("{name} exponential histogram prometheus.type=histogram"), point.to_owned()]
        );
        assert_eq!(written, [0, 1, 0]);
    }
}

#[test]
fn custom_bounds_make_an_explicit_histogram() {
    let (lines, written) = metrics(Version::V2, &histogram_v2(NHCB), &Known::default());
    assert_eq!(lines[2], "  from 7 @1000 count 6 sum Some(5.5) [0.5, 1.0] [2, 0, 4]");
    assert_eq!(written, [0, 1, 0]);
}

#[test]
fn histograms_that_have_no_form_cost_themselves() {
    for (histogram, reason) in [
        (NATIVE.replace("\"12\"", "\"13\""), "the count of a native histogram is not the sum of its buckets"),
        (
            NATIVE.replace("\"schema\":1", "\"resetHint\":\"RESET_HINT_GAUGE\""),
            "a gauge histogram has no form in OTLP",
        ),
        (
            NATIVE.replace("\"countInt\":\"12\"", "\"countFloat\":12"),
            "a native histogram of floats has no form in OTLP",
        ),
    ] {
        let (lines, written) = metrics(Version::V2, &histogram_v2(&histogram), &Known::default());
        assert_eq!((lines, written), (vec![format!("rejected h_count: 1 {reason}")], [0, 0, 0]));
    }
}

/// A request of a good series, a bad one and a good one.
fn with_bad(bad: &str) -> Vec<u8> {
    let series = |name: u32, value: f64| {
        format!(r#"{{"labelsRefs":[1,{name}],"samples":[{{"value":{value},"timestamp":"1"}}]}}"#)
    };
    v2(&format!(
        r#"{{"symbols":["","__name__","a","b","x","y"],"timeseries":[{},{bad},{}]}}"#,
        series(2, 1.0),
        series(3, 2.0)
    ))
}

#[test]
fn a_bad_series_costs_itself() {
    let sample = r#""samples":[{"value":1,"timestamp":"1"}]"#;
    let histogram = r#""histograms":[{"timestamp":"1"}]"#;
    for (labels, samples, rejected) in [
        ("[4,5]", sample, ": 1 there is no metric name"),
        ("[]", sample, ": 1 there is no metric name"),
        ("[1,0,4,5]", sample, ": 1 there is no metric name"),
        ("[1,2,0,5]", sample, "a: 1 the name of a label is empty"),
        ("[1,2,4]", sample, "a: 1 a label has a name and no value"),
        ("[1,2,4,6]", sample, "a: 1 a reference leads to no symbol"),
        ("[1,2,4,5,4,5]", sample, "a: 1 a label is there twice"),
        ("[1,2]", &format!("{sample},{histogram}"), "a: 2 a series has both samples and histograms"),
        (
            "[1,2]",
            &format!(r#"{sample},"exemplars":[{{"labelsRefs":[4,9]}}]"#),
            "a: 1 a reference leads to no symbol",
        ),
        ("[4,5]", histogram, ": 1 there is no metric name"),
        ("[4,5]", r#""samples":[]"#, ": 0 there is no metric name"),
    ] {
        let body = with_bad(&format!(r#"{{"labelsRefs":{labels},{samples}}}"#));
        let (lines, written) = metrics(Version::V2, &body, &Known::default());
        assert_eq!(lines.last().unwrap(), &format!("rejected {rejected}"), "{labels}");
        assert_eq!((lines.len(), written), (6, [2, 0, 0]), "{lines:?}");
    }
}

#[test]
fn labels_need_not_be_sorted_and_may_be_empty() {
    let body = v2(
        r#"{"symbols":["","__name__","a","x","y"],"timeseries":[{"labelsRefs":[3,4,4,0,1,2],"samples":[{"value":1}]}]}"#,
    );
    assert_eq!(metrics(Version::V2, &body, &Known::default()).0[2], "  x=y @0 1");
}

#[test]
fn text_that_is_not_utf8_costs_its_series() {
    let mut body = Vec::new();
    for symbol in [&b""[..], b"__name__", b"a", b"x", b"\xff", b"b"] {
        body.put_bytes_field(4, symbol);
    }
    for references in [&[1, 2, 3, 4][..], &[1, 5]] {
        let mut series = Vec::new();
        series.put_bytes_field(1, references);
        series.put_bytes_field(2, b"\x10\x01");
        body.put_bytes_field(5, &series);
    }
    let (lines, written) = metrics(Version::V2, &body, &Known::default());
    assert_eq!(
        lines[1..],
        ["b gauge prometheus.type=unknown", "  @1 0", "rejected a: 1 a text is not UTF-8"]
    );
    assert_eq!(written, [1, 0, 0]);
}

#[test]
fn names_are_utf8_and_exemplars_need_not_be_numbers() {
    let body = v2(r#"{"symbols":["","__name__","my.größe","a b","y"],"timeseries":[{"labelsRefs":[1,2,3,4],
        "samples":[{"value":"Infinity","timestamp":"1"}],
        "exemplars":[{"value":"NaN","timestamp":"1"},{"value":"-Infinity","timestamp":"2"}]}]}"#);
    assert_eq!(
        metrics(Version::V2, &body, &Known::default()),
        (
            vec![
                "resource".to_owned(),
                "my.größe gauge prometheus.type=unknown".to_owned(),
                "  a b=y @1 inf # Some(AsDouble(NaN)) @1 trace= span= # Some(AsDouble(-inf)) @2 trace= span="
                    .to_owned(),
            ],
            [1, 0, 2]
        )
    );
}

#[test]
fn exemplars_apart_from_their_samples_find_them() {
    let body = v2(r#"{"symbols":["","__name__","a","k","v","b"],"timeseries":[
        {"labelsRefs":[1,2],"exemplars":[{"labelsRefs":[3,4],"value":1,"timestamp":"1"}]},
        {"labelsRefs":[1,2],"samples":[{"value":1,"timestamp":"1"}]},
        {"labelsRefs":[1,2],"exemplars":[{"value":2,"timestamp":"2"}]},
        {"labelsRefs":[1,5],"exemplars":[{"value":3,"timestamp":"3"}]}]}"#);
    let (lines, written) = metrics(Version::V2, &body, &Known::default());
    assert_eq!(
        lines[1..],
        [
            "a gauge prometheus.type=unknown",
            "  @1 1 # Some(AsDouble(1.0)) k=v @1 trace= span= # Some(AsDouble(2.0)) @2 trace= span=",
        ]
    );
    assert_eq!(written, [1, 0, 3], "that of `b` waits");
}

#[test]
fn exemplars_without_a_sample_wait_for_the_next_one_of_their_series() {
    let known = Known::default();
    let body =
        |series: &str| v2(&format!(r#"{{"symbols":["","__name__","a","b"],"timeseries":[{series}]}}"#));
    let exemplar = r#"{"labelsRefs":[1,2],"exemplars":[{"value":3,"timestamp":"3"}]}"#;
    for _ in 0..2 {
        // The second time it comes again, because the first answer was lost.
        assert_eq!(metrics(Version::V2, &body(exemplar), &known), (vec![], [0, 0, 1]));
    }
    let malformed = [body(exemplar), b"\x2a\x02\x0a\x09".to_vec()].concat();
    translate(Version::V2, &malformed, &known).map(|_| ()).unwrap_err();
    let sample =
        |name: u8| format!(r#"{{"labelsRefs":[1,{name}],"samples":[{{"value":1,"timestamp":"9"}}]}}"#);
    assert_eq!(metrics(Version::V2, &body(&sample(3)), &known).0[2], "  @9 1", "another series");
    let (lines, written) = metrics(Version::V2, &body(&sample(2)), &known);
    assert_eq!((&*lines[2], written), ("  @9 1 # Some(AsDouble(3.0)) @3 trace= span=", [1, 0, 0]));
    assert_eq!(metrics(Version::V2, &body(&sample(2)), &known).0[2], "  @9 1", "once");
}

#[test]
fn a_classic_histogram_of_one_request_is_a_histogram() {
    let series = |references: &str, value: f64| {
        format!(
            r#"{{"labelsRefs":{references},"samples":[{{"value":{value},"timestamp":"1"}}],
            "metadata":{{"type":"METRIC_TYPE_HISTOGRAM"}}}}"#
        )
    };
    let body = |series: &[String]| {
        let symbols = r#"["","__name__","h_bucket","le","1","+Inf","h_count","h_sum"]"#;
        v2(&format!(r#"{{"symbols":{symbols},"timeseries":[{}]}}"#, series.join(",")))
    };
    let all =
        [series("[1,2,3,4]", 1.0), series("[1,2,3,5]", 3.0), series("[1,6]", 3.0), series("[1,7]", 9.0)];
    let (lines, written) = metrics(Version::V2, &body(&all), &Known::default());
    assert_eq!(
        lines[1..],
        ["h histogram prometheus.type=histogram", "  @1 count 3 sum Some(9.0) [1.0] [1, 2]"]
    );
    assert_eq!(written, [4, 0, 0]);
    let (lines, written) = metrics(Version::V2, &body(&all[..2]), &Known::default());
    assert_eq!(lines[1..], ["h_bucket gauge prometheus.type=unknown", "  le=1 @1 1", "  le=+Inf @1 3"]);
    assert_eq!(written, [2, 0, 0]);
    let broken = [series("[1,2,3,4]", 5.0), series("[1,6]", 3.0), series("[1,7]", 9.0)];
    let (lines, written) = metrics(Version::V2, &body(&broken), &Known::default());
    assert_eq!(lines, ["rejected h: 3 the count of a histogram is less than its last bucket"]);
    assert_eq!(written, [0, 0, 0]);
}

#[test]
fn target_info_is_known_to_later_requests() {
    let known = Known::default();
    let info = v1(
        r#"{"timeseries":[{"labels":[{"name":"__name__","value":"target_info"},{"name":"job","value":"j"},
        {"name":"k","value":"v"}],"samples":[{"value":1}]}]}"#,
    );
    assert_eq!(metrics(Version::V1, &info, &known), (vec![], [1, 0, 0]));
    assert_eq!(metrics(Version::V1, &v1(COUNTER_V1), &known).0[0], "resource k=v service.name=j");
}

#[test]
fn what_is_not_protobuf_costs_the_request() {
    for (version, body, error) in [
        (Version::V1, &b"\x0a\x7f"[..], "malformed request at byte 1: length exceeds the enclosing message"),
        (Version::V2, b"\x22\x01x", "malformed request at byte 0: the first symbol is not empty"),
        (
            Version::V1,
            b"\x0a\x13\x0a\x0d\x0a\x08__name__\x12\x01a\x12\x02\x12\x05",
            "malformed request at byte 20: length exceeds the enclosing message",
        ),
        (
            Version::V2,
            b"\x22\x00\x2a\x02\x1a\x09",
            "malformed request at byte 5: length exceeds the enclosing message",
        ),
    ] {
        let found = translate(version, body, &Known::default()).map(|_| ()).unwrap_err();
        assert_eq!(found.to_string(), error);
    }
}

/// B1: the versions have no field in common, so that neither can be taken for an empty request of the other.
#[test]
fn a_request_of_the_other_version_is_refused() {
    for (said, body, is) in [(Version::V1, v2(COUNTER_V2), "2.0"), (Version::V2, v1(COUNTER_V1), "1.0")] {
        let error = translate(said, &body, &Known::default()).map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("malformed request at byte 0: it is a request of version {is}")
        );
    }
    for version in [Version::V1, Version::V2] {
        assert_eq!(metrics(version, b"", &Known::default()), (vec![], [0; 3]), "nothing is of both versions");
    }
}

/// What a few bytes ask for must not be given.
#[test]
fn i3_what_is_referenced_again_and_again_is_bounded() {
    let limits = Limits { max_decoded_bytes: 1 << 20, ..Limits::default() };
    let large = "x".repeat(100 << 10);
    let symbols = format!(r#""symbols":["","__name__","a","{large}"]"#);
    let sample = r#""samples":[{"value":1}]"#;
    let many_times = "3,3,".repeat(1000);
    let help = format!(r#"{{"labelsRefs":[1,2],{sample},"metadata":{{"helpRef":3}}}},"#).repeat(100);
    let labels = format!(r#"{{"labelsRefs":[1,2,2,3],{sample}}},"#).repeat(100);
    let exemplars = r#"{"labelsRefs":[2,3]},"#.repeat(50);
    for series in [
        format!(r#"{{"labelsRefs":[{many_times}1,2],{sample}}}"#),
        help.trim_end_matches(',').to_owned(),
        labels.trim_end_matches(',').to_owned(),
        format!(r#"{{"labelsRefs":[1,2],{sample},"exemplars":[{}]}}"#, exemplars.trim_end_matches(',')),
    ] {
        let body = v2(&format!(r#"{{{symbols},"timeseries":[{series}]}}"#));
        let error =
            to_otlp(Version::V2, &body, &Known::default(), ("", ""), &limits).map(|_| ()).unwrap_err();
        assert!(matches!(error, Malformed::TooLarge { .. }), "{error}");
    }
    let body = [b'\x22', 0].repeat((1 << 20) + 1);
    let error = translate(Version::V2, &body, &Known::default()).map(|_| ()).unwrap_err();
    assert_eq!(error, Malformed::TooLarge { what: "number of symbols", limit: 1 << 20 });
}

proptest! {
    #[test]
    fn whatever_comes_is_taken_or_refused(noise: Vec<u8>, place in 0_usize..300, byte: u8) {
        let bent = |mut body: Vec<u8>| {
            if let Some(place) = body.get_mut(place) {
                *place = byte;
            }
            body
        };
        for (version, body) in [
            (Version::V1, noise.clone()),
            (Version::V2, noise),
            (Version::V1, bent(v1(COUNTER_V1))),
            (Version::V2, bent(v2(COUNTER_V2))),
            (Version::V2, bent(histogram_v2(NATIVE))),
            (Version::V2, bent(histogram_v2(NHCB))),
        ] {
            if let Ok(Translated { request, .. }) = translate(version, &body, &Known::default()) {
                show(&request);
            }
        }
    }
}
