//! Numbers as the text forms write them.

/// Above this, not every integer is a double.
const LARGEST_PLAIN: f64 = 1e15;

/// Appends a value: the shortest text that reads as the same double.
pub(super) fn put_value(out: &mut Vec<u8>, value: f64) {
    if let Some(whole) = whole(value) {
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    }
}

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Prometheus,
    OpenMetrics,
}

/// Appends the value of `le` or `quantile`: never with an exponent. 1 is `1.0` in OpenMetrics.
pub(super) fn put_bound(out: &mut Vec<u8>, bound: f64, style: Style) {
    let start = out.len();
    if (1e-5..1e15).contains(&bound.abs()) && whole(bound).is_none() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(bound).as_bytes());
    } else if whole(bound).is_some() || !bound.is_finite() {
        put_value(out, bound);
    } else {
        out.extend_from_slice(bound.to_string().as_bytes());
    }
    let pointless = style == Style::OpenMetrics && bound.is_finite();
    if pointless && out.get(start..).is_some_and(|text| !text.contains(&b'.')) {
        out.extend_from_slice(b".0");
    }
}

/// Appends a count.
pub(super) fn put_count(out: &mut Vec<u8>, count: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
}

/// Appends milliseconds as the seconds of OpenMetrics.
pub(super) fn put_seconds(out: &mut Vec<u8>, ms: i64) {
    if ms < 0 {
        out.push(b'-');
    }
    let ms = ms.unsigned_abs();
    put_count(out, ms / 1000);
    out.push(b'.');
    let rest = ms % 1000;
    out.extend([rest / 100, rest / 10 % 10, rest % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or(0)));
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be small and whole")]
#[expect(clippy::float_cmp, reason = "exactly whole")]
fn whole(value: f64) -> Option<i64> {
    let negative_zero = value == 0.0 && value.is_sign_negative();
    (value.abs() < LARGEST_PLAIN && value.trunc() == value && !negative_zero).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_read_as_the_same_double() {
        for (value, wanted) in [
            (0.0, "0"),
            (1.0, "1"),
            (-3.0, "-3"),
            (0.25, "0.25"),
            (1e17, "1e17"),
            (123456789.0, "123456789"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(text(|out| put_value(out, value)), wanted);
        }
        for value in [-0.0, 0.1 + 0.2, 1.7e308, 2f64.powi(60), 1e21, -1e-7] {
            let back: f64 = text(|out| put_value(out, value)).parse().unwrap();
            assert_eq!(back.to_bits(), value.to_bits(), "{value}");
        }
    }

    #[test]
    fn bounds_have_no_exponent_and_a_point_in_openmetrics() {
        for (bound, plain, open) in [
            (1.0, "1", "1.0"),
            (0.005, "0.005", "0.005"),
            (100_000.0, "100000", "100000.0"),
            (-2.5, "-2.5", "-2.5"),
            (0.0, "0", "0.0"),
            (1e-7, "0.0000001", "0.0000001"),
            (1e21, "1000000000000000000000", "1000000000000000000000.0"),
            (1e15, "1000000000000000", "1000000000000000.0"),
            (f64::INFINITY, "+Inf", "+Inf"),
        ] {
            assert_eq!(text(|out| put_bound(out, bound, Style::Prometheus)), plain);
            assert_eq!(text(|out| put_bound(out, bound, Style::OpenMetrics)), open);
        }
    }

    #[test]
    fn milliseconds_are_seconds_with_three_digits() {
        for (ms, wanted) in
            [(1_520_879_607_789, "1520879607.789"), (5, "0.005"), (0, "0.000"), (-1500, "-1.500")]
        {
            assert_eq!(text(|out| put_seconds(out, ms)), wanted);
        }
    }
}
