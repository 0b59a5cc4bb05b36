//! How numbers, times and values are written: as Go's `fmt` does, since people search the output.

use std::fmt::{self, Write};

use sluice_pdata::view::{AnyValueView, Attributes, Text};

/// Text that grows line by line.
#[derive(Debug, Default)]
pub(super) struct Dump(String);

/// Appends one line to a [`Dump`].
macro_rules! line {
    ($dump:expr, $($text:tt)*) => {
        $dump.line(format_args!($($text)*))
    };
}
pub(super) use line;

impl Dump {
    pub(super) fn line(&mut self, text: fmt::Arguments<'_>) {
        self.piece(text);
        self.0.push('\n');
    }

    /// A part of a line.
    pub(super) fn piece(&mut self, text: fmt::Arguments<'_>) {
        // A `String` takes everything.
        self.0.write_fmt(text).unwrap_or_default();
    }

    /// ` -> key: Value` lines below a headline; nothing if there are no attributes.
    pub(super) fn attributes(&mut self, headline: &str, indent: &str, attributes: Attributes<'_>) {
        if attributes.is_empty() {
            return;
        }
        line!(self, "{headline}:");
        for attribute in attributes {
            line!(self, "{indent}     -> {}: {}", Clean(attribute.key), Typed(attribute.value));
        }
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Text from outside. Control characters, and invisible ones that turn text around, are written as escapes: telemetry
/// must not drive the terminal that shows it, nor fake lines of the dump.
#[derive(Clone, Copy)]
pub(super) struct Clean<'a>(pub(super) Text<'a>);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        clean(self.0.as_str(), f)
    }
}

fn clean(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = text;
    while let Some((at, control)) = rest.char_indices().find(|(_, letter)| is_invisible(*letter)) {
        let (plain, from_control) = rest.split_at(at);
        f.write_str(plain)?;
        match control {
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            other => write!(f, "\\u{:04x}", u32::from(other))?,
        }
        rest = from_control.get(control.len_utf8()..).unwrap_or_default();
    }
    f.write_str(rest)
}

fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A value in its string form: lists and maps as JSON.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a>(pub(super) AnyValueView<'a>);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        clean(&String::from_utf8_lossy(&self.0.to_text()), f)
    }
}

/// A value with the name of its type: `Str(a)`.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a>(pub(super) AnyValueView<'a>);

impl fmt::Display for Typed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            AnyValueView::Empty => "Empty",
            AnyValueView::String(_) => "Str",
            AnyValueView::Bool(_) => "Bool",
            AnyValueView::Int(_) => "Int",
            AnyValueView::Double(_) => "Double",
            AnyValueView::Array(_) => "Slice",
            AnyValueView::Kvlist(_) => "Map",
            AnyValueView::Bytes(_) => "Bytes",
        };
        write!(f, "{name}({})", Plain(self.0))
    }
}

/// Bytes as lower-case hex. An id of zeros is no id.
#[derive(Clone, Copy)]
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Nanoseconds since the Unix epoch, as `time.Time` prints in UTC: `2020-02-11 20:26:12.000000321 +0000 UTC`.
#[derive(Clone, Copy)]
pub(super) struct Time(pub(super) u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Go reads the number as signed.
        let nanos = self.0.cast_signed();
        let (seconds, fraction) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
        if fraction != 0 {
            write!(f, ".{}", format!("{fraction:09}").trim_end_matches('0'))?;
        }
        f.write_str(" +0000 UTC")
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that a leap day is the last of its year: eras of 400 years, 146,097 days each.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Go's `%f`.
#[derive(Clone, Copy)]
pub(super) struct Fixed(pub(super) f64);

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match special(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "{:.6}", self.0),
        }
    }
}

/// Go's `%v`: the shortest form, with an exponent below 1e-4 and from 1e6.
#[derive(Clone, Copy)]
pub(super) struct Shortest(pub(super) f64);

impl fmt::Display for Shortest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = special(self.0) {
            return f.write_str(name);
        }
        let scientific = format!("{:e}", self.0);
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if (-4..6).contains(&exponent) {
            return write!(f, "{}", self.0);
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(f, "{mantissa}e{sign}{:02}", exponent.abs())
    }
}

fn special(v: f64) -> Option<&'static str> {
    match v {
        v if v.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_gos() {
        for (nanos, text) in [
            (0, "1970-01-01 00:00:00 +0000 UTC"),
            (1_581_452_772_000_000_321, "2020-02-11 20:26:12.000000321 +0000 UTC"),
            (1_544_712_660_300_000_000, "2018-12-13 14:51:00.3 +0000 UTC"),
            (951_782_400_000_000_000, "2000-02-29 00:00:00 +0000 UTC"),
            (951_868_799_999_999_999, "2000-02-29 23:59:59.999999999 +0000 UTC"),
            (4_107_542_400_000_000_000, "2100-03-01 00:00:00 +0000 UTC"),
            (u64::MAX, "1969-12-31 23:59:59.999999999 +0000 UTC"),
        ] {
            assert_eq!(Time(nanos).to_string(), text);
        }
    }

    #[test]
    fn floats_are_gos() {
        for (v, shortest, fixed) in [
            (0.0, "0", "0.000000"),
            (123.456, "123.456", "123.456000"),
            (1_000_000.0, "1e+06", "1000000.000000"),
            (999_999.5, "999999.5", "999999.500000"),
            (1_234_567.0, "1.234567e+06", "1234567.000000"),
            (0.00001, "1e-05", "0.000010"),
            (0.0001, "0.0001", "0.000100"),
            (1e21, "1e+21", "1000000000000000000000.000000"),
            (-1.5e-7, "-1.5e-07", "-0.000000"),
            (1e100, "1e+100", &format!("{:.6}", 1e100)),
            (f64::NAN, "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
        ] {
            assert_eq!(Shortest(v).to_string(), shortest);
            assert_eq!(Fixed(v).to_string(), fixed);
        }
    }

    #[test]
    fn i15_control_characters_of_telemetry_are_escaped() {
        let text = "a\nSpan #7\r\u{1b}[31mred\u{7f}\u{9b}\u{202e}é🦀";
        assert_eq!(Clean(text.into()).to_string(), "a\\nSpan #7\\r\\u001b[31mred\\u007f\\u009b\\u202eé🦀");
    }

    #[test]
    fn ids_of_zeros_are_not_shown() {
        assert_eq!(Hex(&[0; 16]).to_string(), "");
        assert_eq!(Hex(&[0, 0xab]).to_string(), "00ab");
    }
}
