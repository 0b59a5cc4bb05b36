//! Counters, gauges and what becomes of names, units and types.

use super::*;

#[test]
fn a_counter_is_a_monotonic_sum_and_keeps_its_name() {
    let body = "# HELP a All.\n# TYPE a counter\na_total{x=\"1\"} 2\na_total{x=\"2\"} 3\n";
    assert_eq!(
        scraped(body),
        ["a_total monotonic sum prometheus.type=counter description=All.", "  x=1 @1000 2", "  x=2 @1000 3",]
    );
}

#[test]
fn gauges_and_what_is_unknown_are_gauges() {
    let body = "# TYPE a gauge\na 1\n# TYPE b unknown\nb 2\nc 3\n";
    assert_eq!(
        scraped(body),
        [
            "a gauge prometheus.type=gauge",
            "  @1000 1",
            "b gauge prometheus.type=unknown",
            "  @1000 2",
            "c gauge prometheus.type=unknown",
            "  @1000 3",
        ]
    );
}

#[test]
fn info_and_stateset_are_sums_that_may_fall() {
    let body = "# TYPE a info\na_info{version=\"1\"} 1\n# TYPE b stateset\nb{b=\"on\"} 1\n";
    assert_eq!(
        scraped(body),
        [
            "a_info sum prometheus.type=info",
            "  version=1 @1000 1",
            "b sum prometheus.type=stateset",
            "  b=on @1000 1",
        ]
    );
}

#[test]
fn a_gauge_histogram_stays_gauges_with_their_own_names() {
    let body = "# TYPE a gaugehistogram\na_bucket{le=\"+Inf\"} 3\na_gcount 3\na_gsum 7\n";
    assert_eq!(
        scraped(body),
        [
            "a_bucket gauge prometheus.type=gaugehistogram",
            "  le=+Inf @1000 3",
            "a_gcount gauge prometheus.type=gaugehistogram",
            "  @1000 3",
            "a_gsum gauge prometheus.type=gaugehistogram",
            "  @1000 7",
        ]
    );
}

#[test]
fn of_a_comment_that_is_repeated_the_last_one_holds_for_what_follows() {
    let body = "# TYPE a counter\n# HELP a x\na{x=\"1\"} 1\n# TYPE a gauge\n# HELP a y\na{x=\"2\"} 2\n";
    assert_eq!(
        scraped(body),
        [
            "a monotonic sum prometheus.type=counter description=x",
            "  x=1 @1000 1",
            "a gauge prometheus.type=gauge description=y",
            "  x=2 @1000 2",
        ]
    );
}

#[test]
fn a_unit_comes_from_its_line_alone() {
    let body =
        "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# TYPE b_bytes gauge\nb_bytes 1\n";
    assert_eq!(
        scraped(body),
        [
            "a_seconds gauge prometheus.type=gauge unit=s",
            "  @1000 1",
            "b_bytes gauge prometheus.type=gauge",
            "  @1000 1",
        ]
    );
}

#[test]
fn suffixes_are_cut_off_if_that_is_wanted() {
    let options = Options { source: target("j", "i"), trim_metric_suffixes: true, ..Options::default() };
    let body =
        "# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\n# TYPE b gauge\nb_total 1\n";
    assert_eq!(
        Stand::new(options).scrape(body).metrics(),
        [
            "a monotonic sum prometheus.type=counter unit=s",
            "  @1000 1",
            "b_total gauge prometheus.type=unknown",
            "  @1000 1",
        ]
    );
}

#[test]
fn a_sample_before_its_type_is_of_unknown_type_until_the_type_is_known() {
    let mut stand = Stand::scraper();
    let body = "a_total 1\n# TYPE a counter\n";
    assert_eq!(stand.scrape(body).metrics()[0], "a_total gauge prometheus.type=unknown");
    assert_eq!(stand.scrape(body).metrics()[0], "a_total monotonic sum prometheus.type=counter");
}

#[test]
fn a_family_of_its_own_name_beats_a_suffix() {
    let body = "# TYPE a histogram\n# TYPE a_count gauge\na_count 1\n# TYPE b gauge\nb_count 1\n";
    assert_eq!(
        scraped(body),
        [
            "a_count gauge prometheus.type=gauge",
            "  @1000 1",
            "b_count gauge prometheus.type=unknown",
            "  @1000 1",
        ]
    );
}

