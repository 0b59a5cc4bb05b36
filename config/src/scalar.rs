//! What a plain scalar means: YAML 1.2's core schema with the integers of YAML 1.1, as otelcol reads them.

use crate::node::Value;

/// Reads a scalar written without quotes.
///
/// `yes`, `no`, `on` and `off` are text, and so is anything that is no number: Go's yaml.v3 keeps them for
/// fields of type bool alone, and otelcol decodes into untyped maps first.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let starts_as_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    if !starts_as_number {
        return Value::String(text.into());
    }
    integer(text).or_else(|| float(text)).unwrap_or_else(|| Value::String(text.into()))
}

/// `12`, `-5`, `5_000`, `0x10`, `0o17`, `017`, `0b11`; within an `i64` or a `u64`.
pub(crate) fn integer(text: &str) -> Option<Value> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    // At least one digit, and `_` only between or after digits.
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    let (radix, plain) = match plain.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, plain.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, plain.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, plain.get(2..)?),
        [b'0', b'0'..=b'7', ..] if plain.bytes().all(|b| matches!(b, b'0'..=b'7')) => (8, plain.get(1..)?),
        _ => (10, plain.as_str()),
    };
    if plain.starts_with(['+', '-']) {
        return None;
    }
    let value = sign * i128::from_str_radix(plain, radix).ok()?;
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(Value::Int(value))
}

/// `1.5`, `.5`, `1.`, `1e3`, `-.inf`.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.trim_start_matches(['+', '-']);
    if text.len() - unsigned.len() > 1 {
        return None;
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Some(Value::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }));
    }
    let digits =
        unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-' | b'_'));
    if !digits || !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') || unsigned == "." {
        return None;
    }
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    plain.parse().ok().map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::plain;
    use crate::node::Value;

    #[test]
    fn plain_scalars_are_read_as_otelcol_reads_them() {
        let text = |t: &str| Value::String(t.into());
        for (yaml, value) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("null", Value::Null),
            ("nil", text("nil")),
            ("true", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("yes", text("yes")),
            ("off", text("off")),
            ("y", text("y")),
            ("0", Value::Int(0)),
            ("-0", Value::Int(0)),
            ("5_000", Value::Int(5000)),
            ("0x10", Value::Int(16)),
            ("0o17", Value::Int(15)),
            ("017", Value::Int(15)),
            ("08", Value::Int(8)),
            ("0b11", Value::Int(3)),
            ("+12", Value::Int(12)),
            ("18446744073709551615", Value::Int(u64::MAX.into())),
            ("18446744073709551616", Value::Float(18446744073709551616.0)),
            ("1.5", Value::Float(1.5)),
            (".5", Value::Float(0.5)),
            ("1.", Value::Float(1.0)),
            ("1e3", Value::Float(1000.0)),
            ("-.inf", Value::Float(f64::NEG_INFINITY)),
            ("1.2.3", text("1.2.3")),
            ("127.0.0.1", text("127.0.0.1")),
            ("200ms", text("200ms")),
            ("-", text("-")),
            (".", text(".")),
            ("--1", text("--1")),
            ("0x-1", text("0x-1")),
            ("1__", Value::Int(1)),
            ("12:30", text("12:30")),
            ("2024-01-01", text("2024-01-01")),
            ("inf", text("inf")),
        ] {
            assert_eq!(plain(yaml), value, "{yaml}");
        }
    }
}
