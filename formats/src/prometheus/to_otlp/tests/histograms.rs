//! Histograms, classic and native, and summaries.

use super::*;

const HISTOGRAM: &str = "# TYPE h histogram\nh_bucket{x=\"1\",le=\"1\"} 1\nh_bucket{x=\"1\",le=\"2\"} 3\n\
                         h_bucket{x=\"1\",le=\"+Inf\"} 4\nh_sum{x=\"1\"} 9\nh_count{x=\"1\"} 4\n";
const METRIC: &str = "h histogram prometheus.type=histogram";

#[test]
fn a_histogram_is_one_point_with_counts_per_bucket() {
    assert_eq!(scraped(HISTOGRAM), [METRIC, "  x=1 @1000 count 4 sum Some(9.0) [1.0, 2.0] [1, 2, 1]"]);
}

#[test]
fn buckets_come_in_any_order_and_with_series_in_between() {
    let body = "# TYPE h histogram\nh_count{x=\"1\"} 4\nh_bucket{x=\"1\",le=\"2\"} 3\nh_count{x=\"2\"} 1\n\
                h_bucket{le=\"1\",x=\"1\"} 1\nother 1\nh_sum{x=\"1\"} 9\n";
    assert_eq!(
        scraped(body)[..3],
        [
            METRIC,
            "  x=1 @1000 count 4 sum Some(9.0) [1.0, 2.0] [1, 2, 1]",
            "  x=2 @1000 count 1 sum None [] [1]",
        ]
    );
}

#[test]
fn infinity_and_sum_may_be_missing() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_count 4\n";
    assert_eq!(scraped(body)[1], "  @1000 count 4 sum None [1.0] [1, 3]");
    assert_eq!(scraped("# TYPE h histogram\nh_count 4\n")[1], "  @1000 count 4 sum None [] [4]");
}

#[test]
fn a_bucket_that_is_there_twice_counts_once() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\",a=\"\"} 2\nh_count 4\n";
    assert_eq!(scraped(body)[1], "  @1000 count 4 sum None [1.0] [2, 2]");
}

#[test]
fn a_histogram_without_a_count_is_rejected() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 4\nother 1\n";
    assert_eq!(
        scraped(body),
        ["other gauge prometheus.type=unknown", "  @1000 1", "rejected h: 2 a histogram has no count",]
    );
}

#[test]
fn buckets_that_contradict_each_other_are_rejected() {
    for (buckets, reason) in [
        (
            "h_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 1\nh_count 4\n",
            "the buckets of a histogram are not numbers that ascend",
        ),
        (
            "h_bucket{le=\"1\"} NaN\nh_bucket{le=\"2\"} 1\nh_count 4\n",
            "the buckets of a histogram are not numbers that ascend",
        ),
        (
            "h_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 5\nh_count 4\n",
            "the count of a histogram is less than its last bucket",
        ),
        (
            "h_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 3\nh_count NaN\n",
            "the count of a histogram is less than its last bucket",
        ),
    ] {
        assert_eq!(scraped(&format!("# TYPE h histogram\n{buckets}")), [format!("rejected h: 3 {reason}")]);
    }
}

/// Such as a rate of buckets under the name and type of a histogram. OTLP has whole counts.
#[test]
fn fractions_of_counts_are_cut_off_and_buckets_add_up_to_the_count() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1.5\nh_bucket{le=\"2\"} 3\nh_count 4.75\nh_sum 2.5\n\
                # TYPE s summary\ns_count 1.5\n";
    assert_eq!(
        scraped(body),
        [
            "h histogram prometheus.type=histogram",
            "  @1000 count 4 sum Some(2.5) [1.0, 2.0] [1, 2, 1]",
            "s summary prometheus.type=summary",
            "  @1000 count 1 sum 0",
        ]
    );
}

#[test]
fn samples_of_one_point_have_one_time() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1 1\nh_count 4 2\nh_bucket{le=\"2\"} 2 1\n";
    assert_eq!(
        scraped(body),
        [
            "rejected h: 2 a histogram has no count",
            "rejected h: 1 the samples of one point have several timestamps",
        ]
    );
}

