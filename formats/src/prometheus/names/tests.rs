use serde::Deserialize;

use super::*;

fn strategy(suffixes: bool, utf8: bool) -> Strategy {
    let found = Strategy::ALL.into_iter().find(|s| s.adds_suffixes() == suffixes && s.escapes() != utf8);
    found.unwrap()
}

fn metric(strategy: Strategy, namespace: &str, name: &str, unit: &str, kind: Kind) -> Option<String> {
    let mut out = "before:".to_owned();
    let result = Namer::new(strategy, namespace).metric(&mut out, name, unit, kind);
    let name = out.strip_prefix("before:").unwrap().to_owned();
    assert_eq!(result.is_err(), name.is_empty(), "an error leaves what was there");
    result.ok().map(|()| name)
}

fn unit(strategy: Strategy, unit: &str) -> String {
    let mut out = String::new();
    Namer::new(strategy, "").unit(&mut out, unit);
    out
}

#[derive(Deserialize)]
struct MetricCase {
    case: String,
    namespace: String,
    suffixes: bool,
    utf8: bool,
    name: String,
    unit: String,
    r#type: String,
    want: Option<String>,
    want_unit: String,
    want_error: Option<String>,
}

#[test]
fn metrics_are_called_as_in_prometheus_s_own_table() {
    let table = include_str!("../../../testdata/prometheus/metric_names.json");
    let cases: Vec<MetricCase> = serde_json::from_str(table).unwrap();
    assert_eq!(cases.len(), 42);
    for case in cases {
        let strategy = strategy(case.suffixes, case.utf8);
        let kind = match case.r#type.as_str() {
            "MonotonicCounter" => Kind::MonotonicSum,
            "Gauge" => Kind::Gauge,
            _ => Kind::Other,
        };
        let want = case.want.filter(|_| case.want_error.is_none());
        let got = metric(strategy, &case.namespace, &case.name, &case.unit, kind);
        assert_eq!(got, want, "{}", case.case);
        assert_eq!(unit(strategy, &case.unit), case.want_unit, "{}", case.case);
    }
}

#[derive(Deserialize)]
struct LabelCase {
    label: String,
    default: Option<String>,
    preserve_multiple_underscores: Option<String>,
    underscore_label_sanitization: Option<String>,
    error_utf8: bool,
}

#[test]
fn labels_are_called_as_in_prometheus_s_own_table() {
    let table = include_str!("../../../testdata/prometheus/label_names.json");
    let cases: Vec<LabelCase> = serde_json::from_str(table).unwrap();
    assert_eq!(cases.len(), 8);
    let namer = |options| Namer::default().with_labels(options);
    let keeping = namer(LabelOptions { keep_underscores: true, ..LabelOptions::default() });
    let keyed = namer(LabelOptions { underscore_gets_key: true, ..LabelOptions::default() });
    for case in cases {
        let label = |namer: &Namer| namer.label(&case.label).ok().map(String::from);
        assert_eq!(label(&Namer::default()), case.default, "{}", case.label);
        if case.preserve_multiple_underscores.is_some() {
            assert_eq!(label(&keeping), case.preserve_multiple_underscores, "{}", case.label);
        }
        if case.underscore_label_sanitization.is_some() {
            assert_eq!(label(&keyed), case.underscore_label_sanitization, "{}", case.label);
        }
        let verbatim = Namer::new(Strategy::NoTranslation, "");
        assert_eq!(label(&verbatim), (!case.error_utf8).then(|| case.label.clone()));
    }
}

#[test]
fn the_default_strategy_in_examples() {
    use Kind::{Gauge, MonotonicSum, Other};
    let rows = [
        ("http.server.duration", "s", Other, "", "http_server_duration_seconds"),
        ("requests", "1/s", Gauge, "", "requests_per_second"),
        ("requests", "1/s", MonotonicSum, "app", "app_requests_per_second_total"),
        ("system.memory.usage", "By", Gauge, "", "system_memory_usage_bytes"),
        ("total.requests", "", MonotonicSum, "", "requests_total"),
        ("cpu.ratio", "1", Gauge, "", "cpu_ratio"),
        ("123metric", "", Gauge, "", "_123metric"),
        ("a..b__c", "", Gauge, "", "a_b_c"),
        ("temp", "{reading}", Gauge, "", "temp"),
        ("foo.seconds.bar", "s", Gauge, "", "foo_seconds_bar"),
        ("metric__x", "unit__y", Gauge, "", "metric_x_unit_y"),
        ("_outer_", "", Gauge, "", "outer"),
        ("with:colon", "", Gauge, "", "with:colon"),
        ("sum", "1", Other, "", "sum"),
        ("x", "%", Gauge, "", "x_percent"),
        // A suffix that stands already, in a unit of several words, is not seen.
        ("requests_per_second", "1/s", Gauge, "", "requests_per_second_per_second"),
        ("foo_milliseconds", "s", Gauge, "", "foo_milliseconds_seconds"),
        // The namespace is not escaped.
        ("x", "", Gauge, "n.s", "n.s_x"),
        ("x", "", Gauge, "1", "_1_x"),
        ("x", "By/{op}", Gauge, "", "x_bytes"),
        ("x", "total", MonotonicSum, "", "x_total"),
    ];
    for (name, unit, kind, namespace, want) in rows {
        let got = metric(Strategy::UnderscoreEscapingWithSuffixes, namespace, name, unit, kind);
        assert_eq!(got.as_deref(), Some(want), "{name}");
    }
}

