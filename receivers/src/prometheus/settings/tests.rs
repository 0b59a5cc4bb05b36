use std::time::Duration;

use sluice_config::{Problems, decode_over, to_node};

use super::*;

fn decoded(yaml: &str) -> (Option<Settings>, Problems) {
    let node = Node::from_yaml("collector.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let settings = decode_over(&Settings::default(), &node, "receivers.prometheus", &mut problems);
    (settings, problems)
}

fn loaded(yaml: &str) -> Config {
    let (settings, problems) = decoded(yaml);
    settings.unwrap_or_else(|| panic!("{problems}")).config.unwrap()
}

#[test]
fn a_full_prometheus_configuration_is_taken_as_it_stands() {
    let config = loaded(include_str!("../../../testdata/prometheus/full.yaml"));
    let [first, second] = config.scrape_configs.as_slice() else { panic!("{}", config.scrape_configs.len()) };
    assert_eq!((&*first.job_name, &*second.job_name), ("prometheus", "everything"));
    let pace = second.pace(config.pace());
    assert_eq!((pace.interval, pace.timeout), (Duration::from_secs(50), Duration::from_secs(5)));
    let common = second.common.over(&config.global.common);
    assert_eq!(common.body_size_limit.unwrap().limit(), Some(10 << 20));
    assert_eq!(common.sample_limit, Some(1500));
    assert_eq!(common.protocols(), [ScrapeProtocol::PrometheusText004]);
    assert_eq!(&*second.static_configs[0].labels["shard"], "0");
    assert_eq!(second.relabel_configs[0].regex.as_deref(), Some("true"));
}

#[test]
fn what_is_not_said_is_what_prometheus_defaults_to() {
    let config = loaded("config: {scrape_configs: [{job_name: a}]}");
    let job = &config.scrape_configs[0];
    let pace = job.pace(config.pace());
    assert_eq!((pace.interval, pace.timeout), (Duration::from_secs(60), Duration::from_secs(10)));
    assert_eq!((&*job.metrics_path, job.scheme), ("/metrics", Scheme::Http));
    assert!(
        job.honor_timestamps
            && job.enable_compression
            && job.client.follow_redirects
            && job.client.enable_http2
    );
    assert!(!job.honor_labels && !job.track_timestamps_staleness);
    let common = job.common.over(&config.global.common);
    use ScrapeProtocol as P;
    let texts = [P::OpenMetricsText100, P::OpenMetricsText001, P::PrometheusText100, P::PrometheusText004];
    assert_eq!(common.protocols(), texts);
    let native = Common { scrape_native_histograms: Some(true), ..common };
    assert_eq!(native.protocols().first(), Some(&P::PrometheusProto));
}

#[test]
fn a_timeout_that_is_not_said_is_never_longer_than_the_interval() {
    for (global, job, interval, timeout) in [
        ("", "scrape_interval: 5s", 5, 5),
        ("scrape_interval: 5s", "", 5, 5),
        ("scrape_interval: 20s", "scrape_interval: 15s", 15, 10),
        ("{scrape_interval: 30s, scrape_timeout: 20s}", "scrape_interval: 15s", 15, 15),
        ("{scrape_interval: 30s, scrape_timeout: 20s}", "", 30, 20),
        ("", "scrape_timeout: 0s", 60, 10),
    ] {
        let yaml = format!(
            "config: {{global: {}, scrape_configs: [{{job_name: a, {job}}}]}}",
            if global.starts_with('{') { global.to_owned() } else { format!("{{{global}}}") }
        );
        let config = loaded(&yaml);
        let pace = config.scrape_configs[0].pace(config.pace());
        let expected = (Duration::from_secs(interval), Duration::from_secs(timeout));
        assert_eq!((pace.interval, pace.timeout), expected, "{yaml}");
    }
}

#[test]
fn each_broken_rule_is_told_at_its_place() {
    let job = |keys: &str| format!("config: {{scrape_configs: [{{job_name: a, {keys}}}]}}");
    for (yaml, expected) in [
        ("{}".to_owned(), "no Prometheus scrape_configs or target_allocator set"),
        ("config: {scrape_configs: []}".to_owned(), "no Prometheus scrape_configs"),
        ("config: {scrape_configs: [{}]}".to_owned(), "scrape_configs[0].job_name: job_name is empty"),
        (
            "config: {scrape_configs: [{job_name: a}, {job_name: a}]}".to_owned(),
            "config.scrape_configs[1].job_name: found multiple",
        ),
        (
            job("scrape_interval: 5s, scrape_timeout: 6s"),
            "scrape_configs[0].scrape_timeout: scrape timeout (6s) greater",
        ),
        (job("scrape_interval: 5"), "scrape_configs[0].scrape_interval: `5` is no duration"),
        (job("body_size_limit: 5"), "scrape_configs[0].body_size_limit: `5` is no size"),
        (job("scrape_intervall: 5s"), "did you mean `scrape_interval`?"),
        (job("scheme: ftp"), "scrape_configs[0].scheme: unknown value `ftp`"),
        (job("scrape_protocols: [PrometheusText0.0.5]"), "did you mean `PrometheusText0.0.4`?"),
        (
            job("scrape_protocols: [PrometheusProto, PrometheusProto]"),
            "scrape_protocols[1]: is in the list twice",
        ),
        (
            job("static_configs: [{targets: ['http://a:1/metrics']}]"),
            "static_configs[0].targets[0]: `http://a:1/metrics` must be a host and a port",
        ),
        (
            job("kubernetes_sd_configs: [{role: pod}]"),
            "kubernetes_sd_configs: Kubernetes discovery is not there yet",
        ),
        (job("consul_sd_configs: [{server: x}]"), "consul_sd_configs: this service discovery is not built"),
        (
            job("file_sd_configs: [{files: ['a.txt']}]"),
            "file_sd_configs[0].files[0]: path name `a.txt` is not valid",
        ),
        (job("file_sd_configs: [{}]"), "file_sd_configs[0].files"),
        (job("http_sd_configs: [{url: x}]"), "http_sd_configs[0].url"),
        (job("dns_sd_configs: [{names: [a], type: A}]"), "dns_sd_configs[0].port: a port is required"),
        (job("basic_auth: {username: a}, authorization: {credentials: b}"), "at most one of basic_auth"),
        (job("basic_auth: {password: a, password_file: b}"), "basic_auth.password_file: at most one of"),
        (job("authorization: {type: Basic}"), "use \"basic_auth\" instead"),
        (job("oauth2: {client_id: a, token_url: 'http://b'}"), "oauth2.client_secret"),
        (job("no_proxy: a"), "no_proxy: if no_proxy is configured, proxy_url must also"),
        (job("tls_config: {cert_file: a}"), "tls_config: exactly one of key or key_file"),
        (job("http_headers: {Accept-Encoding: {values: [x]}}"), "is set by the scraper itself"),
        (
            "config: {scrape_configs: [{job_name: a}], rule_files: [a]}".to_owned(),
            "config.rule_files: unsupported feature",
        ),
        (
            "config: {scrape_configs: [{job_name: a}], remote_write: [{url: a}]}".to_owned(),
            "config.remote_write: unsupported feature",
        ),
        (
            "config: {scrape_configs: [{job_name: a}], remote_read: [{url: a}]}".to_owned(),
            "config.remote_read: unsupported feature",
        ),
        (
            "config: {scrape_configs: [{job_name: a}], alerting: {alertmanagers: [{}]}}".to_owned(),
            "config.alerting: unsupported feature",
        ),
        (
            "target_allocator: {endpoint: 'http://a', collector_id: ''}".to_owned(),
            "target_allocator.collector_id",
        ),
        ("target_allocator: {collector_id: a}".to_owned(), "target_allocator.endpoint"),
        (
            "{config: {scrape_configs: [{job_name: a}]}, api_server: {enabled: true}}".to_owned(),
            "api_server.enabled: Prometheus's API is not built yet: remove it; `sluice scrape <url>` shows",
        ),
    ] {
        let (_, problems) = decoded(&yaml);
        assert!(problems.has_errors(), "{yaml}");
        assert!(problems.to_text().contains(expected), "{yaml}: {}", problems.to_text());
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let (_, problems) = decoded(
        "config: {scrape_configs: [{job_name: a, scrape_interval: x, honor_label: true, scheme: y}]}",
    );
    assert_eq!(problems.len(), 3, "{problems}");
}

#[test]
fn empty_sections_that_prometheus_prints_and_what_has_no_effect_pass() {
    let (settings, problems) = decoded(
        "{use_start_time_metric: true, start_time_metric_regex: '^a$', config: {
            global: {evaluation_interval: 15s}, alerting: {alertmanagers: [], alert_relabel_configs: []}, rule_files: [],
            otlp: {a: 1}, runtime: {b: 2}, storage: {tsdb: {}}, tracing: {endpoint: x},
            scrape_configs: [{job_name: a}]}}",
    );
    assert!(settings.is_some(), "{problems}");
    let text = problems.to_text();
    assert!(
        text.contains("use_start_time_metric: has no effect") && text.contains("metricstarttime"),
        "{text}"
    );
}

#[test]
fn what_is_printed_can_be_read_again() {
    let yaml = include_str!("../../../testdata/prometheus/full.yaml");
    let (settings, _) = decoded(yaml);
    let settings = settings.unwrap();
    let mut problems = Problems::new();
    let printed = to_node(&settings);
    let again: Option<Settings> = decode_over(&Settings::default(), &printed, "", &mut problems);
    let again = again.unwrap_or_else(|| panic!("{problems}"));
    // Secrets are not printed.
    assert_eq!(
        again.config.unwrap().scrape_configs[1].relabel_configs,
        settings.config.unwrap().scrape_configs[1].relabel_configs
    );
}