#[test]
fn parts_without_a_bound_are_rejected() {
    let body = "# TYPE h histogram\nh_bucket{le=\"many\"} 1\nh_bucket 1\nh 1\n# TYPE s summary\ns 1\ns{quantile=\"x\"} 1\n";
    assert_eq!(
        scraped(body),
        [
            "rejected h: 2 a bucket has no number as its `le`",
            "rejected h: 1 a sample of a histogram is neither bucket, sum nor count",
            "rejected s: 2 a sample of a summary has no number as its `quantile`",
        ]
    );
}

#[test]
fn exemplars_of_buckets_are_those_of_the_point() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1 # {a=\"b\"} 0.5\nh_bucket{le=\"2\"} 1 # {c=\"d\"} 1.5\nh_count 1\n";
    assert_eq!(
        scraped(body)[1],
        "  @1000 count 1 sum None [1.0, 2.0] [1, 0, 0] # Some(AsDouble(0.5)) a=b @1000 trace= span= \
         # Some(AsDouble(1.5)) c=d @1000 trace= span="
    );
}

#[test]
fn created_is_the_start_of_histograms_and_summaries() {
    assert_eq!(
        scraped(&format!("{HISTOGRAM}h_created{{x=\"1\"}} 0.5\n"))[1].split(" count").next(),
        Some("  x=1 from 500 @1000")
    );
    let summary = "# TYPE s summary\ns_count 1\ns_created 0.5\n";
    assert_eq!(scraped(summary)[1], "  from 500 @1000 count 1 sum 0");
}

#[test]
fn an_ended_histogram_keeps_its_bounds_and_nothing_else() {
    let mut stand = Stand::scraper();
    stand.families.set_type("h", MetricType::Histogram);
    let ended = Value::Float(stale_nan());
    for (name, le) in [("h_bucket", "1"), ("h_bucket", "+Inf"), ("h_sum", ""), ("h_count", "")] {
        stand.push(&[("__name__", name), ("le", le)], ended).unwrap();
    }
    assert_eq!(stand.metrics(), [METRIC, "  from 1 @1000 ended count 0 sum None [1.0] [0, 0]"]);
}

#[test]
fn what_ends_beside_a_count_that_goes_on_is_left_out_alone() {
    let ended = stale_nan();
    for mut stand in [Stand::scraper(), Stand::receiver()] {
        stand.families.set_type("h", MetricType::Histogram);
        stand.families.set_type("s", MetricType::Summary);
        for (labels, value) in [
            (&[("__name__", "h_bucket"), ("le", "1")][..], 1.0),
            (&[("__name__", "h_bucket"), ("le", "2")], ended),
            (&[("__name__", "h_bucket"), ("le", "3")], 3.0),
            (&[("__name__", "h_bucket"), ("le", "+Inf")], 4.0),
            // It was written otherwise before.
            (&[("__name__", "h_bucket"), ("le", "3.0")], ended),
            (&[("__name__", "h_sum")], ended),
            (&[("__name__", "h_count")], 4.0),
            (&[("__name__", "s"), ("quantile", "0.5")], ended),
            (&[("__name__", "s"), ("quantile", "0.9")], 8.0),
            (&[("__name__", "s_sum")], 9.0),
            (&[("__name__", "s_count")], 4.0),
        ] {
            stand.push(labels, Value::Float(value)).unwrap();
        }
        assert_eq!(
            stand.metrics(),
            [
                METRIC,
                "  from 1 @1000 count 4 sum None [1.0, 3.0] [1, 2, 1]",
                "s summary prometheus.type=summary",
                "  from 1 @1000 count 4 sum 9 0.9: 8",
            ]
        );
    }
}

