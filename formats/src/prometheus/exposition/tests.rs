//! What the texts say, sentence by sentence; `testdata/prometheus` holds Prometheus's own tables and samples.

use base64::Engine;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::prometheus::labels::Labels;
use crate::prometheus::model::{NORMAL_NAN_BITS, NativeHistogram};

mod protobuf;

/// Every entry as one line: `TYPE a counter`, `{__name__="a"} 1 @5 start 4 # {b="c"} 2 @3`. It makes no difference
/// which series are expected, the right ones or wrong ones.
fn read(format: Format, body: &[u8], options: ParseOptions) -> Result<Vec<String>, String> {
    let (entries, series) = read_like(format, body, options, &[]);
    assert_eq!(read_like(format, body, options, &series).0, entries);
    assert_eq!(read_like(format, body, options, series.get(1..).unwrap_or_default()).0, entries);
    entries
}

/// The entries, and the bytes of their series, where these series are expected.
fn read_like(
    format: Format,
    body: &[u8],
    options: ParseOptions,
    expected: &[Vec<u8>],
) -> (Result<Vec<String>, String>, Vec<Vec<u8>>) {
    let mut parser = Parser::new(format, body, options);
    let mut labels = LabelsBuilder::default();
    let (mut entries, mut series) = (Vec::new(), Vec::new());
    loop {
        let expected: &[u8] = expected.get(series.len()).map_or(&[], Vec::as_slice);
        entries.push(match parser.next_like(expected) {
            Err(error) => return (Err(error.to_string()), series),
            Ok(None) => return (Ok(entries), series),
            Ok(Some(Entry::Type { family, kind })) => format!("TYPE {family} {}", kind.word()),
            Ok(Some(Entry::Help { family, help })) => format!("HELP {family} {help}"),
            Ok(Some(Entry::Unit { family, unit })) => format!("UNIT {family} {unit}"),
            Ok(Some(Entry::Sample(sample))) => {
                series.push(sample.series().to_vec());
                if let Err(error) = sample.labels(&mut labels) {
                    return (Err(error.to_string()), series);
                }
                show(&sample, &labels.build())
            }
        });
    }
}

fn show(sample: &Sample<'_>, labels: &Labels) -> String {
    let mut text = format!("{labels:?} ");
    match sample.value {
        Value::Float(value) => text.push_str(&value.to_string()),
        Value::Histogram(histogram) => text.push_str(&format!("{histogram:?}")),
    }
    let at = |time: Option<i64>| time.map(|time| format!(" @{time}")).unwrap_or_default();
    text.push_str(&at(sample.timestamp_ms));
    if let Some(start) = sample.start_ms {
        text.push_str(&format!(" start {start}"));
    }
    for exemplar in sample.exemplars {
        text.push_str(&format!(" # {:?} {}{}", exemplar.labels, exemplar.value, at(exemplar.timestamp_ms)));
    }
    text
}

fn text(body: &str) -> Result<Vec<String>, String> {
    read(Format::Text, body.as_bytes(), ParseOptions::default())
}

fn open_metrics(body: &str) -> Result<Vec<String>, String> {
    read(Format::OpenMetrics, format!("{body}# EOF\n").as_bytes(), ParseOptions::default())
}

/// The one sample of a body.
fn one(entries: Result<Vec<String>, String>) -> String {
    let entries = entries.unwrap();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.into_iter().next().unwrap()
}

#[derive(Deserialize)]
struct Case {
    input_b64: String,
    accept: bool,
    #[serde(default)]
    upstream_error: String,
}

#[test]
fn prometheus_s_own_tables_are_accepted_and_refused_alike() {
    for (format, table) in [
        (Format::OpenMetrics, include_str!("../../../testdata/prometheus/openmetrics_parse_errors.json")),
        (Format::Text, include_str!("../../../testdata/prometheus/prom_text_parse_errors.json")),
        (Format::Text, include_str!("../../../testdata/prometheus/prom_text_null_bytes.json")),
    ] {
        let cases: Vec<Case> = serde_json::from_str(table).unwrap();
        assert!(cases.len() >= 5);
        for case in cases {
            let input = base64::engine::general_purpose::STANDARD.decode(&case.input_b64).unwrap();
            let entries = read(format, &input, ParseOptions::default());
            let shown = String::from_utf8_lossy(&input);
            assert_eq!(
                entries.is_ok(),
                case.accept,
                "{shown:?}: {entries:?}, there: {}",
                case.upstream_error
            );
        }
    }
}

