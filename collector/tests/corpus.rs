//! Configurations of real projects: each is valid, or fails with the reason that its index states, or lists
//! precisely the components that sluice does not have yet.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
};

use sluice::{components, plan::Plan};
use sluice_config::{Environment, Loader, Problems, Severity};

/// Every variable that the configurations refer to.
const VARIABLES: &[(&str, &str)] = &[
    ("ACCESS_TOKEN", "token"),
    ("BASIC_AUTH_PASSWORD", "password"),
    ("BASIC_AUTH_USERNAME", "user"),
    ("ENVOY_PORT", "10000"),
    ("K8S_NODE_IP", "10.0.0.1"),
    ("K8S_NODE_NAME", "node-1"),
    ("METRICS_PORT", "8888"),
    ("MY_POD_IP", "10.0.0.2"),
    ("OTEL_COLLECTOR_HOST", "localhost"),
    ("OTEL_COLLECTOR_PORT_GRPC", "4317"),
    ("OTEL_COLLECTOR_PORT_HTTP", "4318"),
    ("OTEL_K8S_NAMESPACE", "default"),
    ("OTEL_K8S_NODE_IP", "10.0.0.1"),
    ("OTEL_K8S_NODE_NAME", "node-1"),
    ("OTEL_K8S_POD_IP", "10.0.0.2"),
    ("OTEL_K8S_POD_NAME", "pod-1"),
    ("OTEL_PORT", "4317"),
    ("ProgramData", "C:\\ProgramData"),
];

/// What the index calls invalid, with the words in which we say why.
const INVALID: &[(&str, &str)] = &[
    ("contrib-examples-demo.yaml", "the logging exporter was replaced by `debug`"),
    ("contrib-routing-tenant.yaml", "must specify at least one protocol when using the OTLP receiver"),
    ("core-confmap-e2e-issue-10787-main.yaml", "'check_interval' must be greater than zero"),
    ("core-exporter-otlphttpexporter-bad_empty_config.yaml", "at least one endpoint must be specified"),
    (
        "core-otelcol-otelcol-cyclic-connector.yaml",
        "cycle detected: connector \"nop/forward\" (traces to traces)",
    ),
    ("core-otelcol-otelcol-invalid-components.yaml", "unknown type: \"nosuchprocessor\""),
    (
        "core-otelcol-otelcol-invalid-connector-unused-exp.yaml",
        "connector \"nop/connector1\" used as receiver in [logs/in2] pipeline but not used in any supported exporter",
    ),
    // The index overlooks these two; otelcol refuses the first and fails every request of the others.
    (
        "helm-opentelemetry-collector-kubernetesAttributes-configmap.yaml",
        "references processor \"resource\" which is not configured",
    ),
    ("alloy-oauth2.yaml", "`database:4318` must start with http:// or https://"),
    ("alloy-otlphttp.yaml", "`database:4318` must start with http:// or https://"),
    // Two servers on a port: otelcol fails when it starts the second.
    ("alloy-jaegerremotesampling.yaml", "TCP 0.0.0.0:14250 is also claimed by receivers.jaeger"),
    // A template, whose placeholder stands where a host belongs.
    ("otelarrow-configs-otelcol-otlp-filter-otlp.yaml", "`{{backend_hostname}}` is no host"),
];

/// Parts of components that are not built yet, each refused by name.
const LATER: &[(&str, &[&str])] = &[
    ("alloy-basicauth.yaml", &["exporters.otlp.auth"]),
    ("alloy-headerssetter.yaml", &["exporters.otlp.auth"]),
    ("contrib-examples-fault-tolerant-logs.yaml", &["exporters.otlp_grpc/custom.sending_queue.storage"]),
    (
        "helm-default-opentelemetry-collector-configmap-agent.yaml",
        &["service.pipelines", "service.telemetry.metrics.readers[0].periodic"],
    ),
    (
        "helm-opentelemetry-kube-stack-cloud-demo-collector.yaml",
        &[
            "processors.resource_detection/env.detectors[1]",
            "receivers.prometheus.config.scrape_configs[0].kubernetes_sd_configs",
            "receivers.prometheus.config.scrape_configs[2].kubernetes_sd_configs",
        ],
    ),
    (
        "helm-opentelemetry-kube-stack-isolated-multicollector-deployment-collector.yaml",
        &["exporters.otlp.sending_queue.storage", "receivers.otlp.protocols.http.auth"],
    ),
];