#[test]
fn labels_are_text_attributes_without_what_says_where_they_are_from() {
    let body = "# TYPE a gauge\na{job=\"j\",instance=\"i\",le=\"1\",quantile=\"2\",empty=\"\",__scheme__=\"x\",z=\"é\"} 1\n";
    assert_eq!(scraped(body)[1], "  le=1 quantile=2 z=é @1000 1");
}

#[test]
fn start_times_are_for_what_counts() {
    let body = "# TYPE a counter\na_total 1\na_created 0.5\n# TYPE g gauge\ng 1\n";
    assert_eq!(scraped(body)[1], "  from 500 @1000 1");
    let mut stand = Stand::scraper();
    stand.push(&[("__name__", "g")], Value::Float(1.0)).unwrap();
    assert_eq!(stand.metrics()[1], "  @1000 1");
}

#[test]
fn timestamps_are_those_of_the_target_if_it_has_them() {
    assert_eq!(scraped("a 1 2.5\n")[1], "  @2500 1");
    assert_eq!(scraped("a 1 -1\n")[1], "  @0 1");
}

#[test]
fn a_stale_marker_has_a_flag_and_no_value() {
    let mut stand = Stand::scraper();
    stand
        .scrape("# TYPE a counter\n")
        .push(&[("__name__", "a_total"), ("x", "1")], Value::Float(stale_nan()))
        .unwrap();
    stand.push(&[("__name__", "b")], Value::Float(f64::NAN)).unwrap();
    assert_eq!(
        stand.metrics(),
        [
            "a_total monotonic sum prometheus.type=counter",
            "  x=1 from 1 @1000 ended",
            "b gauge prometheus.type=unknown",
            "  @1000 NaN",
        ]
    );
}

#[test]
fn exemplars_have_ids_where_they_are_some_and_attributes_otherwise() {
    let trace = "0123456789abcdef0123456789ABCDEF";
    let exemplar =
        |labels: &str| scraped(&format!("# TYPE a counter\na_total 1 # {{{labels}}} 0.5 2\n"))[1].clone();
    assert_eq!(
        exemplar(&format!("trace_id=\"{trace}\",Span_ID=\"00000000000000aa\",user=\"u\"")),
        "  @1000 1 # Some(AsDouble(0.5)) user=u @2000 trace=0123456789abcdef0123456789abcdef span=00000000000000aa",
    );
    for (labels, attributes) in [
        ("trace_id=\"abc\"", "trace_id=abc"),
        ("trace_id=\"00000000000000000000000000000000\"", "trace_id=00000000000000000000000000000000"),
        ("span_id=\"zz000000000000aa\"", "span_id=zz000000000000aa"),
        ("trace_id=\"\",a=\"b\"", "a=b"),
    ] {
        assert_eq!(
            exemplar(labels),
            format!("  @1000 1 # Some(AsDouble(0.5)) {attributes} @2000 trace= span=")
        );
    }
}

#[test]
fn samples_of_metrics_that_alternate_come_together() {
    let body = "a{x=\"1\"} 1\nb{x=\"1\"} 2\na{x=\"2\"} 3\nb{x=\"2\"} 4\n";
    assert_eq!(
        scraped(body),
        [
            "a gauge prometheus.type=unknown",
            "  x=1 @1000 1",
            "  x=2 @1000 3",
            "b gauge prometheus.type=unknown",
            "  x=1 @1000 2",
            "  x=2 @1000 4",
        ]
    );
}

#[test]
fn a_series_is_kept_for_the_scrapes_that_follow() {
    let mut stand = Stand::scraper();
    let labels: Labels = [("__name__", "a"), ("x", "1")].into_iter().collect();
    let series = stand.catalog.series(&labels, &stand.families).unwrap();
    assert_eq!(series.generation(), stand.families.generation());
    let sample = Sample { timestamp_ms: 5, start_ms: None, value: Value::Float(1.0), exemplars: &[] };
    for _ in 0..2 {
        stand.transaction.push(&series, &sample).unwrap();
        assert_eq!(stand.metrics(), ["a gauge prometheus.type=unknown", "  x=1 @5 1"]);
    }
    stand.families.set_type("a", MetricType::Counter);
    assert_ne!(series.generation(), stand.families.generation());
}

