//! Integers out of decimal text, exact: no detour through floating point.

/// Reads `[-]digits[.digits][e[+-]digits]` that stands for an integer, such as `5`, `5.0`, `15e2` or
/// `9007199254740993.0`. `None` if it is not an integer or does not fit an `i128`.
pub(super) fn integer(text: &[u8]) -> Option<i128> {
    let (negative, magnitude) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let (digits, exponent) = match magnitude.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(e) => (magnitude.get(..e)?, exponent(magnitude.get(e + 1..)?)?),
        None => (magnitude, 0),
    };
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) => (digits.get(..point)?, digits.get(point + 1..)?),
        None => (digits, &[][..]),
    };
    if whole.is_empty() {
        return None;
    }
    let fraction_len = i64::try_from(fraction.len()).ok()?;
    let mut value: i128 = 0;
    // Zeros are counted before they are multiplied in: a number may end in more than it can hold and still be small.
    let mut zeros: i64 = 0;
    for byte in whole.iter().chain(fraction) {
        match byte {
            b'0' => zeros += 1,
            b'1'..=b'9' => {
                value = scaled(value, zeros + 1)?.checked_add(i128::from(byte - b'0'))?;
                zeros = 0;
            }
            _ => return None,
        }
    }
    let value = scaled(value, exponent.checked_sub(fraction_len)?.checked_add(zeros)?)?;
    Some(if negative { -value } else { value })
}

/// `value` times ten to the `power`; `None` if that is not an integer or too large.
fn scaled(value: i128, power: i64) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    10_i128.checked_pow(u32::try_from(power).ok()?)?.checked_mul(value)
}

fn exponent(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A `double` from a JSON number, or from the text of a JSON string, which may also be `NaN`, `Infinity` and the
/// like. `None` if it is no number, or is one that a double cannot hold.
pub(super) fn double(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let value: f64 = text.parse().ok()?;
    let named = text.bytes().any(|byte| matches!(byte, b'i' | b'I' | b'n' | b'N'));
    (value.is_finite() || named).then_some(value)
}