#[test]
fn prometheus_s_own_samples_are_read() {
    let options = ParseOptions { created_as_start: false, ..ParseOptions::default() };
    for (format, body, families) in [
        (Format::OpenMetrics, include_str!("../../../testdata/prometheus/text/1histogram.om.txt"), 1),
        (Format::OpenMetrics, include_str!("../../../testdata/prometheus/text/alltypes.5mfs.om.txt"), 5),
        (Format::Text, include_str!("../../../testdata/prometheus/text/alltypes.237mfs.prom.txt"), 237),
    ] {
        let entries = read(format, body.as_bytes(), options).unwrap();
        let is_sample = |entry: &&String| entry.starts_with('{');
        assert_eq!(entries.iter().filter(|entry| entry.starts_with("TYPE")).count(), families);
        let lines = body.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(entries.iter().filter(is_sample).count(), lines);
    }
}

mod text_0_0_4 {
    use super::*;

    #[test]
    fn types_are_the_five_words() {
        for (word, kind) in [
            ("counter", "counter"),
            ("gauge", "gauge"),
            ("histogram", "histogram"),
            ("summary", "summary"),
            ("untyped", "unknown"),
        ] {
            assert_eq!(one(text(&format!("# TYPE a {word}\n"))), format!("TYPE a {kind}"));
        }
        for word in ["info", "stateset", "gaugehistogram", "unknown", "Counter", "", "counter gauge"] {
            let error = text(&format!("ok 1\n# TYPE a {word}\n")).unwrap_err();
            assert_eq!(error, "line 2: a type is none of counter, gauge, histogram, summary and untyped");
        }
    }

    #[test]
    fn help_has_two_escapes() {
        assert_eq!(one(text("# HELP a one\\\\two\\nthree \\x\n")), "HELP a one\\two\nthree \\x");
        assert_eq!(one(text("# HELP a\n")), "HELP a ");
    }

