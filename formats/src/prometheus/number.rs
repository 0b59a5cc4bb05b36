//! Floats in text, as Prometheus reads and writes them.

use super::model::normal_nan;

/// Reads what Go's `ParseFloat` does, without hexadecimal digits and underscores: decimal numbers with or without
/// exponent, `Inf`, `Infinity` and `NaN` in any case. `None` for anything else, and for numbers above the largest one.
/// Every NaN becomes the normal one.
#[must_use]
pub fn parse_float(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    if value.is_finite() {
        return Some(value);
    }
    let has_sign = text.starts_with(['+', '-']);
    let is_word = text.as_bytes().get(usize::from(has_sign)).is_some_and(u8::is_ascii_alphabetic);
    match (value.is_nan(), is_word) {
        (true, _) if has_sign => None,
        (true, _) => Some(normal_nan()),
        (false, is_word) => is_word.then_some(value),
    }
}

/// As [`parse_float`], for times: seconds to milliseconds, rounded towards zero. `None` also for what is not finite.
#[must_use]
pub fn parse_seconds(text: &str) -> Option<i64> {
    let seconds = parse_float(text).filter(|seconds| seconds.is_finite())?;
    Some(seconds_to_millis(seconds))
}

/// Seconds to milliseconds, rounded towards zero and saturating.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
pub(crate) fn seconds_to_millis(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

/// Writes the shortest text that reads as the same float: Go's `%g` (`0.5`, `1e+06`, `+Inf`, `NaN`), and with at least
/// one digit after the point if there is no exponent (`1.0`). That is how OpenMetrics and Prometheus 3 write values of
/// `le` and `quantile`.
#[must_use]
pub fn open_metrics_float(value: f64) -> String {
    let mut text = go_float(value);
    if value.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

/// Go's `FormatFloat(value, 'g', -1, 64)`: the shortest text, with an exponent below 1e-4 and from 1e6 on.
/// The exponent has a sign and two digits.
fn go_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prometheus::model::NORMAL_NAN_BITS;

    #[test]
    fn floats_are_read_as_go_reads_them() {
        for (text, value) in [
            ("0", 0.0),
            ("-0", -0.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("+1e3", 1000.0),
            ("1E-3", 0.001),
            ("+Inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("Infinity", f64::INFINITY),
            ("1e-400", 0.0),
        ] {
            assert_eq!(parse_float(text).map(f64::to_bits), Some(value.to_bits()), "{text}");
        }
        for text in ["NaN", "nan", "nAn"] {
            assert_eq!(parse_float(text).map(f64::to_bits), Some(NORMAL_NAN_BITS), "{text}");
        }
        for text in [
            "", "1_2", "0x1p-3", "0x10", "true", "StaleNaN", "+NaN", "-nan", "1e400", "-1e999", "1 ", ".",
            "e5",
        ] {
            assert_eq!(parse_float(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_become_milliseconds() {
        assert_eq!(parse_seconds("1.5"), Some(1500));
        assert_eq!(parse_seconds("-1.5"), Some(-1500));
        assert_eq!(parse_seconds("1.726839813016397e+09"), Some(1_726_839_813_016));
        for text in ["NaN", "-Inf", "1z"] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_written_as_go_writes_them() {
        for (value, text) in [
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-2.0, "-2.0"),
            (0.005, "0.005"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (100_000.0, "100000.0"),
            (1e6, "1e+06"),
            (123_456_789.0, "1.23456789e+08"),
            (1_536.999_999_999_999_8, "1536.9999999999998"),
            (-8.999_999_999_999_979e-5, "-8.999999999999979e-05"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(open_metrics_float(value), text);
        }
    }

    proptest! {
        #[test]
        fn written_floats_are_read_back(value: f64) {
            prop_assume!(!value.is_nan());
            let text = open_metrics_float(value);
            prop_assert_eq!(parse_float(&text).map(f64::to_bits), Some(value.to_bits()), "{}", text);
        }
    }
}
