//! The YAML of `zipkin`.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker};
use sluice_formats::zipkin::AttributeNames;
use sluice_net::http;

/// `receivers: zipkin:`, with otelcol's keys and defaults, and two of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The keys of every HTTP server, on `localhost:9411` by default.
    #[serde(rename = "..server")]
    pub server: http::ServerSettings,
    /// Turns tags into integers, doubles and booleans where they look like one.
    pub parse_string_tags: bool,
    /// What addresses, peers and scopes are called; otelcol chooses by feature gates.
    pub attribute_names: Names,
    /// Whether any `error` tag means failure, with its text as the reason, as Zipkin means it; otherwise only
    /// `error=true` does, as in otelcol.
    pub error_tag_is_message: bool,
}

/// The sets of attribute names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    /// `network.local.address`, `network.peer.address`, `service.peer.name`: otelcol's since 0.152.
    #[default]
    Current,
    /// `net.host.ip`, `net.peer.ip`, `peer.service`.
    Legacy,
    /// Both.
    Both,
}

impl From<Names> for AttributeNames {
    fn from(names: Names) -> Self {
        match names {
            Names::Current => Self::Current,
            Names::Legacy => Self::Legacy,
            Names::Both => Self::Both,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: http::ServerSettings::at("localhost:9411"),
            parse_string_tags: false,
            attribute_names: Names::default(),
            error_tag_is_message: false,
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        self.server.check(at);
    }
}
