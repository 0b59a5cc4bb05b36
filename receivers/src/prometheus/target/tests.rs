use super::*;
use crate::prometheus::settings::{Config, ScrapeConfig};
use sluice_config::{Node, Problems, decode};

fn job(yaml: &str) -> (Job, ScrapeConfig) {
    let node = Node::from_yaml("job.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let config: Option<ScrapeConfig> = decode(&node, "", &mut problems);
    let config = config.unwrap_or_else(|| panic!("{problems}"));
    let global = Config::default();
    (Job::new(&config, &global.global, global.pace()).unwrap(), config)
}

fn found(yaml: &str) -> Vec<Result<Target, String>> {
    let (job, config) = job(yaml);
    config.static_configs.iter().flat_map(|group| targets(&job, group).collect::<Vec<_>>()).collect()
}

/// URL and labels of the one target.
fn one(yaml: &str) -> (String, String) {
    let target = found(yaml).pop().unwrap().unwrap();
    (target.url.to_string(), format!("{:?}", target.labels))
}

#[test]
fn a_target_has_prometheus_s_labels_and_url() {
    for (yaml, url, labels) in [
        (
            "{job_name: a, static_configs: [{targets: ['localhost:9090']}]}",
            "http://localhost:9090/metrics",
            r#"{instance="localhost:9090", job="a"}"#,
        ),
        // No port is added.
        (
            "{job_name: a, static_configs: [{targets: [host]}]}",
            "http://host/metrics",
            r#"{instance="host", job="a"}"#,
        ),
        (
            "{job_name: a, scheme: https, metrics_path: /m, params: {x: [1, 2], 'match[]': ['{a=\"b c\"}']}, static_configs: [{targets: ['h:1'], labels: {env: dev, job: b, instance: i}}]}",
            "https://h:1/m?match%5B%5D=%7Ba%3D%22b+c%22%7D&x=1&x=2",
            r#"{env="dev", instance="i", job="b"}"#,
        ),
        // The blackbox exporter's way: the address becomes a parameter.
        (
            "{job_name: probe, metrics_path: /probe, params: {module: [http_2xx]}, static_configs: [{targets: ['example.org']}], relabel_configs: [{source_labels: [__address__], target_label: __param_target}, {source_labels: [__param_target], target_label: instance}, {target_label: __address__, replacement: 'blackbox:9115'}]}",
            "http://blackbox:9115/probe?module=http_2xx&target=example.org",
            r#"{instance="example.org", job="probe"}"#,
        ),
        (
            "{job_name: a, static_configs: [{targets: ['h:1'], labels: {__scheme__: https, __metrics_path__: /x, __param_q: v, __meta_m: 1, __tmp: 2}}], relabel_configs: [{source_labels: [__meta_m], target_label: m}]}",
            "https://h:1/x?q=v",
            r#"{instance="h:1", job="a", m="1"}"#,
        ),
        (
            "{job_name: a, static_configs: [{targets: ['[::1]:1']}]}",
            "http://[::1]:1/metrics",
            r#"{instance="[::1]:1", job="a"}"#,
        ),
    ] {
        assert_eq!(one(yaml), (url.to_owned(), labels.to_owned()), "{yaml}");
    }
}

#[test]
fn a_target_may_have_its_own_pace() {
    let target = found("{job_name: a, static_configs: [{targets: ['h:1'], labels: {__scrape_interval__: 2s, __scrape_timeout__: 500ms}}]}")
        .pop()
        .unwrap()
        .unwrap();
    assert_eq!((target.interval, target.timeout), (Duration::from_secs(2), Duration::from_millis(500)));
}

#[test]
fn what_relabelling_drops_is_no_target_and_what_it_spoils_is_told() {
    let dropped = "{job_name: a, static_configs: [{targets: ['h:1', 'h:2']}], relabel_configs: [{source_labels: [__address__], regex: 'h:1', action: drop}]}";
    assert_eq!(found(dropped).len(), 1);
    for (rule, expected) in [
        ("{target_label: __address__, replacement: ''}", "no address"),
        ("{target_label: __address__, replacement: 'http://x'}", "must be a host and a port"),
        ("{target_label: __address__, replacement: 'a b'}", "is no address"),
        ("{target_label: __scheme__, replacement: ftp}", "`ftp` is no scheme"),
        ("{target_label: __scrape_interval__, replacement: x}", "__scrape_interval__: `x` is no duration"),
        ("{target_label: __scrape_interval__, replacement: 0s}", "__scrape_interval__ cannot be 0"),
        ("{target_label: __scrape_timeout__, replacement: 2m}", "timeout cannot be greater"),
    ] {
        let yaml =
            format!("{{job_name: a, static_configs: [{{targets: ['h:1']}}], relabel_configs: [{rule}]}}");
        let error = found(&yaml).pop().unwrap().unwrap_err();
        assert!(error.contains(expected), "{rule}: {error}");
    }
}

#[test]
fn targets_are_spread_over_the_interval_and_each_keeps_its_place() {
    let addresses: Vec<String> = (0..100).map(|n| format!("'h:{}'", 1000 + n)).collect();
    let yaml = format!("{{job_name: a, static_configs: [{{targets: [{}]}}]}}", addresses.join(", "));
    let targets: Vec<Target> = found(&yaml).into_iter().map(Result::unwrap).collect();
    let now = Duration::from_millis(1_700_000_123_456);
    let mut quarters = [0; 4];
    for target in &targets {
        let wait = target.offset(now, 7);
        assert!(wait < target.interval);
        quarters[usize::try_from(wait.as_secs() / 15).unwrap()] += 1;
        // One second later the same moment is one second nearer.
        let later = target.offset(now + wait / 2, 7);
        assert_eq!(
            (now + wait / 2 + later).as_nanos() % target.interval.as_nanos(),
            (now + wait).as_nanos() % target.interval.as_nanos()
        );
    }
    assert!(quarters.iter().all(|&quarter| quarter >= 10), "{quarters:?}");
}

#[test]
fn what_kubernetes_says_of_a_target_describes_its_resource() {
    let yaml = "{job_name: a, static_configs: [{targets: ['h:1'], labels: {__meta_kubernetes_pod_name: p, __meta_kubernetes_node_name: n, __meta_kubernetes_namespace: s}}]}";
    let target = found(yaml).pop().unwrap().unwrap();
    let wanted = [("k8s.pod.name", "p"), ("k8s.namespace.name", "s"), ("k8s.node.name", "n")];
    let resource: Vec<(&str, &str)> =
        target.resource.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(resource, wanted);
}

#[test]
fn targets_of_different_resources_are_different_ones() {
    let yaml = "{job_name: a, static_configs: [{targets: ['h:1'], labels: {__meta_kubernetes_pod_name: p}}, {targets: ['h:1'], labels: {__meta_kubernetes_pod_name: q}}, {targets: ['h:1'], labels: {__meta_kubernetes_pod_name: q, __meta_x: y}}]}";
    let ids: Vec<u64> = found(yaml).into_iter().map(|target| target.unwrap().id).collect();
    assert!(ids[0] != ids[1] && ids[1] == ids[2], "{ids:?}");
}
