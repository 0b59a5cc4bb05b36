use sluice_pdata::wire::{Reader, Value};

use super::{super::negotiate::Format, *};
use crate::prometheus::model::{Buckets, Count, Span};

fn writer(format: Format, escaping: Escaping) -> Writer {
    Writer::new(Negotiated { format, escaping })
}

fn number(labels: &str, value: f64) -> Point<'_> {
    Point {
        labels: [labels, ""],
        timestamp_ms: None,
        start_ms: None,
        data: Data::Number { value, exemplar: None },
    }
}

fn exemplar(trace: &str, value: f64) -> Exemplar {
    Exemplar {
        labels: [("trace_id", trace)].into_iter().collect(),
        value,
        timestamp_ms: Some(1_520_879_607_789),
    }
}

/// Every kind of family, once.
fn everything(mut writer: Writer) -> String {
    let exemplars = [exemplar("aa", 0.2), exemplar("bb", 0.3), exemplar("cc", 99.0)];
    let family = |name, kind, unit| Family { name, kind, help: "Helps \\ \"you\"\n.", unit };
    assert!(writer.family(family("reads_bytes_total", MetricType::Counter, "bytes")));
    writer.series(Point {
        timestamp_ms: Some(1_700_000_000_123),
        start_ms: Some(1),
        data: Data::Number { value: 17.0, exemplar: Some(&exemplars[0]) },
        labels: ["path=\"/\"", "job=\"a\""],
    });
    writer.series(number("", 0.5));
    assert!(writer.family(family("ops", MetricType::Counter, "")));
    writer.series(number("", 1.0));
    assert!(writer.family(Family {
        kind: MetricType::Gauge,
        name: "temp_celsius",
        unit: "celsius",
        help: ""
    }));
    writer.series(number("", -1.5));
    assert!(writer.family(family("took_seconds", MetricType::Histogram, "seconds")));
    writer.series(Point {
        data: Data::Histogram {
            count: 6,
            sum: Some(12.5),
            bounds: &[0.25, 1.0],
            counts: &[1, 2, 3],
            exemplars: &exemplars,
        },
        ..number("a=\"b\"", 0.0)
    });
    writer.series(Point {
        data: Data::Histogram { count: 3, sum: None, bounds: &[], counts: &[], exemplars: &[] },
        ..number("", 0.0)
    });
    assert!(writer.family(family("lag", MetricType::Summary, "seconds")));
    writer.series(Point {
        data: Data::Summary { count: 2, sum: 3.0, quantiles: &[(0.5, 1.5), (1.0, 2.0)] },
        ..number("", 0.0)
    });
    for (name, kind) in
        [("odd", MetricType::Unknown), ("build_info", MetricType::Info), ("state", MetricType::StateSet)]
    {
        assert!(writer.family(Family { kind, name, help: "", unit: "" }));
        writer.series(number("v=\"1\"", 1.0));
    }
    writer.finish();
    String::from_utf8_lossy(&writer.take()).into_owned()
}

#[test]
fn text_has_every_kind() {
    let text = everything(writer(Format::Text0_0_4, Escaping::Underscores));
    let wanted = r#"# HELP reads_bytes_total Helps \\ "you"\n.
# TYPE reads_bytes_total counter
reads_bytes_total{path="/",job="a"} 17 1700000000123
reads_bytes_total 0.5
# HELP ops Helps \\ "you"\n.
# TYPE ops counter
ops 1
# TYPE temp_celsius gauge
temp_celsius -1.5
# HELP took_seconds Helps \\ "you"\n.
# TYPE took_seconds histogram
took_seconds_bucket{a="b",le="0.25"} 1
took_seconds_bucket{a="b",le="1"} 3
took_seconds_bucket{a="b",le="+Inf"} 6
took_seconds_sum{a="b"} 12.5
took_seconds_count{a="b"} 6
took_seconds_bucket{le="+Inf"} 3
took_seconds_count 3
# HELP lag Helps \\ "you"\n.
# TYPE lag summary
lag{quantile="0.5"} 1.5
lag{quantile="1"} 2
lag_sum 3
lag_count 2
# TYPE odd untyped
odd{v="1"} 1
# TYPE build_info gauge
build_info{v="1"} 1
# TYPE state gauge
state{v="1"} 1
"#;
    assert_eq!(text, wanted);
}

