//! Table A4 of the mapping: what each kind of metric becomes.

use sluice_pdata::wire;

use super::*;

fn histogram(temporality: u8, points: &Value) -> Value {
    json!({"name": "took", "unit": "s", "description": "How long.",
        "histogram": {"aggregationTemporality": temporality, "dataPoints": points}})
}

fn bucketed(start: u64, time: u64, counts: &[u64], sum: f64) -> Value {
    json!({
        "startTimeUnixNano": start.to_string(), "timeUnixNano": time.to_string(),
        "count": counts.iter().sum::<u64>().to_string(), "sum": sum,
        "explicitBounds": [0.25, 1.0],
        "bucketCounts": counts.iter().map(u64::to_string).collect::<Vec<_>>(),
    })
}

fn exponential(temporality: u8, point: &Value) -> Value {
    json!({"name": "sizes",
        "exponentialHistogram": {"aggregationTemporality": temporality, "dataPoints": [point]}})
}

fn buckets(start: u64, time: u64, scale: i32, counts: &[u64]) -> Value {
    let sum: u64 = counts.iter().sum();
    json!({
        "startTimeUnixNano": start.to_string(), "timeUnixNano": time.to_string(), "scale": scale,
        "count": (sum + 2).to_string(), "sum": 9.0, "zeroCount": "2",
        "positive": {"offset": 0, "bucketCounts": counts.iter().map(u64::to_string).collect::<Vec<_>>()},
    })
}

/// The histogram of the first metric of the first message of a delimited body.
fn first_histogram(body: &[u8]) -> Vec<u8> {
    let mut reader = wire::Reader::new(body);
    let len = usize::try_from(reader.varint().unwrap()).unwrap();
    let family = &reader.rest()[..len];
    let metric = field(family, 4).unwrap();
    field(&metric, 7).unwrap()
}

fn field(message: &[u8], number: u32) -> Option<Vec<u8>> {
    let mut reader = wire::Reader::new(message);
    while !reader.is_empty() {
        let key = reader.key().unwrap();
        match reader.value(key).unwrap() {
            wire::Value::Len(bytes) if key.number() == number => return Some(bytes.to_vec()),
            _ => {}
        }
    }
    None
}

#[test]
fn every_kind_of_metric_has_its_type() {
    let exposed = Exposed::new("");
    let summary = json!({"name": "lag", "summary": {"dataPoints": [
        {"timeUnixNano": T.to_string(), "count": "2", "sum": 3.0,
         "quantileValues": [{"quantile": 0.5, "value": 1.5}, {"quantile": 1.0, "value": 2.0}]}]}});
    let typed = |name: &str, word: &str| {
        let mut gauge = gauge(name, &[], 1.0, T);
        gauge["metadata"] = attributes(&[("prometheus.type", word)]);
        gauge
    };
    exposed.take(&of(
        &[],
        &json!([
            gauge("temp", &[("room", "a\"b")], 0.5, T),
            counter("reads", 7.0, T, T),
            sum("queue", 2, false, &[(-2.0, T, T)]),
            histogram(2, &json!([bucketed(T, T, &[1, 2, 3], 12.5)])),
            summary,
            typed("odd", "unknown"),
            typed("build", "info"),
        ]),
    ));
    assert_eq!(
        exposed.text(),
        r#"# TYPE build gauge
build 1
# TYPE lag summary
lag{quantile="0.5"} 1.5
lag{quantile="1"} 2
lag_sum 3
lag_count 2
# TYPE odd untyped
odd 1
# TYPE queue gauge
queue -2
# TYPE reads_total counter
reads_total 7
# TYPE temp gauge
temp{room="a\"b"} 0.5
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.25"} 1
took_seconds_bucket{le="1"} 3
took_seconds_bucket{le="+Inf"} 6
took_seconds_sum 12.5
took_seconds_count 6
"#
    );
}

