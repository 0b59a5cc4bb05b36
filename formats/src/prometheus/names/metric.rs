//! Names of metrics, one function a strategy. Each says whether anything of the name is left.

use super::{Kind, unit::Words};

/// What a name ends in.
#[derive(Clone, Copy)]
pub(super) struct Suffixes<'a> {
    pub(super) unit: &'a str,
    pub(super) kind: Kind,
}

impl Suffixes<'_> {
    /// The suffix of the type, which is moved to the end if the name has it already.
    fn of_type(self) -> Option<&'static str> {
        match self.kind {
            Kind::MonotonicSum => Some("total"),
            Kind::Gauge if self.unit == "1" => Some("ratio"),
            Kind::Gauge | Kind::Other => None,
        }
    }
}

/// Cuts the name into words, adds those of the unit and the type that it lacks, and joins them.
///
/// Words have no underscores, so a unit of several words, `per_second`, is added even where it stands already.
pub(super) fn put_escaped_with_suffixes(
    out: &mut String,
    namespace: &str,
    name: &str,
    suffixes: Suffixes<'_>,
) -> bool {
    let start = out.len();
    let words = || name.split(|c: char| !is_word(c)).filter(|word| !word.is_empty());
    if words().next().is_none() {
        return false;
    }
    let has = |suffix: &str| words().any(|word| word == suffix);
    let last = suffixes.of_type();
    let unit = Words::of(suffixes.unit, true);
    out.push_str(namespace);
    for word in words().filter(|word| Some(*word) != last) {
        put_word(out, start, word);
    }
    if !unit.main.is_empty() && !has(&unit.main) && Some(&*unit.main) != last {
        put_word(out, start, &unit.main);
    }
    if let Some(per) = unit.per {
        put_word(out, start, "per");
        put_word(out, start, &per);
    }
    if let Some(last) = last {
        put_word(out, start, last);
    }
    digit_gets_underscore(out, start);
    true
}

/// Replaces what is between allowed characters by one underscore; underscores are allowed characters.
pub(super) fn put_escaped(out: &mut String, namespace: &str, name: &str, _: Suffixes<'_>) -> bool {
    let start = out.len();
    let put = |out: &mut String, text: &str| {
        let start = out.len();
        for part in text.split(|c: char| !is_word(c) && c != '_').filter(|part| !part.is_empty()) {
            put_word(out, start, part);
        }
        out.len() > start
    };
    if !namespace.is_empty() {
        put(out, namespace);
        out.push('_');
    }
    let something = put(out, name);
    if namespace.is_empty() {
        digit_gets_underscore(out, start);
    }
    let put = out.get(start..).unwrap_or_default();
    something && (put == name || put.bytes().any(|byte| byte != b'_'))
}

/// Cuts off the suffixes that the name has, with the character before them whatever it is, and adds all of them.
pub(super) fn put_with_suffixes(
    out: &mut String,
    namespace: &str,
    name: &str,
    suffixes: Suffixes<'_>,
) -> bool {
    let start = out.len();
    if !put_verbatim(out, namespace, name, suffixes) {
        return false;
    }
    let last = suffixes.of_type();
    let unit = Words::of(suffixes.unit, false);
    if let Some(last) = last {
        cut_off(out, start, last);
    }
    let per = unit.per.map(|per| format!("per_{per}"));
    if let Some(per) = &per {
        cut_off(out, start, per);
    }
    let ends_in_unit = out.get(start..).is_some_and(|put| put.ends_with(&*unit.main));
    if !ends_in_unit {
        put_word(out, start, &unit.main);
    }
    for suffix in per.as_deref().into_iter().chain(last) {
        put_word(out, start, suffix);
    }
    true
}

/// The name as it is.
pub(super) fn put_verbatim(out: &mut String, namespace: &str, name: &str, _: Suffixes<'_>) -> bool {
    if !namespace.is_empty() {
        out.push_str(namespace);
        out.push('_');
    }
    out.push_str(name);
    !name.is_empty()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// Appends a word to the name that begins at `start`.
fn put_word(out: &mut String, start: usize, word: &str) {
    if out.len() > start {
        out.push('_');
    }
    out.push_str(word);
}

fn digit_gets_underscore(out: &mut String, start: usize) {
    if out.get(start..).is_some_and(|put| put.starts_with(|c: char| c.is_ascii_digit())) {
        out.insert(start, '_');
    }
}

/// Cuts off the suffix and the one character before it, if something is left then.
fn cut_off(out: &mut String, start: usize, suffix: &str) {
    let rest = out.get(start..).and_then(|put| put.strip_suffix(suffix)).unwrap_or_default();
    let mut chars = rest.chars();
    if chars.next_back().is_some() && !chars.as_str().is_empty() {
        let length = chars.as_str().len();
        out.truncate(start + length);
    }
}
