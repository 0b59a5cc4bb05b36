//! Every configuration gathered from real projects is read to a tree without a problem.
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::io;
use std::path::PathBuf;

use sluice_config::{Environment, Loader, Node, Print};

/// Every variable and file that the configurations refer to.
const WORLD: &[(&str, &str)] = &[
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

struct World;

impl Environment for World {
    fn variable(&self, name: &str) -> Option<String> {
        WORLD.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    }

    fn file(&self, path: &str, _: u64) -> io::Result<Vec<u8>> {
        match path {
            "testdata/issue-10787-snippet.yaml" => Ok(b"debug:\n".to_vec()),
            _ => std::fs::read(path),
        }
    }
}

fn configs() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/otelcol-configs");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ext| ext == "yaml")).collect()
}

#[test]
fn every_gathered_configuration_is_read_without_a_problem_and_prints_back() {
    let configs = configs();
    assert!(configs.len() >= 58, "only {} configurations found", configs.len());
    for path in configs {
        let name = path.to_str().unwrap();
        let loaded = match Loader::new().source(name).environment(World).load() {
            Ok(loaded) => loaded,
            Err(problems) => panic!("{problems}"),
        };
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        assert!(loaded.root.get("service").is_some() || name.contains("issue-10787"), "{name}");
        let yaml = loaded.root.to_yaml(Print::default());
        assert_eq!(Node::from_yaml(name, &yaml).unwrap(), loaded.root, "{name}");
    }
}