#[test]
fn openmetrics_has_units_and_exemplars() {
    let exposed = Exposed::new("enable_open_metrics: true, send_timestamps: true");
    let mut point = bucketed(T, T, &[1, 2, 3], 12.5);
    let exemplar = |value: f64, time: u64, filtered: &str| {
        json!({"asDouble": value, "timeUnixNano": time.to_string(), "traceId": "0102030405060708090a0b0c0d0e0f10",
            "spanId": "0102030405060708", "filteredAttributes": attributes(&[("user.id", filtered)])})
    };
    point["exemplars"] = json!([
        exemplar(0.5, T + 1_000_000, "new"),
        exemplar(0.7, T, "old"),
        exemplar(9.0, T, &"x".repeat(128)),
    ]);
    exposed.take(&of(&[], &json!([histogram(2, &json!([point]))])));
    let ids = "span_id=\"0102030405060708\",trace_id=\"0102030405060708090a0b0c0d0e0f10\"";
    assert_eq!(
        exposed.as_text(OPEN_METRICS),
        format!(
            r#"# HELP took_seconds How long.
# TYPE took_seconds histogram
# UNIT took_seconds seconds
took_seconds_bucket{{le="0.25"}} 1 1700000000.000
took_seconds_bucket{{le="1.0"}} 3 1700000000.000 # {{{ids},user_id="new"}} 0.5 1700000000.001
took_seconds_bucket{{le="+Inf"}} 6 1700000000.000 # {{{ids}}} 9 1700000000.000
took_seconds_sum 12.5 1700000000.000
took_seconds_count 6 1700000000.000
# EOF
"#
        )
    );
    let text = exposed.text();
    assert!(text.contains("took_seconds_count 6 1700000000000\n") && !text.contains("trace_id"), "{text}");
}

#[test]
fn delta_sums_add_up_while_they_follow_each_other_and_restart_otherwise() {
    let exposed = Exposed::new("");
    let (t1, t2, t3) = (T + SECOND, T + 2 * SECOND, T + 3 * SECOND);
    let points = [(1.0, T, t1), (2.5, t1, t2)];
    exposed.take(&of(&[], &json!([sum("hits", 1, true, &points)])));
    assert_eq!(exposed.text(), "# TYPE hits_total counter\nhits_total 3.5\n");
    exposed.take(&of(&[], &json!([sum("hits", 1, true, &[(4.0, t3, t3 + SECOND)])])));
    assert_eq!(exposed.text(), "# TYPE hits_total counter\nhits_total 4\n");
    let old = of(&[], &json!([sum("hits", 1, true, &[(4.0, t1, t2)])]));
    assert_eq!(exposed.lost(&old), [("hits".to_owned(), Lost::Unconvertible(Reason::DeltaOutOfOrder), 1)]);
}

