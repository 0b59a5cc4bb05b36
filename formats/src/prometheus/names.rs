//! Names: what OpenTelemetry calls a metric, an attribute and a unit, as Prometheus calls them.
//!
//! - [`Strategy`]: whether characters are escaped, and whether unit and type become part of a metric's name
//! - [`Namer`]: the rules of one exporter; `metric`, `label` and `unit` hold them
//!
//! Prometheus's own library, `otlptranslator`, has the same rules, with every oddity that its users' dashboards rest
//! upon.

mod label;
mod metric;
#[cfg(test)]
mod tests;
mod unit;

use std::borrow::Cow;

/// `translation_strategy`: what becomes of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Letters, digits and underscores only; metrics are called after their unit and type.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Letters, digits and underscores only; nothing is added.
    UnderscoreEscapingWithoutSuffixes,
    /// All of UTF-8; metrics are called after their unit and type. Needs remote write 2.0 or UTF-8 negotiation.
    NoUtf8EscapingWithSuffixes,
    /// Names stay as they are. Needs remote write 2.0 or UTF-8 negotiation.
    NoTranslation,
}

impl Strategy {
    /// All of them, in the order of otelcol's documentation.
    pub const ALL: [Self; 4] = [
        Self::UnderscoreEscapingWithSuffixes,
        Self::UnderscoreEscapingWithoutSuffixes,
        Self::NoUtf8EscapingWithSuffixes,
        Self::NoTranslation,
    ];

    /// The word in the YAML.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnderscoreEscapingWithSuffixes => "UnderscoreEscapingWithSuffixes",
            Self::UnderscoreEscapingWithoutSuffixes => "UnderscoreEscapingWithoutSuffixes",
            Self::NoUtf8EscapingWithSuffixes => "NoUTF8EscapingWithSuffixes",
            Self::NoTranslation => "NoTranslation",
        }
    }

    /// The strategy of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.as_str() == word)
    }

    /// Whether characters that Prometheus 2 did not allow are escaped.
    #[must_use]
    pub const fn escapes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes)
    }

    /// The one that escapes, and is the same otherwise.
    #[must_use]
    pub const fn escaping(self) -> Self {
        match self.adds_suffixes() {
            true => Self::UnderscoreEscapingWithSuffixes,
            false => Self::UnderscoreEscapingWithoutSuffixes,
        }
    }

    /// Whether unit and type become part of a metric's name.
    #[must_use]
    pub const fn adds_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}

/// What the suffix of a metric's name depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A monotonic sum: `_total`.
    MonotonicSum,
    /// A gauge: `_ratio` if its unit is `1`.
    Gauge,
    /// Everything else, a sum that may fall among it.
    Other,
}

/// A name of which nothing is left. The metric, or the sample with such a label, has no form in Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unnameable {
    /// Nothing of the metric's name is left.
    #[error("the metric's name has no character that Prometheus allows")]
    Metric,
    /// Nothing of the attribute's key is left.
    #[error("an attribute's key has no character that Prometheus allows")]
    Label,
}

/// Makes names by one strategy.
#[derive(Debug, Clone, Default)]
pub struct Namer {
    strategy: Strategy,
    namespace: String,
    labels: LabelOptions,
}

/// How labels are escaped, beside the [`Strategy`]; the default is Prometheus's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LabelOptions {
    /// A single leading underscore gets `key` in front.
    pub underscore_gets_key: bool,
    /// Underscores in a row stay as many as they are.
    pub keep_underscores: bool,
}

impl Namer {
    /// A namer. `namespace`, unless empty, stands before each metric's name with an underscore.
    #[must_use]
    pub fn new(strategy: Strategy, namespace: &str) -> Self {
        Self { strategy, namespace: namespace.to_owned(), labels: LabelOptions::default() }
    }

    /// The same with other rules for labels.
    #[must_use]
    pub fn with_labels(mut self, labels: LabelOptions) -> Self {
        self.labels = labels;
        self
    }

    /// The same with names that every Prometheus allows.
    #[must_use]
    pub fn escaping(mut self) -> Self {
        self.strategy = self.strategy.escaping();
        self
    }

    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Appends the name of a metric to `out`. `unit` is as UCUM writes it.
    ///
    /// # Errors
    /// When nothing of the name is left; `out` is as before.
    pub fn metric(&self, out: &mut String, name: &str, unit: &str, kind: Kind) -> Result<(), Unnameable> {
        let start = out.len();
        let put = match (self.strategy.escapes(), self.strategy.adds_suffixes()) {
            (true, true) => metric::put_escaped_with_suffixes,
            (true, false) => metric::put_escaped,
            (false, true) => metric::put_with_suffixes,
            (false, false) => metric::put_verbatim,
        };
        if put(out, &self.namespace, name, metric::Suffixes { unit, kind }) {
            return Ok(());
        }
        out.truncate(start);
        Err(Unnameable::Metric)
    }

    /// The label of an attribute's key; borrowed where nothing has to be escaped.
    ///
    /// # Errors
    /// When nothing of the key is left.
    pub fn label<'a>(&self, key: &'a str) -> Result<Cow<'a, str>, Unnameable> {
        let label = match self.strategy.escapes() {
            true => label::escaped(key, self.labels),
            false => Cow::Borrowed(key),
        };
        let nothing_left = match self.strategy.escapes() {
            true => label.bytes().all(|byte| byte == b'_'),
            false => label.is_empty(),
        };
        if nothing_left { Err(Unnameable::Label) } else { Ok(label) }
    }

    /// Appends the unit as metadata has it: `By/s` is `bytes_per_second`. `1` and annotations are nothing.
    pub fn unit(&self, out: &mut String, unit: &str) {
        let unit = unit::Words::of(unit, self.strategy.escapes());
        out.push_str(&unit.main);
        if let Some(per) = unit.per {
            if !unit.main.is_empty() {
                out.push('_');
            }
            out.push_str("per_");
            out.push_str(&per);
        }
    }
}