    #[test]
    fn other_comments_are_ignored() {
        let comments = "#\n# \n#TYPE a nonsense\n# anything {\"\n# HELPER a\n# EOF\n# TYPE\n";
        assert_eq!(text(&format!("{comments}a 1\n")).unwrap(), [r#"{__name__="a"} 1"#]);
    }

    #[test]
    fn a_sample_has_labels_value_and_milliseconds() {
        assert_eq!(one(text("a{b=\"c\",d=\"e\"} 1.5 1700\n")), r#"{__name__="a", b="c", d="e"} 1.5 @1700"#);
        assert_eq!(one(text("a{} -Inf -5\n")), r#"{__name__="a"} -inf @-5"#);
    }

    #[test]
    fn label_values_have_three_escapes() {
        assert_eq!(one(text(r#"a{b="\\ \" \n \t é"} 1"#)), r#"{__name__="a", b="\\ \" \n \\t é"} 1"#);
    }

    #[test]
    fn spaces_and_tabs_are_free() {
        let spaced = "\t a \t{ b\t= \"c\" ,  d=\"e\" , }\t1  \t5 \t\n";
        assert_eq!(one(text(spaced)), one(text("a{b=\"c\",d=\"e\"} 1 5\n")));
        assert_eq!(text(" \t\n\n#  TYPE  a  gauge \n").unwrap(), ["TYPE a gauge"]);
    }

    #[test]
    fn a_comma_may_trail() {
        assert_eq!(one(text("a{b=\"c\",} 1\n")), r#"{__name__="a", b="c"} 1"#);
        assert_eq!(text("a{,} 1\n").unwrap_err(), "line 1: expected the name of a label");
    }

    #[test]
    fn utf8_names_are_in_quotes() {
        assert_eq!(one(text(r#"{"my.name",l="v"} 1"#)), r#"{__name__="my.name", l="v"} 1"#);
        assert_eq!(one(text(r#"a{"l.é\""="v"} 1"#)), r#"{__name__="a", l.é"="v"} 1"#);
        assert_eq!(
            text("# TYPE \"my.name\" gauge\n# HELP \"my.name\" x\n").unwrap(),
            ["TYPE my.name gauge", "HELP my.name x"]
        );
        assert_eq!(text(r#"a{"b"} 1"#).unwrap_err(), "line 1: the metric has two names");
    }

    #[test]
    fn a_sample_without_a_name_is_refused() {
        assert_eq!(text(r#"{a="ok"} 1"#).unwrap_err(), "line 1: the metric has no name");
        assert_eq!(text("{} 1").unwrap_err(), "line 1: the metric has no name");
    }

    #[test]
    fn single_quotes_empty_names_and_broken_text_are_refused() {
        for (line, reason) in [
            (&b"a{b='c'} 1"[..], "expected the value of a label in double quotes"),
            (b"a{b=\"\xff\"} 1", "the text is not UTF-8"),
            (b"a{\"\"=\"c\"} 1", "the name of a label is empty"),
            (b"a{=\"c\"} 1", "expected the name of a label"),
            (b"a{b=\"c\"", "expected `,` or `}` after a label"),
            (b"1a 1", "expected the name of a metric or a comment"),
            (b"a 1 1.5", "a timestamp is not a whole number of milliseconds"),
            (b"a 1 2 3", "expected the end of the line"),
            (b"a", "expected a value"),
        ] {
            let body = [b"ok 1\n# HELP x\n", line, b"\nok 2\n"].concat();
            let entries = read(Format::Text, &body, ParseOptions::default());
            assert_eq!(
                entries.unwrap_err(),
                format!("line 3: {reason}"),
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }

    #[test]
    fn values_are_those_of_go_without_hexadecimal_and_underscores() {
        for value in ["true", "1_2", "0x1p-3", "0x1P-3", "StaleNaN", "1,5", "--1"] {
            assert_eq!(
                text(&format!("a {value}\n")).unwrap_err(),
                "line 1: a value is not a number",
                "{value}"
            );
        }
        for value in ["+Inf", "inf", "Infinity", "1", "-1.5e-3", ".5"] {
            assert!(text(&format!("a {value}\n")).is_ok(), "{value}");
        }
    }

    #[test]
    fn every_nan_becomes_the_normal_one() {
        for value in ["NaN", "nan", "NAN"] {
            let body = format!("a {value}");
            let mut parser = Parser::new(Format::Text, body.as_bytes(), ParseOptions::default());
            let Some(Entry::Sample(Sample { value: Value::Float(value), .. })) = parser.next().unwrap()
            else {
                panic!("no sample");
            };
            assert_eq!(value.to_bits(), NORMAL_NAN_BITS);
        }
    }

    #[test]
    fn the_last_newline_may_be_missing() {
        assert_eq!(text("a 1\nb 2").unwrap().len(), 2);
        assert_eq!(text("").unwrap().len(), 0);
    }

    #[test]
    fn le_and_quantile_are_written_as_floats_where_they_mean_one() {
        let body = "# TYPE h histogram\nh_bucket{le=\"1\",quantile=\"1\"} 1\n# TYPE s summary\ns{quantile=\"1\"} 1\n\
                    # TYPE g gauge\ng{le=\"1\"} 1\n# TYPE x histogram\nx_bucket{le=\"many\"} 1\n";
        let samples: Vec<_> =
            text(body).unwrap().into_iter().filter(|entry| entry.starts_with('{')).collect();
        assert_eq!(
            samples,
            [
                r#"{__name__="h_bucket", le="1.0", quantile="1"} 1"#,
                r#"{__name__="s", quantile="1.0"} 1"#,
                r#"{__name__="g", le="1"} 1"#,
                r#"{__name__="x_bucket", le="many"} 1"#,
            ]
        );
    }

    #[test]
    fn labels_without_a_value_are_none_and_those_that_are_there_twice_fail() {
        assert_eq!(one(text("a{b=\"\",c=\"d\"} 1")), r#"{__name__="a", c="d"} 1"#);
        assert_eq!(text("a{b=\"1\",c=\"2\",b=\"1\"} 1").unwrap_err(), "label `b` is there twice");
        assert_eq!(text("a{__name__=\"b\"} 1").unwrap_err(), "label `__name__` is there twice");
    }

    #[test]
    fn equal_lines_are_the_same_series() {
        let mut parser =
            Parser::new(Format::Text, b"a{b=\"c\"} 1 5\na{b=\"c\"}\t2\na 3", ParseOptions::default());
        let mut keys = Vec::new();
        while let Some(Entry::Sample(sample)) = parser.next().unwrap() {
            keys.push(sample.series().to_vec());
        }
        assert_eq!(keys, [&b"a{b=\"c\"}"[..], b"a{b=\"c\"}", b"a"]);
    }
}

mod open_metrics_1_0 {
    use super::*;

    fn refused(body: &str) -> String {
        read(Format::OpenMetrics, body.as_bytes(), ParseOptions::default()).unwrap_err()
    }

    #[test]
    fn the_end_is_marked_and_nothing_follows() {
        for body in ["# EOF", "# EOF\n", "a 1\n# EOF"] {
            assert!(read(Format::OpenMetrics, body.as_bytes(), ParseOptions::default()).is_ok(), "{body}");
        }
        assert_eq!(refused("a 1\n"), "line 2: the text does not end with `# EOF`");
        assert_eq!(refused("# EOF\n\n"), "line 2: there is something after `# EOF`");
    }

    #[test]
    fn blank_lines_and_free_spaces_are_refused() {
        for body in [
            "\n",
            "a 1\n\n",
            " a 1\n",
            "a  1\n",
            "a\t1\n",
            "a 1 \n",
            "a{b =\"c\"} 1\n",
            "a{ b=\"c\"} 1\n",
            "a{b=\"c\"}1\n",
        ] {
            assert!(open_metrics(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn types_are_the_eight_words() {
        for kind in MetricType::ALL {
            assert_eq!(
                one(open_metrics(&format!("# TYPE a {}\n", kind.word()))),
                format!("TYPE a {}", kind.word())
            );
        }
        assert_eq!(open_metrics("# TYPE a untyped\n").unwrap_err(), "line 1: a type is none of OpenMetrics");
    }

    #[test]
    fn comments_are_the_four_words() {
        assert_eq!(open_metrics("# HELP a \\\"b\\\" \\n\\\\\n").unwrap(), ["HELP a \"b\" \n\\"]);
        for body in ["#\n", "# \n", "#HELP a b\n", "# COMMENT a b\n", "# HELP\n", "# HELP a\n", "# EOF \n"] {
            assert!(open_metrics(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_unit_is_the_end_of_the_name() {
        assert_eq!(open_metrics("# UNIT a_seconds seconds\n").unwrap(), ["UNIT a_seconds seconds"]);
        assert_eq!(open_metrics("# UNIT a \n").unwrap(), ["UNIT a "]);
        for name in ["aseconds", "seconds", "a"] {
            let error = open_metrics(&format!("# UNIT {name} seconds\n")).unwrap_err();
            assert_eq!(error, "line 1: a unit is not the end of the metric's name");
        }
    }

    #[test]
    fn timestamps_are_seconds() {
        assert_eq!(one(open_metrics("a 1 1.5\n")), r#"{__name__="a"} 1 @1500"#);
        for timestamp in ["NaN", "+Inf", "x"] {
            let error = open_metrics(&format!("a 1 {timestamp}\n")).unwrap_err();
            assert_eq!(error, "line 1: a timestamp is not a number of seconds");
        }
    }

    #[test]
    fn exemplars_follow_a_hash() {
        let body = "a_total{b=\"c\"} 1 1.5 # {trace_id=\"ab\",\"ü\"=\"1\"} 0.5 2.5\nb_total 2 # {} 1\n";
        assert_eq!(
            open_metrics(body).unwrap(),
            [
                r#"{__name__="a_total", b="c"} 1 @1500 # {trace_id="ab", ü="1"} 0.5 @2500"#,
                r#"{__name__="b_total"} 2 # {} 1"#,
            ]
        );
        for exemplar in
            ["# {}", "# {a=\"b\"} x", "# {a=\"b\"} 1 x", "# {\"a\"} 1", "#{} 1", "# {a=\"b\",a=\"c\"} 1"]
        {
            assert!(open_metrics(&format!("a_total 1 {exemplar}\n")).is_err(), "{exemplar}");
        }
    }

    #[test]
    fn exemplars_of_more_than_128_characters_are_left_out() {
        for (len, kept) in [(127, true), (128, false)] {
            let sample = one(open_metrics(&format!("a_total 1 # {{k=\"{}\"}} 1\n", "é".repeat(len))));
            assert_eq!(sample.contains('#'), kept, "{len}");
        }
    }

    #[test]
    fn samples_are_not_checked_further_as_they_are_not_by_prometheus() {
        let body = "# TYPE a counter\na_total -1\nb 1\na_total{x=\"y\"} NaN\n# TYPE a counter\n\
                    # TYPE h histogram\nh_bucket{le=\"2\"} 5\nh_bucket{le=\"1\"} 7\n";
        assert_eq!(open_metrics(body).unwrap().len(), 8);
    }

    /// OpenMetrics allows each of them once, before the samples; Prometheus takes what it can get.
    #[test]
    fn comments_may_be_repeated_and_come_late_as_with_prometheus() {
        let body = "a_seconds_total 1\n# TYPE a_seconds counter\n# HELP a_seconds x\n# UNIT a_seconds seconds\n\
                    # TYPE a_seconds gauge\n# HELP a_seconds y\n# UNIT a_seconds seconds\na_seconds 2\n";
        assert_eq!(
            open_metrics(body).unwrap(),
            [
                r#"{__name__="a_seconds_total"} 1"#,
                "TYPE a_seconds counter",
                "HELP a_seconds x",
                "UNIT a_seconds seconds",
                "TYPE a_seconds gauge",
                "HELP a_seconds y",
                "UNIT a_seconds seconds",
                r#"{__name__="a_seconds"} 2"#,
            ]
        );
    }

    #[test]
    fn created_lines_become_start_times() {
        let body = "# TYPE a counter\na_total{x=\"1\",y=\"2\"} 1\na_created{y=\"2\",x=\"1\"} 1.5\na_total{x=\"2\"} 2\n\
                    # TYPE h histogram\nh_bucket{z=\"1\",le=\"+Inf\"} 3\nh_count{z=\"1\"} 3\nh_created{z=\"1\"} 2.5\n\
                    # TYPE g gauge\ng 1\ng_created 7\n";
        let samples: Vec<_> =
            open_metrics(body).unwrap().into_iter().filter(|entry| entry.starts_with('{')).collect();
        assert_eq!(
            samples,
            [
                r#"{__name__="a_total", x="1", y="2"} 1 start 1500"#,
                r#"{__name__="a_total", x="2"} 2"#,
                r#"{__name__="h_bucket", le="+Inf", z="1"} 3 start 2500"#,
                r#"{__name__="h_count", z="1"} 3 start 2500"#,
                r#"{__name__="g"} 1"#,
                r#"{__name__="g_created"} 7"#,
            ]
        );
    }

    #[test]
    fn created_lines_are_series_if_that_is_wanted() {
        let options = ParseOptions { created_as_start: false, ..ParseOptions::default() };
        let body = b"# TYPE a counter\na_total 1\na_created 1.5\n# EOF\n";
        let entries = read(Format::OpenMetrics, body, options).unwrap();
        assert_eq!(entries[1..], [r#"{__name__="a_total"} 1"#, r#"{__name__="a_created"} 1.5"#]);
    }

    #[test]
    fn created_lines_of_utf8_names_are_found() {
        let body = "# TYPE \"a.b\" counter\n{\"a.b_total\",x=\"1\"} 1\n{\"a.b_created\",x=\"1\"} 3\n";
        assert_eq!(open_metrics(body).unwrap()[1..], [r#"{__name__="a.b_total", x="1"} 1 start 3000"#]);
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(body: Vec<u8>, pieces in prop::collection::vec(0_usize..PIECES.len(), 0..40)) {
        let lines: String = pieces.iter().map(|&piece| PIECES[piece]).collect();
        for body in [&body[..], lines.as_bytes()] {
            for format in [Format::Text, Format::OpenMetrics] {
                let error = read(format, body, ParseOptions::default()).err();
                prop_assert!(error.is_none_or(|error| error.starts_with("line ") || error.contains("twice")));
            }
        }
    }

    #[test]
    fn labels_come_back_whatever_is_in_them(
        labels in prop::collection::btree_map("\\PC{1,5}", "\\PC{1,5}|[\n\\\\\"]{1,3}", 0..5),
    ) {
        let escape = |text: &str| text.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"");
        prop_assume!(!labels.contains_key("__name__"));
        let mut line = String::from("{\"a\"");
        for (name, value) in &labels {
            line.push_str(&format!(",\"{}\"=\"{}\"", escape(name), escape(value)));
        }
        line.push_str("} 1\n# EOF\n");
        let mut wanted: Labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
            .chain([("__name__", "a")]).collect();
        for format in [Format::Text, Format::OpenMetrics] {
            let mut parser = Parser::new(format, line.as_bytes(), ParseOptions::default());
            let Some(Entry::Sample(sample)) = parser.next().unwrap() else { panic!("no sample") };
            let mut read = LabelsBuilder::default();
            sample.labels(&mut read).unwrap();
            prop_assert_eq!(&read.build(), &mut wanted);
        }
    }
}

const PIECES: &[&str] = &[
    "a",
    "{",
    "}",
    "\"",
    "\\",
    "\n",
    " ",
    "\t",
    "#",
    "# ",
    "TYPE ",
    "HELP ",
    "UNIT ",
    "EOF",
    "=",
    ",",
    "1",
    "-Inf",
    "le",
    "counter",
    "histogram",
    "a_total",
    "a_created",
    "é",
    "b=\"c\"",
    "# {",
    "1.5e3",
    "\0",
];
