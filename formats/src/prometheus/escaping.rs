//! Names beyond `[a-zA-Z0-9_:]`, for scrapers that cannot read them.

use std::{borrow::Cow, fmt::Write as _};

/// What becomes of names that are not legacy names: the parameter `escaping` of `Accept` and `Content-Type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// They stay, in quotes.
    #[default]
    AllowUtf8,
    /// Each character that is not allowed becomes `_`.
    Underscores,
    /// `.` becomes `_dot_`, `_` and every other character that is not allowed become `__`; legacy names as well.
    Dots,
    /// `U__` and then each character that is not allowed as `_` its code point in hexadecimal `_`, `_` as `__`.
    Values,
}

impl Escaping {
    /// Every scheme.
    pub const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// The word of the parameter, and of configurations.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// The scheme of a [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.word() == word)
    }

    /// A metric name under this scheme.
    #[must_use]
    pub fn metric_name(self, name: &str) -> Cow<'_, str> {
        self.escape(name, true)
    }

    /// A label name under this scheme.
    #[must_use]
    pub fn label_name(self, name: &str) -> Cow<'_, str> {
        self.escape(name, false)
    }

    fn escape(self, name: &str, colons: bool) -> Cow<'_, str> {
        let legacy = is_legacy(name, colons);
        if self == Self::AllowUtf8 || legacy && self != Self::Dots {
            return Cow::Borrowed(name);
        }
        let mut escaped = String::with_capacity(name.len() + 8);
        if self == Self::Values {
            escaped.push_str("U__");
        }
        for (at, c) in name.char_indices() {
            match self {
                Self::Dots | Self::Values if c == '_' => escaped.push_str("__"),
                _ if is_legacy_char(c, at == 0, colons) => escaped.push(c),
                Self::Underscores | Self::AllowUtf8 => escaped.push('_'),
                Self::Dots if c == '.' => escaped.push_str("_dot_"),
                Self::Dots => escaped.push_str("__"),
                Self::Values => {
                    // Writing to a string does not fail.
                    let _ok = write!(escaped, "_{:x}_", u32::from(c));
                }
            }
        }
        Cow::Owned(escaped)
    }
}

/// Whether a metric name needs no quotes: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
#[must_use]
pub fn is_legacy_metric_name(name: &str) -> bool {
    is_legacy(name, true)
}

/// Whether a label name needs no quotes: `[a-zA-Z_][a-zA-Z0-9_]*`.
#[must_use]
pub fn is_legacy_label_name(name: &str) -> bool {
    is_legacy(name, false)
}

fn is_legacy(name: &str, colons: bool) -> bool {
    !name.is_empty() && name.char_indices().all(|(at, c)| is_legacy_char(c, at == 0, colons))
}

fn is_legacy_char(c: char, first: bool, colons: bool) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':' && colons || c.is_ascii_digit() && !first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_escapes_as_its_name_says() {
        for (name, underscores, dots, values) in [
            ("up", "up", "up", "up"),
            (
                "mysystem_almost:escaped",
                "mysystem_almost:escaped",
                "mysystem__almost:escaped",
                "mysystem_almost:escaped",
            ),
            ("http.requests", "http_requests", "http_dot_requests", "U__http_2e_requests"),
            ("a_b.c", "a_b_c", "a__b_dot_c", "U__a__b_2e_c"),
            ("2xx", "_xx", "__xx", "U___32_xx"),
            ("caf\u{e9} \u{1f600}", "caf___", "caf______", "U__caf_e9__20__1f600_"),
        ] {
            assert_eq!(Escaping::AllowUtf8.metric_name(name), name);
            assert_eq!(Escaping::Underscores.metric_name(name), underscores);
            assert_eq!(Escaping::Dots.metric_name(name), dots);
            assert_eq!(Escaping::Values.metric_name(name), values);
            for scheme in [Escaping::Underscores, Escaping::Dots, Escaping::Values] {
                assert!(is_legacy_metric_name(&scheme.metric_name(name)), "{scheme:?} {name}");
            }
        }
    }

    #[test]
    fn a_colon_is_for_metrics_alone() {
        assert!(is_legacy_metric_name("a:b") && !is_legacy_label_name("a:b"));
        assert_eq!(Escaping::Underscores.label_name("a:b"), "a_b");
        assert!(!is_legacy_label_name("") && !is_legacy_label_name("1a") && is_legacy_label_name("_1"));
    }

    #[test]
    fn schemes_come_back_from_their_words() {
        for scheme in Escaping::ALL {
            assert_eq!(Escaping::from_word(scheme.word()), Some(scheme));
        }
        assert_eq!(Escaping::from_word("none"), None);
    }
}
