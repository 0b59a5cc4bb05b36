//! What is sent.

use std::collections::BTreeSet;

use sluice_component::Reason;
use sluice_formats::prometheus::remote_write::Version;
use sluice_pdata::{
    Pdata,
    otlp::{
        ExportMetricsServiceRequest,
        common::v1::{AnyValue, KeyValue, any_value},
        metrics::v1::{
            Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
            Sum, metric::Data, number_data_point::Value,
        },
    },
};

use super::*;
use crate::stand::gauges;

pub(super) fn of(name: &str, unit: &str, data: Data) -> Pdata {
    let metrics = vec![Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        description: "what it is".to_owned(),
        data: Some(data),
        ..Metric::default()
    }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    Pdata::from_metrics(ExportMetricsServiceRequest { resource_metrics })
}

fn sum(temporality: i32, at: u64, value: f64) -> Data {
    let point = NumberDataPoint {
        time_unix_nano: at * 1_000_000,
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    };
    Data::Sum(Sum { data_points: vec![point], aggregation_temporality: temporality, is_monotonic: true })
}

#[tokio::test]
async fn points_arrive_in_1_0_and_in_2_0() {
    for (more, wanted) in [("", Version::V1), (V2, Version::V2)] {
        let written = [("x-prometheus-remote-write-samples-written", "3")];
        let script = [stand::http::answer(204, &written, b"")];
        let pair = Pair::new(&format!("headers: {{x-scope-orgid: blue}}, {more}"), script).await;
        pair.exporter.offer(gauges(1000, 3)).await;
        let Pair { backend, exporter, .. } = pair;
        let balance = exporter.drained().await;
        assert_eq!((balance.sent, balance.rejected), (3, 0));
        let seen = backend.seen();
        assert_eq!((seen.len(), version(&seen[0])), (1, wanted));
        assert_eq!(seen[0].header("x-scope-orgid"), "blue");
        assert_eq!(seen[0].header("retry-attempt"), "");
        let series = |n| format!(r#"{{__name__="g", n="{n}"}} 1.5@1000"#);
        assert_eq!(lines(&seen[0]), [series(0), series(1), series(2)]);
    }
}

#[tokio::test]
async fn names_follow_the_settings() {
    for (more, name) in [
        ("", "my_metric_seconds_total"),
        ("namespace: app", "app_my_metric_seconds_total"),
        ("add_metric_suffixes: false", "my_metric"),
        ("translation_strategy: UnderscoreEscapingWithoutSuffixes", "my_metric"),
        (
            "translation_strategy: UnderscoreEscapingWithSuffixes, add_metric_suffixes: false",
            "my_metric_seconds_total",
        ),
        (&format!("translation_strategy: NoTranslation, {V2}"), "my.metric"),
        (&format!("translation_strategy: NoUTF8EscapingWithSuffixes, {V2}"), "my.metric_seconds_total"),
    ] {
        let pair = Pair::new(&format!("external_labels: {{cluster: eu}}, {more}"), []).await;
        pair.exporter.offer(of("my.metric", "s", sum(2, 5, 1.0))).await;
        let Pair { backend, exporter, .. } = pair;
        exporter.drained().await;
        let wanted = format!(r#"{{__name__="{name}", cluster="eu"}} 1@5"#);
        assert_eq!(lines(&backend.seen()[0]), [wanted], "{more}");
    }
}

#[tokio::test]
async fn resource_attributes_become_labels_as_they_are_asked_for() {
    let constant = "resource_constant_labels: {included: ['host.*', service.name], excluded: ['*.id']}";
    let all = "resource_to_telemetry_conversion: {enabled: true";
    for (more, labels) in [
        (String::new(), r#"job="cart""#),
        (format!("{all}}}"), r#"host_id="7", host_name="h", job="cart", service_name="cart""#),
        (format!("{all}, exclude_service_attributes: true}}"), r#"host_id="7", host_name="h", job="cart""#),
        (constant.to_owned(), r#"host_name="h", job="cart", service_name="cart""#),
        (format!("{constant}, {all}}}"), r#"host_name="h", job="cart", service_name="cart""#),
    ] {
        let pair = Pair::new(&format!("target_info: {{enabled: false}}, {more}"), []).await;
        let mut data = of("m", "", sum(2, 5, 1.0));
        let resource = data.metrics_mut().resource_metrics[0].resource.get_or_insert_default();
        resource.attributes =
            [("service.name", "cart"), ("host.name", "h"), ("host.id", "7")].map(text).to_vec();
        pair.exporter.offer(data).await;
        let Pair { backend, exporter, .. } = pair;
        exporter.drained().await;
        let wanted = format!(r#"{{__name__="m_total", {labels}}} 1@5"#);
        assert_eq!(lines(&backend.seen()[0]), [wanted], "{more}");
    }
}

fn text((key, text): (&str, &str)) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

#[tokio::test]
async fn metadata_of_1_0_is_sent_where_it_is_asked_for() {
    for (more, requests) in [("send_metadata: true", 2), ("send_metadata: false", 1)] {
        let pair = Pair::new(more, []).await;
        pair.exporter.offer(of("m", "s", sum(2, 5, 1.0))).await;
        let Pair { backend, exporter, .. } = pair;
        assert_eq!(exporter.drained().await.sent, 1);
        let seen = backend.seen();
        assert_eq!(seen.len(), requests);
        if requests == 2 {
            let body = body(&seen[0]);
            let mut families = Vec::new();
            let decoder = Decoder::new(Version::V1, &body).unwrap();
            decoder.each_metadata(|name, metadata| families.push(format!("{name} {metadata:?}"))).unwrap();
            assert_eq!(
                families,
                [r#"m_seconds_total Metadata { kind: Counter, help: "what it is", unit: "seconds" }"#]
            );
        }
        assert_eq!(lines(&seen[requests - 1]).len(), 1);
    }
}

#[tokio::test]
async fn a_large_batch_becomes_requests_of_the_configured_size() {
    let pair = Pair::new("max_batch_size_bytes: 20000", []).await;
    pair.exporter.offer(gauges(1, 3000)).await;
    let Pair { backend, exporter, .. } = pair;
    assert_eq!(exporter.drained().await.sent, 3000);
    let seen = backend.seen();
    assert!(seen.len() > 3);
    assert!(seen.iter().all(|seen| body(seen).len() <= 20_000));
    let all: BTreeSet<String> = seen.iter().flat_map(lines).collect();
    assert_eq!(all.len(), 3000);
}

#[tokio::test]
async fn twelve_thousand_series_are_no_request_of_more_than_ten_thousand() {
    let pair = Pair::new(V2, []).await;
    pair.exporter.offer(gauges(1, 12_000)).await;
    let Pair { backend, exporter, .. } = pair;
    exporter.drained().await;
    let sizes: Vec<usize> = backend.seen().iter().map(|seen| lines(seen).len()).collect();
    assert_eq!(sizes, [10_000, 2000]);
}

#[tokio::test]
async fn what_has_no_form_is_counted_by_name_and_reason_and_the_rest_is_sent() {
    let pair = Pair::new("accumulate_deltas: {enabled: false}", []).await;
    let mut data = gauges(1, 2);
    data.append(of("requests", "", sum(1, 1, 5.0)));
    data.append(of(
        "odd",
        "",
        Data::Histogram(Histogram {
            data_points: vec![HistogramDataPoint { bucket_counts: vec![1, 2, 3], ..Default::default() }; 2],
            aggregation_temporality: 2,
        }),
    ));
    pair.exporter.offer(data).await;
    let metric = pair.process.clone();
    let Pair { exporter, .. } = pair;
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.dropped[&Reason::Unconvertible]), (2, 3));
    let families = metric.telemetry.registry().gather();
    let family = families.iter().find(|f| f.name() == "sluice_exporter_unconverted_points").unwrap();
    let told: BTreeSet<String> = family
        .get_metric()
        .iter()
        .map(|metric| {
            let labels: Vec<&str> = metric.get_label().iter().map(|label| label.value()).collect();
            format!("{} {}", labels.join(" "), metric.get_counter().get_value())
        })
        .collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            "prometheus_remote_write odd bucket_mismatch 2",
            "prometheus_remote_write requests delta_temporality 1",
        ]
    );
}

#[tokio::test]
async fn deltas_arrive_as_totals() {
    let pair = Pair::new("", []).await;
    for at in 1..4 {
        pair.exporter.offer(of("requests", "", sum(1, at, 2.0))).await;
    }
    let Pair { backend, exporter, .. } = pair;
    assert_eq!(exporter.drained().await.sent, 3);
    let lines: Vec<String> = backend.seen().iter().flat_map(lines).collect();
    let line = |value: u64, at: u64| format!(r#"{{__name__="requests_total"}} {value}@{at}"#);
    assert_eq!(lines, [line(2, 1), line(4, 2), line(6, 3)]);
}

/// Of two buckets.
pub(super) fn histogram(at: u64) -> Data {
    let point = HistogramDataPoint {
        time_unix_nano: at * 1_000_000,
        count: 3,
        explicit_bounds: vec![1.0],
        bucket_counts: vec![1, 2],
        ..HistogramDataPoint::default()
    };
    Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 })
}

/// A gauge and a histogram.
pub(super) fn mixed(name: &str) -> Pdata {
    let label = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    };
    let point = NumberDataPoint {
        attributes: vec![label("a.b", "1"), label("a_b", "2")],
        time_unix_nano: 1_000_000,
        value: Some(Value::AsDouble(1.0)),
        ..NumberDataPoint::default()
    };
    let metric = |suffix: &str, data| Metric {
        name: format!("{name}.{suffix}"),
        data: Some(data),
        ..Metric::default()
    };
    let gauge = Data::Gauge(Gauge { data_points: vec![point] });
    let metrics = vec![metric("a", gauge), metric("b", histogram(1))];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    Pdata::from_metrics(ExportMetricsServiceRequest { resource_metrics })
}

#[tokio::test]
async fn histograms_become_native_ones_where_that_is_asked_for() {
    let pair = Pair::new(&format!("convert_histograms_to_nhcb: true, {V2}"), []).await;
    pair.exporter.offer(of("h", "", histogram(1))).await;
    let Pair { backend, exporter, .. } = pair;
    exporter.drained().await;
    assert_eq!(lines(&backend.seen()[0]), [r#"{__name__="h"} -53/Int(3)@1"#]);
}
