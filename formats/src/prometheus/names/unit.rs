//! Units: UCUM's codes as the words of Prometheus.

use std::borrow::Cow;

/// A unit in words.
pub(super) struct Words<'a> {
    /// `bytes`; empty for none.
    pub(super) main: Cow<'a, str>,
    /// `second` of `per second`.
    pub(super) per: Option<Cow<'a, str>>,
}

impl<'a> Words<'a> {
    /// The words of a unit; `escape` makes those that are not known fit for a name.
    pub(super) fn of(unit: &'a str, escape: bool) -> Self {
        let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
        let fit = |word| if escape { escaped(word) } else { Cow::Borrowed(word) };
        let main = fit(word(code(main)));
        let per = fit(per_word(code(per)));
        Self { main, per: (!per.is_empty()).then_some(per) }
    }
}

/// The part of a unit without blanks around it; a part with an annotation, `{requests}`, counts for nothing.
fn code(part: &str) -> &str {
    let part = part.trim();
    if part.contains(['{', '}']) { "" } else { part }
}

fn word(code: &str) -> &str {
    match code {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        // So it is written in every exporter.
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        "1" => "",
        other => other,
    }
}

fn per_word(code: &str) -> &str {
    match code {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

/// Letters and digits; everything between them is one underscore.
fn escaped(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Cow::Borrowed(word);
    }
    let mut out = String::with_capacity(word.len());
    for part in word.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push('_');
        }
        out.push_str(part);
    }
    Cow::Owned(out)
}