#[test]
fn a_summary_has_its_quantiles_in_order() {
    let body = "# TYPE s summary\ns{x=\"1\",quantile=\"0.9\"} 8\ns{x=\"1\",quantile=\"0.5\"} 3\ns_sum{x=\"1\"} 9\ns_count{x=\"1\"} 4\n";
    assert_eq!(
        scraped(body),
        ["s summary prometheus.type=summary", "  x=1 @1000 count 4 sum 9 0.5: 3 0.9: 8"]
    );
    assert_eq!(scraped("# TYPE s summary\ns{quantile=\"1\"} 1\n"), ["rejected s: 1 a summary has no count"]);
}

#[test]
fn an_ended_summary_keeps_its_quantiles_and_nothing_else() {
    let mut stand = Stand::scraper();
    stand.families.set_type("s", MetricType::Summary);
    let ended = Value::Float(stale_nan());
    for labels in [&[("__name__", "s"), ("quantile", "0.5")][..], &[("__name__", "s_count")]] {
        stand.push(labels, ended).unwrap();
    }
    assert_eq!(stand.metrics()[1], "  from 1 @1000 ended count 0 sum 0 0.5: 0");
}

#[test]
fn summaries_have_no_exemplars() {
    let body = "# TYPE s summary\ns_count 1 # {a=\"b\"} 1\n";
    assert_eq!(scraped(body)[1], "  @1000 count 1 sum 0");
}

/// Two requests that share a histogram between them.
#[test]
fn what_is_written_without_its_count_stays_loose_samples() {
    let mut stand = Stand::receiver();
    stand.families.set_type("h", MetricType::Histogram);
    stand.families.set_help("h", "help");
    stand.families.set_type("s", MetricType::Summary);
    for labels in [
        &[("__name__", "h_bucket"), ("le", "1"), ("x", "1")][..],
        &[("__name__", "h_bucket"), ("le", "1e+06"), ("x", "1")],
        &[("__name__", "h_sum"), ("x", "1")],
        &[("__name__", "h_bucket"), ("le", "1"), ("x", "2")],
        &[("__name__", "s"), ("quantile", "0.50")],
        &[("__name__", "s_sum")],
    ] {
        stand.push(labels, Value::Float(7.0)).unwrap();
    }
    assert_eq!(
        stand.metrics(),
        [
            "h_bucket gauge prometheus.type=unknown description=help",
            "  x=1 le=1 @1000 7",
            "  x=1 le=1e+06 @1000 7",
            "  x=2 le=1 @1000 7",
            "h_sum gauge prometheus.type=unknown description=help",
            "  x=1 @1000 7",
            "s gauge prometheus.type=unknown",
            "  quantile=0.50 @1000 7",
            "s_sum gauge prometheus.type=unknown",
            "  @1000 7",
        ]
    );
}

#[test]
fn loose_samples_keep_their_exemplars() {
    let mut stand = Stand::receiver();
    stand.scrape("# TYPE h histogram\nh_bucket{le=\"1\"} 1 # {a=\"b\"} 0.5\n");
    assert_eq!(stand.metrics()[1], "  le=1.0 @1000 1 # Some(AsDouble(0.5)) a=b @1000 trace= span=");
}