struct World;

impl Environment for World {
    fn variable(&self, name: &str) -> Option<String> {
        VARIABLES.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    }

    fn file(&self, path: &str, _: u64) -> io::Result<Vec<u8>> {
        match path {
            "testdata/issue-10787-snippet.yaml" => Ok(b"debug:\n".to_vec()),
            _ => fs::read(path),
        }
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config/testdata/otelcol-configs")
}

/// The column `components` of the index: file → section → types.
fn index() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(folder().join("INDEX.md")).unwrap();
    let rows = text.lines().filter(|line| line.contains(".yaml |"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let types = cells[7].split(';').flat_map(|section| {
            let (kind, types) = section.split_once(':').unwrap();
            types.split(',').map(move |type_| format!("{}.{}", kind.trim(), type_.trim()))
        });
        (cells[1].to_owned(), types.collect())
    })
    .collect()
}

/// `section.type` of each unknown type, and the paths of all other errors.
fn sort_out(problems: &Problems) -> (BTreeSet<String>, BTreeSet<&str>) {
    let mut missing = BTreeSet::new();
    let mut others = BTreeSet::new();
    for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
        match problem.message.strip_prefix("unknown type: \"").and_then(|rest| rest.split_once('"')) {
            Some((type_, _)) => {
                let section = problem.path.split('.').next().unwrap();
                missing.insert(format!("{section}.{type_}"));
            }
            None => {
                others.insert(problem.path.as_str());
            }
        }
    }
    (missing, others)
}

#[test]
fn every_gathered_configuration_ends_as_its_index_says() {
    let registry = components::full();
    let has = |name: &str| {
        let (section, type_) = name.split_once('.').unwrap();
        match section {
            "receivers" => registry.receivers.get(type_).is_some(),
            "processors" => registry.processors.get(type_).is_some(),
            "exporters" => registry.exporters.get(type_).is_some(),
            "connectors" => registry.connectors.get(type_).is_some(),
            "extensions" => registry.extensions.get(type_).is_some(),
            _ => panic!("no section {section}"),
        }
    };
    let (mut valid, mut invalid, mut lacking) = (0, 0, 0);
    let mut faults = Vec::new();
    for (file, types) in index() {
        let path = folder().join(&file);
        let mut loaded = Loader::new().source(path.to_str().unwrap()).environment(World).load().unwrap();
        let mut problems = std::mem::take(&mut loaded.warnings);
        let plan = Plan::check(&registry, loaded.root, &mut problems);
        let (missing, others) = sort_out(&problems);
        let expected: BTreeSet<String> = types.into_iter().filter(|name| !has(name)).collect();
        if missing != expected {
            faults.push(format!("{file}: missing {missing:?}, the index says {expected:?}"));
        }
        let reason = INVALID.iter().find(|(name, _)| *name == file).map(|(_, reason)| *reason);
        let later = LATER.iter().find(|(name, _)| *name == file).map_or(&[][..], |(_, paths)| *paths);
        match reason {
            Some(reason) if problems.to_string().contains(reason) => invalid += 1,
            Some(reason) => faults.push(format!("{file}: not told: {reason}\n{problems}")),
            None if others != later.iter().copied().collect() => faults.push(format!("{file}:\n{problems}")),
            None if missing.is_empty() && later.is_empty() && plan.is_some() => valid += 1,
            None if plan.is_none() => lacking += 1,
            None => faults.push(format!("{file}: neither a plan nor a reason")),
        }
    }
    println!(
        "{valid} valid, {invalid} invalid for the stated reason, {lacking} with components that are not there yet"
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
