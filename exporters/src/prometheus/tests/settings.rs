//! The YAML.

use sluice_component::{Claim, Delivery, ExporterFactory, Registry, testkit};
use sluice_config::{GoDuration, Included, StringList};

use super::*;
use crate::prometheus::{Factory, ResourceLabels, ResourceToTelemetry};

#[test]
fn every_key_is_read() {
    let settings = parse(
        "endpoint: localhost:8889
path: /federate
namespace: app
const_labels: {env: prod}
send_timestamps: true
metric_expiration: 180m
enable_open_metrics: true
resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}
resource_constant_labels: {included: [a], excluded: [b]}
without_scope_info: true
add_metric_suffixes: false
translation_strategy: NoTranslation
max_series: 5
tls: {cert_file: c, key_file: k}",
    )
    .unwrap();
    assert_eq!(settings.server.endpoint, "localhost:8889");
    assert!(settings.server.tls.as_option().is_some());
    let read = Settings { server: Settings::default().server, ..settings };
    let wanted = Settings {
        path: "/federate".to_owned(),
        namespace: "app".to_owned(),
        const_labels: [("env".to_owned(), "prod".to_owned())].into(),
        send_timestamps: true,
        metric_expiration: GoDuration::from_secs(180 * 60),
        enable_open_metrics: true,
        resource_labels: ResourceLabels {
            resource_to_telemetry_conversion: ResourceToTelemetry {
                enabled: true,
                exclude_service_attributes: true,
            },
            resource_constant_labels: Included {
                included: StringList::from_iter(["a"]),
                excluded: StringList::from_iter(["b"]),
            },
        },
        without_scope_info: true,
        add_metric_suffixes: false,
        translation_strategy: "NoTranslation".to_owned(),
        max_series: 5,
        ..Settings::default()
    };
    assert_eq!(read, wanted);
}

#[test]
fn defaults_are_those_of_otelcol() {
    let settings = Settings::default();
    assert_eq!(
        (settings.path.as_str(), settings.metric_expiration),
        ("/metrics", GoDuration::from_secs(300))
    );
    assert!(settings.add_metric_suffixes && !settings.enable_open_metrics && !settings.send_timestamps);
    assert_eq!(settings.max_series, 1_000_000);
}

#[test]
fn what_cannot_work_is_refused_with_its_place() {
    for (yaml, wanted) in [
        ("{}", "exporters.prometheus.endpoint"),
        ("{endpoint: 'x:1', path: metrics}", "exporters.prometheus.path: must begin with `/`"),
        (
            "{endpoint: 'x:1', metric_expiration: 0}",
            "exporters.prometheus.metric_expiration: must be more than 0",
        ),
        ("{endpoint: 'x:1', translation_strategy: Odd}", "invalid translation_strategy: Odd"),
        ("{endpoint: 'x:1', const_labels: {'': x}}", "exporters.prometheus.const_labels"),
        ("{endpoint: 'x:1', sending_queue: {}}", "unknown key `sending_queue`"),
    ] {
        let problems = parse(yaml).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(wanted)), "{yaml}: {problems:?}");
    }
}

#[test]
fn it_claims_its_port_and_cannot_refuse() {
    let settings = parse("endpoint: 127.0.0.1:8889").unwrap();
    assert_eq!(Factory::claims(&settings), [Claim::Tcp("127.0.0.1:8889".parse().unwrap())]);
    assert_eq!(Factory::delivery(&settings), Delivery::CannotRefuse);
}

#[test]
fn the_examples_of_the_page_load() {
    let registry = Registry::default().exporter::<Factory>();
    let page = include_str!("../../../../docs/components/exporters/prometheus.md");
    assert_eq!(testkit::load_examples(&registry, page), 2);
}
