//! Prometheus's words for units as UCUM's codes, and the names that end in them.

use std::borrow::Cow;

use crate::prometheus::model::MetricType;

/// The code of a unit: `seconds` is `s`, `meters_per_second` is `m/s`. What is not known stays as it is.
pub(super) fn to_ucum(unit: &str) -> Cow<'_, str> {
    match unit.split_once("_per_") {
        Some((main, per)) => Cow::Owned(format!("{}/{}", code(main), per_code(per))),
        None => Cow::Borrowed(code(unit)),
    }
}

fn code(word: &str) -> &str {
    match word {
        "days" => "d",
        "hours" => "h",
        "minutes" => "min",
        "seconds" => "s",
        "milliseconds" => "ms",
        "microseconds" => "us",
        "nanoseconds" => "ns",
        "bytes" => "By",
        "kibibytes" => "KiBy",
        "mebibytes" => "MiBy",
        "gibibytes" => "GiBy",
        "tibibytes" | "tebibytes" => "TiBy",
        "kilobytes" => "KBy",
        "megabytes" => "MBy",
        "gigabytes" => "GBy",
        "terabytes" => "TBy",
        "meters" => "m",
        "volts" => "V",
        "amperes" => "A",
        "joules" => "J",
        "watts" => "W",
        "grams" => "g",
        "celsius" => "Cel",
        "hertz" => "Hz",
        "ratio" => "1",
        "percent" => "%",
        other => other,
    }
}

fn per_code(word: &str) -> &str {
    match word {
        "second" => "s",
        "minute" => "m",
        "hour" => "h",
        "day" => "d",
        "week" => "w",
        "month" => "mo",
        "year" => "y",
        other => other,
    }
}

/// `trim_metric_suffixes`: the name without what says type and unit.
pub(super) fn trimmed<'a>(name: &'a str, kind: MetricType, unit: &str) -> &'a str {
    let cut = |name: &'a str, suffix: &str| {
        name.strip_suffix(suffix)
            .and_then(|name| name.strip_suffix('_'))
            .filter(|name| !name.is_empty())
            .unwrap_or(name)
    };
    let name = if kind == MetricType::Counter { cut(name, "total") } else { name };
    if unit.is_empty() { name } else { cut(name, unit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_codes() {
        for (word, ucum) in [
            ("seconds", "s"),
            ("bytes", "By"),
            ("percent", "%"),
            ("ratio", "1"),
            ("celsius", "Cel"),
            ("meters_per_second", "m/s"),
            ("bytes_per_minute", "By/m"),
            ("tibibytes", "TiBy"),
            ("requests", "requests"),
            ("", ""),
        ] {
            assert_eq!(to_ucum(word), ucum, "{word}");
        }
    }

    #[test]
    fn names_lose_type_and_unit() {
        for (name, kind, unit, wanted) in [
            ("a_seconds_total", MetricType::Counter, "seconds", "a"),
            ("a_seconds_total", MetricType::Counter, "", "a_seconds"),
            ("a_total", MetricType::Gauge, "", "a_total"),
            ("a_bytes", MetricType::Gauge, "bytes", "a"),
            ("a_bytes", MetricType::Gauge, "seconds", "a_bytes"),
            ("_total", MetricType::Counter, "", "_total"),
            ("seconds", MetricType::Gauge, "seconds", "seconds"),
        ] {
            assert_eq!(trimmed(name, kind, unit), wanted, "{name}");
        }
    }
}
