//! The YAML of `jaegerremotesampling`.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration, Section};
use sluice_net::{grpc, http};

use super::strategies::Strategies;

/// `extensions: jaegerremotesampling:`, with otelcol's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where strategies are served.
    #[serde(rename = "..servers")]
    pub servers: Servers,
    /// Where strategies come from.
    pub source: Source,
}

/// Both servers. If neither is written, both are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Servers {
    /// `/sampling`, on `localhost:5778` by default.
    pub http: Section<http::ServerSettings>,
    /// `SamplingManager`, on `localhost:14250` by default.
    pub grpc: Section<grpc::ServerSettings>,
}

/// `source:`, one of three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// A file of strategies, as Jaeger's `--sampling.strategies-file`.
    pub file: String,
    /// A server that is asked over gRPC.
    pub remote: Section<grpc::ClientSettings>,
    /// The content of such a file.
    pub contents: String,
    /// How often the file is read again, and how long answers of the server are kept; 0 is never, and not at all.
    pub reload_interval: GoDuration,
}

impl Default for Servers {
    fn default() -> Self {
        Self {
            http: Section::off_with(http::ServerSettings::at("localhost:5778")),
            grpc: Section::off_with(grpc::ServerSettings::at("localhost:14250")),
        }
    }
}

impl Servers {
    /// The settings of the servers that are on.
    pub(super) fn on(&self) -> (Option<&http::ServerSettings>, Option<&grpc::ServerSettings>) {
        match (self.http.as_option(), self.grpc.as_option()) {
            (None, None) => (Some(self.http.value()), Some(self.grpc.value())),
            written => written,
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        at.inside("http", &self.servers.http);
        at.inside("grpc", &self.servers.grpc);
        at.inside("source", &self.source);
    }
}

impl Check for Source {
    fn check(&self, at: &mut Checker<'_>) {
        let sources = [!self.file.is_empty(), self.remote.is_on(), !self.contents.is_empty()];
        match sources.into_iter().filter(|&written| written).count() {
            0 => at.error("no sources specified, has to be either 'file', 'remote' or 'contents'"),
            1 => {}
            _ => at.error("too many sources specified, has to be either 'file', 'remote' or 'contents'"),
        }
        if self.file.starts_with("http://") || self.file.starts_with("https://") {
            at.key("file").error("reading strategies from a URL is not built yet: write a path");
        } else if !self.file.is_empty()
            && at.sees_machine()
            && let Err(why) = Strategies::read(&self.file)
        {
            at.key("file").error(why);
        }
        if !self.contents.is_empty()
            && let Err(why) = Strategies::parse(&self.contents)
        {
            at.key("contents").error(why);
        }
        at.inside("remote", &self.remote);
    }
}