#[test]
fn delta_histograms_add_up() {
    let exposed = Exposed::new("");
    let points = json!([bucketed(T, T + 1, &[1, 0, 2], 3.0), bucketed(T + 1, T + 2, &[1, 1, 0], 0.5)]);
    exposed.take(&of(&[], &json!([histogram(1, &points)])));
    let text = exposed.text();
    for line in ["{le=\"0.25\"} 2\n", "{le=\"1\"} 3\n", "{le=\"+Inf\"} 5\n", "_sum 3.5\n", "_count 5\n"] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn exponential_histograms_are_native_in_protobuf_and_absent_from_text() {
    let exposed = Exposed::new("enable_open_metrics: true");
    exposed.take(&of(&[], &json!([exponential(2, &buckets(T, T, 0, &[4, 3]))])));
    assert_eq!(exposed.text(), "");
    assert_eq!(exposed.as_text(OPEN_METRICS), "# EOF\n");
    let histogram = first_histogram(&exposed.body(PROTOBUF));
    // Index 0 of OTLP ends at 2, which is index 1 of Prometheus.
    assert_eq!(field(&histogram, 12), Some(vec![0x08, 2, 0x10, 2]));
    assert_eq!(field(&histogram, 13), Some(vec![8, 1]));
}

#[test]
fn delta_exponential_histograms_are_kept_after_the_first_point() {
    let exposed = Exposed::new("");
    exposed.take(&of(&[], &json!([exponential(1, &buckets(T, T + 1, 1, &[4, 3]))])));
    exposed.take(&of(&[], &json!([exponential(1, &buckets(T + 1, T + 2, 0, &[1]))])));
    let histogram = first_histogram(&exposed.body(PROTOBUF));
    // At the coarser scale, both buckets of the first point are one.
    assert_eq!(field(&histogram, 13), Some(vec![16]), "4 + 3 + 1");
    assert_eq!(field(&histogram, 12), Some(vec![0x08, 2, 0x10, 1]));
}

#[test]
fn scales_beyond_prometheus_are_merged_or_lost() {
    let exposed = Exposed::new("");
    exposed.take(&of(&[], &json!([exponential(2, &buckets(T, T, 9, &[4, 3]))])));
    assert_eq!(field(&first_histogram(&exposed.body(PROTOBUF)), 13), Some(vec![14]));
    let coarse = of(&[], &json!([exponential(2, &buckets(T, T + 1, -5, &[4, 3]))]));
    assert_eq!(exposed.lost(&coarse), [("sizes".to_owned(), Lost::Unconvertible(Reason::ScaleTooCoarse), 1)]);
}

#[test]
fn what_has_no_form_is_lost_alone_by_metric_and_reason() {
    let exposed = Exposed::new("");
    let mut miscounted = buckets(T, T, 0, &[4, 3]);
    miscounted["count"] = json!("5");
    let mut unsorted = bucketed(T, T, &[1, 2, 3], 0.0);
    unsorted["explicitBounds"] = json!([1.0, 1.0]);
    let mut unmatched = bucketed(T, T, &[1, 2, 3], 0.0);
    unmatched["explicitBounds"] = json!([1.0]);
    for (metric, lost) in [
        (sum("a", 1, false, &[(1.0, T, T)]), Lost::Unconvertible(Reason::NonMonotonicDelta)),
        (sum("a", 0, true, &[(1.0, T, T)]), Lost::Unconvertible(Reason::UnspecifiedTemporality)),
        (sum("a", 7, true, &[(1.0, T, T)]), Lost::Unconvertible(Reason::UnspecifiedTemporality)),
        (
            json!({"name": "a", "gauge": {"dataPoints": [{"timeUnixNano": "1"}]}}),
            Lost::Unconvertible(Reason::NoValue),
        ),
        (gauge("@#$%", &[], 1.0, T), Lost::Unconvertible(Reason::InvalidName)),
        (gauge("a", &[("\u{20ac}", "x")], 1.0, T), Lost::Unconvertible(Reason::InvalidLabel)),
        (histogram(2, &json!([unsorted])), Lost::Unconvertible(Reason::BucketMismatch)),
        (histogram(2, &json!([unmatched])), Lost::Unconvertible(Reason::BucketMismatch)),
        (exponential(2, &miscounted), Lost::Unconvertible(Reason::CountMismatch)),
    ] {
        let name = metric["name"].as_str().unwrap().to_owned();
        let data = of(&[], &json!([metric, gauge("good", &[], 1.0, T)]));
        assert_eq!(exposed.lost(&data), [(name, lost, 1)]);
        assert_eq!(exposed.text(), "# TYPE good gauge\ngood 1\n");
    }
}

#[test]
fn a_histogram_without_sum_or_buckets_is_exposed_as_far_as_it_goes() {
    let exposed = Exposed::new("");
    let point = json!({"timeUnixNano": T.to_string(), "count": "4"});
    exposed.take(&of(&[], &json!([histogram(2, &json!([point]))])));
    let text = exposed.text();
    assert!(text.ends_with("took_seconds_bucket{le=\"+Inf\"} 4\ntook_seconds_count 4\n"), "{text}");
}