#[test]
fn what_is_written_has_a_point_for_each_time() {
    let mut stand = Stand::receiver();
    stand.scrape(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1 1\nh_bucket{le=\"1\"} 2 2\nh_count 3 1\nh_count 4 2\n",
    );
    assert_eq!(
        stand.metrics(),
        [METRIC, "  @1000 count 3 sum None [1.0] [1, 2]", "  @2000 count 4 sum None [1.0] [2, 2]",]
    );
}

#[test]
fn metadata_that_comes_with_the_series_says_the_type() {
    let mut stand = Stand::receiver();
    let metadata = Metadata { kind: MetricType::Histogram, help: "help".into(), unit: "seconds".into() };
    let native = native();
    for (name, value) in [
        ("h_count", Value::Float(2.0)),
        ("n_count", Value::Histogram(&native)),
        ("n", Value::Histogram(&native)),
    ] {
        let labels: Labels = [("__name__", name)].into_iter().collect();
        let is_native = matches!(value, Value::Histogram(_));
        let series = stand.catalog.series_of(&labels, &metadata, is_native).unwrap();
        let sample = Sample { timestamp_ms: NOW, start_ms: None, value, exemplars: &[] };
        stand.transaction.push(&series, &sample).unwrap();
    }
    let names: Vec<_> = stand.metrics().into_iter().filter(|line| !line.starts_with(' ')).collect();
    let end = "prometheus.type=histogram unit=s description=help";
    assert_eq!(
        names,
        [
            format!("h histogram {end}"),
            format!("n_count exponential histogram {end}"),
            format!("n exponential histogram {end}"),
        ]
    );
}

fn native() -> NativeHistogram {
    NativeHistogram {
        schema: 1,
        count: Count::Int(12),
        sum: 5.5,
        zero_threshold: 0.001,
        zero_count: Count::Int(2),
        positive: Buckets {
            spans: vec![Span { offset: 2, length: 2 }, Span { offset: 3, length: 1 }],
            deltas: vec![1, 2, -1],
            counts: vec![],
        },
        negative: Buckets { spans: vec![Span { offset: -1, length: 1 }], deltas: vec![4], counts: vec![] },
        ..NativeHistogram::default()
    }
}

fn push_native(histogram: &NativeHistogram) -> Vec<String> {
    let mut stand = Stand::scraper();
    stand.families.set_type("n", MetricType::Histogram);
    stand.push(&[("__name__", "n"), ("x", "1")], Value::Histogram(histogram)).unwrap_or_default();
    stand.metrics()
}

#[test]
fn a_native_histogram_is_an_exponential_one_with_its_gaps_filled() {
    assert_eq!(
        push_native(&native()),
        [
            "n exponential histogram prometheus.type=histogram",
            "  x=1 from 1 @1000 count 12 sum Some(5.5) scale 1 zero 2 below 0.001 +1: [1, 3, 0, 0, 0, 2] --2: [4]",
        ]
    );
    let empty = NativeHistogram { schema: -4, ..NativeHistogram::default() };
    assert_eq!(push_native(&empty)[1], "  x=1 from 1 @1000 count 0 sum Some(0.0) scale -4 zero 0 below 0");
}

#[test]
fn a_native_histogram_has_its_exemplars() {
    let mut stand = Stand::scraper();
    let labels: Labels = [("__name__", "n")].into_iter().collect();
    let series = stand.catalog.series(&labels, &stand.families).unwrap();
    let exemplars = [Exemplar { value: 1.5, ..Exemplar::default() }];
    for schema in [1, -53] {
        let mut histogram = NativeHistogram { schema, ..native() };
        if schema == -53 {
            histogram = nhcb();
        }
        let value = Value::Histogram(&histogram);
        stand
            .transaction
            .push(&series, &Sample { timestamp_ms: 1, start_ms: None, value, exemplars: &exemplars })
            .unwrap();
    }
    let lines = stand.metrics();
    let with_exemplar = lines.iter().filter(|line| line.ends_with("# Some(AsDouble(1.5)) @1 trace= span="));
    assert_eq!(with_exemplar.count(), 2, "{lines:?}");
}

#[test]
fn a_native_histogram_that_ended_is_a_flag() {
    let ended = NativeHistogram { sum: stale_nan(), ..native() };
    let line = "  x=1 from 1 @1000 ended count 0 sum None scale 0 zero 0 below 0";
    assert_eq!(push_native(&ended)[1], line);
    let mut stand = Stand::scraper();
    stand.families.set_type("n", MetricType::Histogram);
    stand.push(&[("__name__", "n"), ("x", "1")], Value::Float(stale_nan())).unwrap();
    assert_eq!(stand.metrics()[1], line, "a scraper marks the end with a float");
}

fn nhcb() -> NativeHistogram {
    NativeHistogram {
        schema: -53,
        count: Count::Int(6),
        sum: 5.5,
        positive: Buckets {
            spans: vec![Span { offset: 0, length: 1 }, Span { offset: 1, length: 1 }],
            deltas: vec![2, 2],
            counts: vec![],
        },
        custom_values: vec![0.5, 1.0],
        ..NativeHistogram::default()
    }
}

#[test]
fn custom_bounds_make_an_explicit_histogram() {
    assert_eq!(
        push_native(&nhcb()),
        [
            "n histogram prometheus.type=histogram",
            "  x=1 from 1 @1000 count 6 sum Some(5.5) [0.5, 1.0] [2, 0, 4]",
        ]
    );
    let ended = NativeHistogram { sum: stale_nan(), ..nhcb() };
    assert_eq!(push_native(&ended)[1], "  x=1 from 1 @1000 ended count 0 sum None [] []");
}

#[test]
fn gauges_floats_and_contradictions_are_rejected() {
    let spans =
        |spans: &[(i32, u32)]| spans.iter().map(|&(offset, length)| Span { offset, length }).collect();
    let positive = |list: &[(i32, u32)], deltas: &[i64]| Buckets {
        spans: spans(list),
        deltas: deltas.to_vec(),
        counts: vec![],
    };
    for (histogram, reason) in [
        (
            NativeHistogram { reset_hint: ResetHint::Gauge, ..native() },
            "a gauge histogram has no form in OTLP",
        ),
        (
            NativeHistogram { count: Count::Float(1.0), ..native() },
            "a native histogram of floats has no form in OTLP",
        ),
        (NativeHistogram { schema: 9, ..native() }, "the schema of a native histogram is not known"),
        (NativeHistogram { schema: -5, ..native() }, "the schema of a native histogram is not known"),
        (
            NativeHistogram { count: Count::Int(13), ..native() },
            "the count of a native histogram is not the sum of its buckets",
        ),
        (
            NativeHistogram { positive: positive(&[(0, 2)], &[1]), ..native() },
            "a native histogram has fewer buckets than its spans say",
        ),
        (
            NativeHistogram { positive: positive(&[(0, 1)], &[1, 1]), ..native() },
            "a native histogram has more buckets than its spans say",
        ),
        (
            NativeHistogram { positive: positive(&[(0, 1), (-1, 1)], &[1, 1]), ..native() },
            "the spans of a native histogram overlap",
        ),
        (
            NativeHistogram { positive: positive(&[(0, 1), (i32::MAX, 1)], &[1, 1]), ..native() },
            "a native histogram has too many buckets",
        ),
        (
            NativeHistogram { positive: positive(&[(0, 2)], &[1, -2]), ..native() },
            "a bucket count is negative",
        ),
        (
            NativeHistogram { positive: positive(&[(0, 2)], &[i64::MAX, i64::MAX]), ..native() },
            "a bucket count is out of range",
        ),
        (NativeHistogram { custom_values: vec![1.0, 1.0], ..nhcb() }, "custom bounds do not ascend"),
        (NativeHistogram { custom_values: vec![f64::NAN], ..nhcb() }, "custom bounds do not ascend"),
        (NativeHistogram { custom_values: vec![1.0], ..nhcb() }, "a bucket has no custom bound"),
        (
            NativeHistogram { zero_count: Count::Int(1), ..nhcb() },
            "a histogram with custom bounds has a zero bucket or negative ones",
        ),
    ] {
        assert_eq!(push_native(&histogram), [format!("rejected n: 1 {reason}")]);
    }
}

#[test]
fn observations_that_are_no_numbers_are_in_no_bucket() {
    let histogram = NativeHistogram { sum: f64::NAN, count: Count::Int(20), ..native() };
    assert!(push_native(&histogram)[1].contains("count 20 sum Some(NaN)"));
}

#[test]
fn a_native_histogram_under_a_part_s_name_is_rejected() {
    let mut stand = Stand::scraper();
    stand.families.set_type("h", MetricType::Histogram);
    let error = stand.push(&[("__name__", "h_count")], Value::Histogram(&native())).unwrap_err();
    assert_eq!(error, "a native histogram has the name of a classic one's part");
}
