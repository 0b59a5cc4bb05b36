//! Where the load goes: the protocol, as the exporter that speaks it and that exporter's settings.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use sluice_component::{
    Registry,
    factory::{AnyExporter, Parsed, Purpose},
};
use sluice_config::{GoDuration, Node, Problems, Reach};
use sluice_pdata::Signal;

use crate::cli::{
    args::{Generate, Protocol},
    failure::Failure,
};

const TIMEOUT: GoDuration = GoDuration::from_secs(5);
const RETRY_FOR: GoDuration = GoDuration::from_secs(30);

pub(super) struct Target {
    pub(super) signal: Signal,
    pub(super) way: Way,
}

pub(super) enum Way {
    Exporter {
        factory: Arc<dyn AnyExporter>,
        settings: Parsed,
    },
    /// `host:port` of a Jaeger agent's port for the compact protocol.
    Udp(String),
}

impl Target {
    pub(super) fn new(options: &Generate, registry: &Registry) -> Result<Self, Failure> {
        let signal = options.signal();
        let (type_, default) = exporter(options.protocol);
        let Some(type_) = type_ else {
            only_traces(signal)?;
            only_what_udp_has(options)?;
            let address = options.endpoint.clone().unwrap_or_else(|| default.to_owned());
            return Ok(Self { signal, way: Way::Udp(address) });
        };
        let factory = registry.exporters.get(type_);
        let factory =
            factory.ok_or_else(|| Failure::new(format!("this build has no exporter `{type_}`")))?.clone();
        if !factory.routes().contains(&(signal, signal)) {
            only_traces(signal)?;
        }
        if uses_tls(options) && options.endpoint.as_ref().is_some_and(|typed| typed.starts_with("http://")) {
            return Err(Failure::new("--endpoint: http:// is without TLS, and another flag asks for it"));
        }
        let settings = settings(options, default);
        // JSON is YAML.
        let node = Node::from_yaml("command line", &settings.to_string()).map_err(|p| wrong(&p))?;
        let mut problems = Problems::new();
        let purpose = Purpose { signals: &[signal], reach: Reach::Machine };
        let parsed = factory.parse_for(purpose, &node, type_, &mut problems);
        let settings = parsed.filter(|_| !problems.has_errors()).ok_or_else(|| wrong(&problems))?;
        Ok(Self { signal, way: Way::Exporter { factory, settings } })
    }
}

/// The exporter of a protocol, and its default endpoint.
fn exporter(protocol: Protocol) -> (Option<&'static str>, &'static str) {
    match protocol {
        Protocol::Otlp => (Some("otlp"), "localhost:4317"),
        Protocol::Otlphttp => (Some("otlphttp"), "http://localhost:4318"),
        Protocol::Zipkin => (Some("zipkin"), "http://localhost:9411/api/v2/spans"),
        Protocol::Jaeger => (Some("jaeger"), "localhost:14250"),
        Protocol::JaegerThrift => (Some("jaeger_thrift"), "http://localhost:14268/api/traces"),
        Protocol::JaegerUdp => (None, "localhost:6831"),
    }
}

fn only_traces(signal: Signal) -> Result<(), Failure> {
    match signal {
        Signal::Traces => Ok(()),
        _ => Err(Failure::new(format!(
            "--protocol: Zipkin and Jaeger take traces only; {signal} go by otlp or otlphttp"
        ))),
    }
}

fn only_what_udp_has(options: &Generate) -> Result<(), Failure> {
    let flags = [
        ("--tls", options.tls),
        ("--ca-file", options.ca_file.is_some()),
        ("--cert-file", options.cert_file.is_some()),
        ("--key-file", options.key_file.is_some()),
        ("--insecure-skip-verify", options.insecure_skip_verify),
        ("--header", !options.header.is_empty()),
        ("--compression", options.compression != "none"),
        ("--timeout", options.timeout.is_some()),
        ("--retry-for", options.retry_for.is_some_and(|time| !time.is_zero())),
    ];
    let given: Vec<_> = flags.iter().filter(|(_, given)| *given).map(|(flag, _)| *flag).collect();
    if given.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{}: not with --protocol jaeger-udp, which cannot do that", given.join(", "))))
}

/// Whether a flag asks for TLS; `https://` does, too.
fn uses_tls(options: &Generate) -> bool {
    options.tls || options.ca_file.is_some() || options.cert_file.is_some() || options.insecure_skip_verify
}

/// The exporter's section, as it would stand in a configuration. Without a queue the verdict is the backend's.
pub(super) fn settings(options: &Generate, default: &str) -> Value {
    let timeout = options.timeout.unwrap_or(TIMEOUT);
    let retry_for = options.retry_for.unwrap_or(RETRY_FOR);
    let at_most = |longest: GoDuration| longest.min(retry_for).to_string();
    let headers: Map<String, Value> =
        options.header.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mut tls = Map::new();
    let files =
        [("ca_file", &options.ca_file), ("cert_file", &options.cert_file), ("key_file", &options.key_file)];
    for (key, file) in files {
        if let Some(file) = file {
            tls.insert(key.to_owned(), file.to_string_lossy().into());
        }
    }
    tls.insert("insecure".to_owned(), (!uses_tls(options)).into());
    tls.insert("insecure_skip_verify".to_owned(), options.insecure_skip_verify.into());
    json!({
        "endpoint": endpoint(options, default),
        "tls": tls,
        "headers": headers,
        "compression": options.compression,
        "timeout": timeout.to_string(),
        "retry_on_failure": {
            "enabled": !retry_for.is_zero(),
            "initial_interval": at_most(GoDuration::from_millis(100)),
            "max_interval": at_most(GoDuration::from_secs(5)),
            "max_elapsed_time": retry_for.to_string(),
        },
        "sending_queue": { "enabled": false },
    })
}

/// What was typed, with the scheme and path that a URL of this protocol needs and that were left out.
fn endpoint(options: &Generate, default: &str) -> String {
    let Some(typed) = &options.endpoint else {
        return default.to_owned();
    };
    let Some((_, rest)) = default.split_once("://") else {
        return typed.clone();
    };
    let url = match typed.contains("://") {
        true => typed.clone(),
        false if uses_tls(options) => format!("https://{typed}"),
        false => format!("http://{typed}"),
    };
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    if has_path { url } else { url + path }
}

/// What was typed is not shown: it may hold credentials.
fn wrong(problems: &Problems) -> Failure {
    let texts = problems.iter().map(|problem| {
        let key = problem.path.split_once('.').map_or("", |(_, key)| key);
        format!("{key}: {}", problem.message)
    });
    Failure::new(texts.collect::<Vec<_>>().join("; "))
}