#[test]
fn without_suffixes_underscores_stay() {
    let rows = [
        ("a..b__c", "", "a_b__c"),
        (".a.", "", "a"),
        ("1a", "", "_1a"),
        ("1a", "n.s", "n_s_1a"),
        ("___", "", "___"),
        ("_a_", "", "_a_"),
        ("requests", "", "requests"),
    ];
    for (name, namespace, want) in rows {
        let got =
            metric(Strategy::UnderscoreEscapingWithoutSuffixes, namespace, name, "s", Kind::MonotonicSum);
        assert_eq!(got.as_deref(), Some(want), "{name}");
    }
}

#[test]
fn without_escaping_a_suffix_is_cut_off_with_one_character() {
    let with = Strategy::NoUtf8EscapingWithSuffixes;
    let rows = [
        ("subtotal", "", Kind::MonotonicSum, "su_total"),
        ("foo_milliseconds", "s", Kind::Gauge, "foo_milliseconds"),
        ("a.total", "", Kind::MonotonicSum, "a_total"),
        ("aétotal", "", Kind::MonotonicSum, "a_total"),
        ("total", "", Kind::MonotonicSum, "total_total"),
        ("x.ratio", "1", Kind::Gauge, "x_ratio"),
        ("req.per_second", "1/s", Kind::Gauge, "req_per_second"),
        ("req", "By/s", Kind::MonotonicSum, "req_bytes_per_second_total"),
        ("x", "a@b", Kind::Gauge, "x_a@b"),
    ];
    for (name, unit, kind, want) in rows {
        assert_eq!(metric(with, "", name, unit, kind).as_deref(), Some(want), "{name}");
    }
    let as_it_is = metric(Strategy::NoTranslation, "n.s", "a.b", "s", Kind::MonotonicSum);
    assert_eq!(as_it_is.as_deref(), Some("n.s_a.b"));
}

#[test]
fn a_name_of_which_nothing_is_left_is_an_error() {
    for strategy in Strategy::ALL {
        for kind in [Kind::Gauge, Kind::MonotonicSum, Kind::Other] {
            for namespace in ["", "app"] {
                assert_eq!(metric(strategy, namespace, "", "s", kind), None);
                let odd = metric(strategy, namespace, "@#$%", "s", kind);
                assert_eq!(odd.is_none(), strategy.escapes(), "{odd:?}");
            }
        }
    }
    let label = |strategy, key| Namer::new(strategy, "").label(key).is_err();
    for key in ["", "_", "____", "@", "é", "__.__"] {
        assert!(label(Strategy::default(), key), "{key}");
    }
    assert!(!label(Strategy::NoTranslation, "_"));
}

#[test]
fn labels_in_examples() {
    let rows = [
        ("__a__b__", "__a_b__"),
        ("__a", "_a"),
        ("x___", "x_"),
        (".foo", "_foo"),
        ("_foo", "_foo"),
        ("a:b", "a_b"),
        ("éa", "_a"),
        ("aéüb", "a_b"),
        ("1", "key_1"),
        ("__name__", "__name__"),
        ("___a___", "__a__"),
    ];
    for (key, want) in rows {
        assert_eq!(Namer::default().label(key).unwrap(), want, "{key}");
    }
    let keeping = LabelOptions { keep_underscores: true, ..LabelOptions::default() };
    let namer = Namer::default().with_labels(keeping);
    assert_eq!(namer.label("aéüb").unwrap(), "a__b", "each character counts as one");
    assert!(matches!(Namer::default().label("fine_1"), Ok(Cow::Borrowed("fine_1"))));
}

#[test]
fn each_unit_has_its_word() {
    let main = [
        ("d", "days"),
        ("h", "hours"),
        ("min", "minutes"),
        ("s", "seconds"),
        ("ms", "milliseconds"),
        ("us", "microseconds"),
        ("ns", "nanoseconds"),
        ("By", "bytes"),
        ("KiBy", "kibibytes"),
        ("MiBy", "mebibytes"),
        ("GiBy", "gibibytes"),
        ("TiBy", "tibibytes"),
        ("KBy", "kilobytes"),
        ("MBy", "megabytes"),
        ("GBy", "gigabytes"),
        ("TBy", "terabytes"),
        ("m", "meters"),
        ("V", "volts"),
        ("A", "amperes"),
        ("J", "joules"),
        ("W", "watts"),
        ("g", "grams"),
        ("Cel", "celsius"),
        ("Hz", "hertz"),
        ("1", ""),
        ("%", "percent"),
        ("kBy", "kBy"),
        ("{x}", ""),
    ];
    let per = [
        ("s", "second"),
        ("m", "minute"),
        ("h", "hour"),
        ("d", "day"),
        ("w", "week"),
        ("mo", "month"),
        ("y", "year"),
        ("fortnight", "fortnight"),
    ];
    for (code, word) in main {
        assert_eq!(unit(Strategy::default(), code), word);
    }
    for (code, word) in per {
        assert_eq!(unit(Strategy::default(), &format!("By/{code}")), format!("bytes_per_{word}"));
        assert_eq!(unit(Strategy::default(), &format!("1/{code}")), format!("per_{word}"));
    }
    assert_eq!(unit(Strategy::default(), "{a}/{b}"), "");
    assert_eq!(unit(Strategy::default(), "m/s/s"), "meters_per_s_s");
    assert_eq!(unit(Strategy::NoTranslation, "a@/b#"), "a@_per_b#");
}

#[test]
fn strategies_have_the_words_of_the_yaml() {
    for strategy in Strategy::ALL {
        assert_eq!(Strategy::parse(strategy.as_str()), Some(strategy));
    }
    assert_eq!(Strategy::parse("NoUTF8EscapingWithSuffixes"), Some(Strategy::NoUtf8EscapingWithSuffixes));
    assert_eq!(Strategy::parse("notranslation"), None);
}
