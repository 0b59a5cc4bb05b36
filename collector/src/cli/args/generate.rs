//! What can be typed after `generate`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use sluice_config::GoDuration;
use sluice_pdata::Signal;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Generate {
    /// What is sent.
    #[arg(value_enum)]
    signal: What,
    /// How it is sent. Zipkin and Jaeger take traces only.
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) protocol: Protocol,
    /// Where to: host:port, or a URL. https:// switches TLS on [default: the protocol's port on localhost]
    #[arg(long)]
    pub(in crate::cli) endpoint: Option<String>,
    /// Items per second of all workers; 0 is as fast as they are accepted.
    #[arg(long, default_value_t = 100.0)]
    pub(in crate::cli) rate: f64,
    /// For how long, such as 30s or 10m [default: until it is stopped]
    #[arg(long, value_parser = duration)]
    pub(in crate::cli) duration: Option<GoDuration>,
    /// How many items: spans, data points or log records [default: until it is stopped]
    #[arg(long)]
    pub(in crate::cli) count: Option<u64>,
    /// Services of the shop, which call each other.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::cli) services: u16,
    /// Metrics only: time series, at least.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(in crate::cli) series: u32,
    /// Further attributes of each item, with made-up names and values.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(in crate::cli) attributes: u16,
    /// An attribute of each item. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(in crate::cli) attribute: Vec<(String, String)>,
    /// An attribute of each resource. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(in crate::cli) resource_attribute: Vec<(String, String)>,
    /// Items per request; less where the rate is below this many per second and worker.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(in crate::cli) batch: u32,
    /// Connections that send at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::cli) workers: u16,
    /// A header to send, such as "Authorization: Bearer abc". May be repeated.
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub(in crate::cli) header: Vec<(String, String)>,
    /// Of requests: gzip, zstd, snappy, none; over HTTP also zlib, deflate, lz4.
    #[arg(long, default_value = "none")]
    pub(in crate::cli) compression: String,
    /// TLS for an endpoint that is host:port. The flags below ask for it, too.
    #[arg(long)]
    pub(in crate::cli) tls: bool,
    /// Trusted roots, a PEM file.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) ca_file: Option<PathBuf>,
    /// The certificate to show, a PEM file.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(in crate::cli) cert_file: Option<PathBuf>,
    /// Its key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// Takes every certificate.
    #[arg(long)]
    pub(in crate::cli) insecure_skip_verify: bool,
    /// How long to wait for an answer [default: 5s]
    #[arg(long, value_parser = duration)]
    pub(in crate::cli) timeout: Option<GoDuration>,
    /// How long a request is tried again before its items count as refused; 0s tries once [default: 30s]
    #[arg(long, value_parser = duration)]
    pub(in crate::cli) retry_for: Option<GoDuration>,
    /// Makes the same shop, ids and events again [default: another one each time]
    #[arg(long)]
    pub(in crate::cli) seed: Option<u64>,
}

impl Generate {
    pub(in crate::cli) fn signal(&self) -> Signal {
        match self.signal {
            What::Traces => Signal::Traces,
            What::Metrics => Signal::Metrics,
            What::Logs => Signal::Logs,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Traces,
    Metrics,
    Logs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Protocol {
    /// OTLP over gRPC.
    #[default]
    Otlp,
    /// OTLP over HTTP, protobuf.
    Otlphttp,
    /// Zipkin's v2 JSON over HTTP.
    Zipkin,
    /// Jaeger's gRPC API.
    Jaeger,
    /// Jaeger's Thrift over HTTP.
    JaegerThrift,
    /// Jaeger's compact Thrift over UDP, as its client libraries sent it to an agent. Nobody answers.
    JaegerUdp,
}

fn duration(text: &str) -> Result<GoDuration, String> {
    text.parse().map_err(|error: sluice_config::DurationError| error.to_string())
}

fn pair(text: &str) -> Result<(String, String), String> {
    split(text, '=').ok_or_else(|| "must be KEY=VALUE".to_owned())
}

fn header(text: &str) -> Result<(String, String), String> {
    split(text, ':').ok_or_else(|| "must be NAME: VALUE".to_owned())
}

fn split(text: &str, at: char) -> Option<(String, String)> {
    let (name, value) = text.split_once(at)?;
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_owned(), value.trim().to_owned()))
}
