//! Which format a body is in, and how it is asked for.

use crate::prometheus::escaping::Escaping;

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `text/plain; version=0.0.4`, and 1.0.0 with quoted names.
    Text,
    /// `application/openmetrics-text`.
    OpenMetrics,
    /// `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited`.
    Protobuf,
}

impl Format {
    /// The format of a `Content-Type`, `None` if it is none of these.
    #[must_use]
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let has = |name: &str, value: &str| {
            parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(key, word)| {
                key.trim().eq_ignore_ascii_case(name) && word.trim().trim_matches('"') == value
            })
        };
        let media_type = media_type.trim();
        if media_type.eq_ignore_ascii_case("text/plain") {
            Some(Self::Text)
        } else if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Some(Self::OpenMetrics)
        } else if media_type.eq_ignore_ascii_case("application/vnd.google.protobuf")
            && has("proto", "io.prometheus.client.MetricFamily")
            && has("encoding", "delimited")
        {
            Some(Self::Protobuf)
        } else {
            None
        }
    }
}

/// What `scrape_protocols` and `fallback_scrape_protocol` can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "Prometheus's own words")]
pub enum ScrapeProtocol {
    PrometheusProto,
    PrometheusText0_0_4,
    PrometheusText1_0_0,
    OpenMetricsText0_0_1,
    OpenMetricsText1_0_0,
}

impl ScrapeProtocol {
    /// Every protocol.
    pub const ALL: [Self; 5] = [
        Self::PrometheusProto,
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// What is asked for if nothing is configured, best first.
    #[must_use]
    pub fn default_order(native_histograms: bool) -> &'static [Self] {
        match Self::ALL.split_first() {
            Some((_, texts)) if !native_histograms => texts,
            _ => &Self::ALL,
        }
    }

    /// The word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
        }
    }

    /// The protocol of this [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.word() == word)
    }

    /// The format that its answers are in.
    #[must_use]
    pub const fn format(self) -> Format {
        match self {
            Self::PrometheusProto => Format::Protobuf,
            Self::PrometheusText0_0_4 | Self::PrometheusText1_0_0 => Format::Text,
            Self::OpenMetricsText0_0_1 | Self::OpenMetricsText1_0_0 => Format::OpenMetrics,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            Self::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            Self::PrometheusText1_0_0 => "text/plain;version=1.0.0",
            Self::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            Self::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
        }
    }

    /// Whether names that are not classic ones can be in it.
    const fn has_escaping(self) -> bool {
        matches!(self, Self::PrometheusText1_0_0 | Self::OpenMetricsText1_0_0)
    }
}

/// The `Accept` header that asks for these protocols, the first one most.
#[must_use]
pub fn accept(protocols: &[ScrapeProtocol], escaping: Escaping) -> String {
    let mut accept = String::new();
    let mut weight = ScrapeProtocol::ALL.len() + 1;
    for protocol in protocols.iter().take(ScrapeProtocol::ALL.len()) {
        accept.push_str(protocol.media_type());
        if protocol.has_escaping() {
            accept.push_str(";escaping=");
            accept.push_str(escaping.word());
        }
        accept.push_str(&format!(";q=0.{weight},"));
        weight -= 1;
    }
    accept.push_str("*/*;q=0.1");
    accept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_say_the_format() {
        for (content_type, format) in [
            ("text/plain", Some(Format::Text)),
            ("text/plain; version=0.0.4; charset=utf-8", Some(Format::Text)),
            ("text/plain; version=1.0.0; escaping=allow-utf-8", Some(Format::Text)),
            ("Text/Plain;version=0.0.4", Some(Format::Text)),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", Some(Format::OpenMetrics)),
            ("application/openmetrics-text", Some(Format::OpenMetrics)),
            (ScrapeProtocol::PrometheusProto.media_type(), Some(Format::Protobuf)),
            (
                r#"application/vnd.google.protobuf; proto="io.prometheus.client.MetricFamily"; encoding=delimited"#,
                Some(Format::Protobuf),
            ),
            ("application/vnd.google.protobuf", None),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", None),
            ("text/html", None),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(Format::from_content_type(content_type), format, "{content_type}");
        }
    }

    #[test]
    fn words_name_their_protocol_and_scheme() {
        for protocol in ScrapeProtocol::ALL {
            assert_eq!(ScrapeProtocol::from_word(protocol.word()), Some(protocol));
            assert_eq!(Format::from_content_type(protocol.media_type()), Some(protocol.format()));
        }
        for scheme in Escaping::ALL {
            assert_eq!(Escaping::from_word(scheme.word()), Some(scheme));
        }
        assert_eq!((ScrapeProtocol::from_word("text"), Escaping::from_word("utf-8")), (None, None));
    }

    #[test]
    fn accept_asks_for_the_best_first() {
        assert_eq!(
            accept(ScrapeProtocol::default_order(false), Escaping::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
        );
        let native = accept(ScrapeProtocol::default_order(true), Escaping::Underscores);
        assert!(native.starts_with(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
             application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,"
        ));
    }
}