#[test]
fn openmetrics_has_every_kind() {
    let text = everything(writer(Format::OpenMetrics1_0_0, Escaping::AllowUtf8));
    let wanted = r#"# HELP reads_bytes Helps \\ \"you\"\n.
# TYPE reads_bytes counter
# UNIT reads_bytes bytes
reads_bytes_total{path="/",job="a"} 17 1700000000.123 # {trace_id="aa"} 0.2 1520879607.789
reads_bytes_total 0.5
# HELP ops Helps \\ \"you\"\n.
# TYPE ops counter
ops_total 1
# TYPE temp_celsius gauge
# UNIT temp_celsius celsius
temp_celsius -1.5
# HELP took_seconds Helps \\ \"you\"\n.
# TYPE took_seconds histogram
# UNIT took_seconds seconds
took_seconds_bucket{a="b",le="0.25"} 1 # {trace_id="aa"} 0.2 1520879607.789
took_seconds_bucket{a="b",le="1.0"} 3 # {trace_id="bb"} 0.3 1520879607.789
took_seconds_bucket{a="b",le="+Inf"} 6 # {trace_id="cc"} 99 1520879607.789
took_seconds_sum{a="b"} 12.5
took_seconds_count{a="b"} 6
took_seconds_bucket{le="+Inf"} 3
# HELP lag Helps \\ \"you\"\n.
# TYPE lag summary
lag{quantile="0.5"} 1.5
lag{quantile="1.0"} 2
lag_sum 3
lag_count 2
# TYPE odd unknown
odd{v="1"} 1
# TYPE build info
build_info{v="1"} 1
# TYPE state gauge
state{v="1"} 1
# EOF
"#;
    assert_eq!(text, wanted);
}

#[test]
fn an_empty_exposition_is_empty_and_ends_in_openmetrics() {
    for (format, wanted) in
        [(Format::Text1_0_0, ""), (Format::OpenMetrics0_0_1, "# EOF\n"), (Format::Protobuf, "")]
    {
        let mut writer = writer(format, Escaping::AllowUtf8);
        writer.family(Family { name: "none", ..Family::default() });
        writer.finish();
        assert_eq!(writer.take(), wanted.as_bytes());
    }
}

fn utf8(escaping: Escaping) -> String {
    let mut writer = writer(Format::Text1_0_0, escaping);
    let mut labels = String::new();
    super::super::push_label(&mut labels, "http.code", "200");
    super::super::push_label(&mut labels, "http_code", "ok");
    for (name, kind) in
        [("a.b", MetricType::Gauge), ("a_b", MetricType::Gauge), ("caf\u{e9}\n", MetricType::Histogram)]
    {
        if writer.family(Family { name, kind, help: "", unit: "" }) {
            let bounds = [];
            let data = match kind {
                MetricType::Gauge => Data::Number { value: 1.0, exemplar: None },
                _ => Data::Histogram { count: 0, sum: None, bounds: &bounds, counts: &[], exemplars: &[] },
            };
            writer.series(Point { data, ..number(&labels, 0.0) });
        }
    }
    writer.finish();
    String::from_utf8(writer.take()).unwrap()
}

#[test]
fn names_beyond_legacy_are_quoted_or_escaped_and_never_clash() {
    assert_eq!(
        utf8(Escaping::AllowUtf8),
        "# TYPE \"a.b\" gauge\n{\"a.b\",\"http.code\"=\"200\",http_code=\"ok\"} 1\n\
         # TYPE a_b gauge\na_b{\"http.code\"=\"200\",http_code=\"ok\"} 1\n\
         # TYPE \"caf\u{e9}\\n\" histogram\n\
         {\"caf\u{e9}\\n_bucket\",\"http.code\"=\"200\",http_code=\"ok\",le=\"+Inf\"} 0\n\
         {\"caf\u{e9}\\n_count\",\"http.code\"=\"200\",http_code=\"ok\"} 0\n"
    );
    assert_eq!(
        utf8(Escaping::Underscores),
        "# TYPE a_b gauge\na_b{http_code=\"200;ok\"} 1\n\
         # TYPE caf__ histogram\ncaf___bucket{http_code=\"200;ok\",le=\"+Inf\"} 0\n\
         caf___count{http_code=\"200;ok\"} 0\n"
    );
    assert!(utf8(Escaping::Values).starts_with(
        "# TYPE U__a_2e_b gauge\nU__a_2e_b{U__http_2e_code=\"200\",http_code=\"ok\"} 1\n# TYPE a_b gauge\n"
    ));
}