#[test]
fn help_that_changes_is_told() {
    let mut stand = Stand::scraper();
    for help in ["one", "two"] {
        let lines = stand.scrape(&format!("# HELP a {help}\n# TYPE a gauge\na 1\n")).metrics();
        assert_eq!(lines[0], format!("a gauge prometheus.type=gauge description={help}"));
    }
}

#[test]
fn a_failed_scrape_leaves_nothing() {
    let mut stand = Stand::scraper();
    stand.scrape("# TYPE h histogram\nh_sum 1\na 1\n").transaction.clear();
    assert_eq!(stand.finish(), Vec::<String>::new());
}

#[test]
fn samples_without_a_name_or_a_target_are_refused() {
    let mut stand = Stand::scraper();
    assert_eq!(stand.push(&[("a", "b")], Value::Float(1.0)), Err("there is no metric name"));
    let mut nowhere = Stand::new(Options { source: target("", "i"), ..Options::default() });
    let error = nowhere.push(&[("__name__", "a")], Value::Float(1.0)).unwrap_err();
    assert_eq!(error, "neither the sample nor its target have job and instance");
    nowhere.push(&[("__name__", "a"), ("job", "j")], Value::Float(1.0)).unwrap();
}

#[test]
fn a_request_is_bounded() {
    for (limits, what) in [
        (Limits { max_items: 2, ..Limits::default() }, "number of items"),
        (Limits { max_decoded_bytes: 60, ..Limits::default() }, "decoded size in bytes"),
    ] {
        let mut stand = Stand::scraper();
        stand.transaction = Transaction::new(target("", ""), &limits);
        let body = "a 1\na{x=\"1\"} 1\na{x=\"2\"} 1\n";
        let Err(Malformed::TooLarge { what: told, .. }) = stand.scrape(body).transaction.finish() else {
            panic!("not refused")
        };
        assert_eq!(told, what);
        assert_eq!(stand.transaction.held(), 0, "nor is as much expected again");
        assert_eq!(stand.scrape("a 1\n").metrics().len(), 2, "the next scrape starts anew");
    }
}

#[test]
fn what_is_not_yet_a_point_is_bounded_and_held_as_well() {
    let limits = Limits { max_decoded_bytes: 10_000, ..Limits::default() };
    let mut stand = Stand::receiver();
    stand.transaction = Transaction::new(Source::RemoteWrite, &limits);
    stand.families.set_type("h", MetricType::Histogram);
    let labels = [("__name__", "h_bucket"), ("job", "j"), ("instance", "i"), ("le", "1")];
    let series = stand.catalog.series(&labels.into_iter().collect(), &stand.families).unwrap();
    let taken = (0..1000).take_while(|at| {
        let sample = Sample { timestamp_ms: *at, start_ms: None, value: Value::Float(1.0), exemplars: &[] };
        stand.transaction.push(&series, &sample).is_ok()
    });
    let taken = taken.count();
    assert!((10..100).contains(&taken), "{taken}");
    assert!((10_000..40_000).contains(&stand.transaction.held()), "{}", stand.transaction.held());
    let error = stand.transaction.finish().map(|_| ()).unwrap_err();
    assert!(matches!(error, Malformed::TooLarge { what: "decoded size in bytes", .. }), "{error}");
}

#[test]
fn metrics_that_nobody_uses_are_forgotten() {
    let mut stand = Stand::scraper();
    let first: Labels = [("__name__", "m0")].into_iter().collect();
    let kept = stand.catalog.series(&first, &stand.families).unwrap();
    for number in 0..30_000 {
        let labels: Labels = [("__name__", format!("m{number}"))].into_iter().collect();
        stand.catalog.series(&labels, &stand.families).unwrap();
        assert!(stand.catalog.metrics <= 10_001);
    }
    let again = stand.catalog.series(&first, &stand.families).unwrap();
    assert!(std::sync::Arc::ptr_eq(&kept.metric, &again.metric));
}
