//! Which format a scraper is given, by its `Accept`.

use crate::prometheus::escaping::Escaping;

/// The scheme for scrapers that do not say one: they may be older than names in UTF-8.
const UNSAID: Escaping = Escaping::Underscores;

/// A form of the exposition that can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Format {
    Text0_0_4,
    Text1_0_0,
    OpenMetrics0_0_1,
    OpenMetrics1_0_0,
    /// Length-delimited `io.prometheus.client.MetricFamily`.
    Protobuf,
}

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Negotiated {
    /// The form.
    pub format: Format,
    /// What becomes of names that are not legacy names.
    pub escaping: Escaping,
}

impl Negotiated {
    /// Reads `Accept`: what the scraper likes best of what there is, by `q` and then by order; text 0.0.4 when nothing
    /// suits, as a scraper that fails tells less than one that tries. OpenMetrics counts only if it is `open_metrics`.
    ///
    /// Prometheus 3 says `escaping` of its text formats alone and takes the same names in protobuf: protobuf that is
    /// asked for without it has what the text formats are asked for with.
    #[must_use]
    pub fn of(accept: &str, open_metrics: bool) -> Self {
        let (mut best, mut any_escaping): (Option<Asked>, _) = (None, None);
        for asked in accept.split(',').filter_map(|range| Asked::read(range, open_metrics)) {
            any_escaping = any_escaping.or(asked.escaping);
            if asked.q > 0.0 && best.as_ref().is_none_or(|best| asked.q > best.q) {
                best = Some(asked);
            }
        }
        let Some(Asked { format, escaping, .. }) = best else {
            return Self { format: Format::Text0_0_4, escaping: UNSAID };
        };
        let unsaid = if format == Format::Protobuf { any_escaping } else { None };
        Self { format, escaping: escaping.or(unsaid).unwrap_or(UNSAID) }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> String {
        let media = match self.format {
            Format::Text0_0_4 => "text/plain; version=0.0.4; charset=utf-8",
            Format::Text1_0_0 => "text/plain; version=1.0.0; charset=utf-8",
            Format::OpenMetrics0_0_1 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            Format::OpenMetrics1_0_0 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        };
        format!("{media}; escaping={}", self.escaping.word())
    }
}

/// One range of `Accept` that can be served.
struct Asked {
    q: f32,
    format: Format,
    escaping: Option<Escaping>,
}

impl Asked {
    fn read(range: &str, open_metrics: bool) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let (mut q, mut version, mut escaping, mut encoding, mut message) = (1.0, "", None, "", "");
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => q = value.parse().ok().filter(|q| (0.0..=1.0).contains(q))?,
                "version" => version = value,
                "escaping" => escaping = Escaping::from_word(value),
                "encoding" => encoding = value,
                "proto" => message = value,
                _ => {}
            }
        }
        let format = match (media.as_str(), version) {
            ("application/vnd.google.protobuf", _)
                if encoding == "delimited" && message == "io.prometheus.client.MetricFamily" =>
            {
                Format::Protobuf
            }
            ("application/openmetrics-text", "1.0.0") if open_metrics => Format::OpenMetrics1_0_0,
            ("application/openmetrics-text", "" | "0.0.1") if open_metrics => Format::OpenMetrics0_0_1,
            ("text/plain", "1.0.0") => Format::Text1_0_0,
            ("text/plain", "" | "0.0.4") | ("text/*" | "*/*", _) => Format::Text0_0_4,
            _ => return None,
        };
        Some(Self { q, format, escaping })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
        application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
        text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const PROMETHEUS_3_NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
        encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
        application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
        text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const PROTOBUF_IN_DOTS: &str = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
        application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=dots";
    const PROMETHEUS_2: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
        version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

    #[track_caller]
    fn chosen(accept: &str, open_metrics: bool) -> (Format, Escaping) {
        let Negotiated { format, escaping } = Negotiated::of(accept, open_metrics);
        (format, escaping)
    }

    #[test]
    fn a_scraper_gets_what_it_likes_best() {
        use Escaping::{AllowUtf8, Dots, Underscores, Values};
        for (accept, text, open) in [
            (PROMETHEUS_3, (Format::Text1_0_0, AllowUtf8), (Format::OpenMetrics1_0_0, AllowUtf8)),
            (PROMETHEUS_3_NATIVE, (Format::Protobuf, AllowUtf8), (Format::Protobuf, AllowUtf8)),
            (PROTOBUF_IN_DOTS, (Format::Protobuf, Dots), (Format::Protobuf, Dots)),
            (PROMETHEUS_2, (Format::Text0_0_4, Underscores), (Format::OpenMetrics1_0_0, Underscores)),
            (
                "text/plain;q=0.1;escaping=values, application/openmetrics-text; version=0.0.1 ;q=1;escaping=dots",
                (Format::Text0_0_4, Values),
                (Format::OpenMetrics0_0_1, Dots),
            ),
            // Refused by q=0, unknown versions, other messages, nonsense.
            (
                "application/openmetrics-text;q=0",
                (Format::Text0_0_4, Underscores),
                (Format::Text0_0_4, Underscores),
            ),
            (
                "application/openmetrics-text;version=9",
                (Format::Text0_0_4, Underscores),
                (Format::Text0_0_4, Underscores),
            ),
            (
                "application/vnd.google.protobuf",
                (Format::Text0_0_4, Underscores),
                (Format::Text0_0_4, Underscores),
            ),
            (
                "text/plain;escaping=odd;q=x,,;=;",
                (Format::Text0_0_4, Underscores),
                (Format::Text0_0_4, Underscores),
            ),
            ("", (Format::Text0_0_4, Underscores), (Format::Text0_0_4, Underscores)),
        ] {
            assert_eq!(chosen(accept, false), text, "{accept}");
            assert_eq!(chosen(accept, true), open, "{accept}");
        }
    }

    #[test]
    fn the_content_type_says_what_was_chosen() {
        assert_eq!(
            Negotiated::of("*/*", true).content_type(),
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
        );
        assert_eq!(
            Negotiated::of(PROMETHEUS_3, true).content_type(),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        );
    }
}