#[test]
fn exemplars_have_names_that_the_scraper_can_read() {
    let labels = [("http.route", "/"), ("http_route", "x"), ("trace_id", "aa")].into_iter().collect();
    let exemplar = Exemplar { labels, value: 1.0, timestamp_ms: None };
    for (escaping, wanted) in [
        (Escaping::AllowUtf8, r#"# {"http.route"="/",http_route="x",trace_id="aa"} 1"#),
        (Escaping::Underscores, r#"# {http_route="/",trace_id="aa"} 1"#),
        (Escaping::Values, r#"# {U__http_2e_route="/",http_route="x",trace_id="aa"} 1"#),
    ] {
        for format in [Format::OpenMetrics1_0_0, Format::Protobuf] {
            let mut writer = writer(format, escaping);
            writer.family(Family { name: "a_total", kind: MetricType::Counter, ..Family::default() });
            writer.series(Point {
                data: Data::Number { value: 2.0, exemplar: Some(&exemplar) },
                ..number("", 0.0)
            });
            writer.finish();
            let out = String::from_utf8_lossy(&writer.take()).into_owned();
            match format {
                Format::Protobuf => assert_eq!(out.contains("http.route"), escaping == Escaping::AllowUtf8),
                _ => assert!(out.contains(wanted), "{out}"),
            }
        }
    }
}

#[test]
fn a_unit_that_is_not_the_last_word_of_the_name_is_not_told() {
    for (name, kind, told) in [
        ("a_seconds", MetricType::Gauge, true),
        ("a_seconds_total", MetricType::Counter, true),
        ("a_seconds_total", MetricType::Gauge, false),
        ("a_seconds_total_total", MetricType::Counter, false),
        ("seconds", MetricType::Gauge, false),
        ("a_milliseconds", MetricType::Gauge, false),
    ] {
        let mut text = writer(Format::OpenMetrics1_0_0, Escaping::AllowUtf8);
        let mut protobuf = writer(Format::Protobuf, Escaping::AllowUtf8);
        for writer in [&mut text, &mut protobuf] {
            writer.family(Family { name, kind, help: "", unit: "seconds" });
            writer.series(number("", 1.0));
            writer.finish();
        }
        assert_eq!(String::from_utf8(text.take()).unwrap().contains("# UNIT"), told, "{name}");
        // The field of the unit, and how long it is.
        assert_eq!(memchr::memmem::find(&protobuf.take(), b"\x2a\x07seconds").is_some(), told, "{name}");
    }
}

#[test]
fn counts_that_contradict_each_other_stay_in_order() {
    let mut writer = writer(Format::Text0_0_4, Escaping::AllowUtf8);
    writer.family(Family { name: "h", kind: MetricType::Histogram, ..Family::default() });
    let data = Data::Histogram {
        count: 3,
        sum: None,
        bounds: &[1.0, 2.0],
        counts: &[u64::MAX, u64::MAX, 1],
        exemplars: &[],
    };
    writer.series(Point { data, ..number("", 0.0) });
    let text = String::from_utf8(writer.take()).unwrap();
    assert_eq!(
        text,
        "# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 3\nh_count 3\n"
    );
}

#[test]
fn a_native_histogram_is_for_protobuf_alone() {
    let histogram = NativeHistogram { count: Count::Int(4), ..NativeHistogram::default() };
    let point = Point { data: Data::Native { histogram: &histogram, exemplars: &[] }, ..number("", 0.0) };
    let family = Family { name: "h", kind: MetricType::Histogram, ..Family::default() };
    for format in [Format::Text0_0_4, Format::OpenMetrics1_0_0] {
        let mut writer = writer(format, Escaping::AllowUtf8);
        writer.family(family);
        assert!(!writer.series(point) && writer.is_empty(), "{format:?}");
    }
}

/// The messages of a delimited body.
fn messages(body: &[u8]) -> Vec<&[u8]> {
    let mut reader = Reader::new(body);
    let mut messages = Vec::new();
    while !reader.is_empty() {
        let len = usize::try_from(reader.varint().unwrap()).unwrap();
        let (message, rest) = reader.rest().split_at(len);
        messages.push(message);
        reader = Reader::new(rest);
    }
    messages
}

fn field(message: &[u8], number: u32) -> Vec<Value<'_>> {
    let mut reader = Reader::new(message);
    let mut found = Vec::new();
    while !reader.is_empty() {
        let key = reader.key().unwrap();
        let value = reader.value(key).unwrap();
        if key.number() == number {
            found.push(value);
        }
    }
    found
}

#[test]
fn a_large_family_is_several_messages_of_one_name() {
    let mut writer = writer(Format::Protobuf, Escaping::AllowUtf8);
    writer.family(Family { name: "many", kind: MetricType::Gauge, help: "Help", unit: "" });
    let mut most = 0;
    let mut body = Vec::new();
    for index in 0..10_000 {
        writer.series(number(&format!("index=\"{index}\""), f64::from(index)));
        most = most.max(writer.len());
        body.extend(writer.take());
    }
    writer.finish();
    body.extend(writer.take());
    assert!(most < 80 << 10, "{most}");
    let messages = messages(&body);
    assert!(messages.len() > 2, "{}", messages.len());
    let mut metrics = 0;
    for message in messages {
        assert!(matches!(field(message, 1)[..], [Value::Len(b"many")]));
        assert!(matches!(field(message, 3)[..], [Value::Varint(1)]));
        metrics += field(message, 4).len();
    }
    assert_eq!(metrics, 10_000);
}

#[test]
fn a_native_histogram_has_its_spans() {
    let mut writer = writer(Format::Protobuf, Escaping::AllowUtf8);
    writer.family(Family { name: "h", kind: MetricType::Histogram, ..Family::default() });
    let histogram = NativeHistogram {
        schema: -1,
        count: Count::Int(5),
        positive: Buckets {
            spans: vec![Span { offset: -2, length: 2 }],
            deltas: vec![3, -1],
            counts: vec![],
        },
        ..NativeHistogram::default()
    };
    let exemplars = [exemplar("aa", 1.0), Exemplar { timestamp_ms: None, ..exemplar("bb", 2.0) }];
    let data = Data::Native { histogram: &histogram, exemplars: &exemplars };
    writer.series(Point { data, start_ms: Some(1500), ..number("", 0.0) });
    let empty = NativeHistogram::default();
    writer.series(Point { data: Data::Native { histogram: &empty, exemplars: &[] }, ..number("", 0.0) });
    writer.finish();
    let body = writer.take();
    let metrics = field(messages(&body)[0], 4);
    let native = |metric: &Value<'_>| match metric {
        Value::Len(metric) => match field(metric, 7)[..] {
            [Value::Len(histogram)] => histogram.to_vec(),
            _ => panic!("no histogram"),
        },
        _ => panic!("no message"),
    };
    let full = native(&metrics[0]);
    assert!(matches!(field(&full, 5)[..], [Value::Varint(1)]), "zigzag of -1");
    assert!(matches!(field(&full, 12)[..], [Value::Len(&[0x08, 3, 0x10, 2])]));
    assert!(matches!(field(&full, 13)[..], [Value::Len(&[6, 1])]));
    assert_eq!(field(&full, 16).len(), 1, "an exemplar without a time is no exemplar here");
    assert_eq!(field(&full, 15).len(), 1);
    assert!(matches!(field(&native(&metrics[1]), 12)[..], [Value::Len(&[])]), "not a classic histogram");
}
