//! Requests as an instrumented shop would send them: 100 items, one resource, one scope.

use sluice_pdata::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use sluice_pdata::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use sluice_pdata::otlp::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric,
    number_data_point,
};
use sluice_pdata::otlp::resource::v1::Resource;
use sluice_pdata::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use sluice_pdata::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest, Message,
};

/// Items per request.
pub(crate) const ITEMS: usize = 100;

/// 100 spans of about 490 bytes.
pub(crate) fn traces() -> ExportTraceServiceRequest {
    let spans = (0..ITEMS as u64).map(|i| Span {
        trace_id: id(i).to_vec(),
        span_id: id(i)[..8].to_vec(),
        parent_span_id: id(i + 1)[..8].to_vec(),
        name: "GET /api/v2/products/{productId}/recommendations".into(),
        kind: 2,
        start_time_unix_nano: 1_780_000_000_000_000_000 + i * 1_000_003,
        end_time_unix_nano: 1_780_000_000_004_200_000 + i * 1_000_003,
        attributes: vec![
            text("http.request.method", "GET"),
            text("url.path", &format!("/api/v2/products/{i:06}/recommendations")),
            text("url.scheme", "https"),
            text("server.address", "recommendation.shop.svc.cluster.local"),
            int("server.port", 8443),
            int("http.response.status_code", 200),
            text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:131.0)"),
            text("network.protocol.version", "1.1"),
            text("client.address", "10.42.17.203"),
            boolean("app.cache.hit", i % 2 == 0),
        ],
        status: Some(Status { code: 1, message: String::new() }),
        flags: 0x101,
        ..Default::default()
    });
    let scope_spans = vec![ScopeSpans { scope: scope(), spans: spans.collect(), ..Default::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource: resource(), scope_spans, ..Default::default() }],
    }
}

/// 100 data points: 10 counters with 8 points each and 4 histograms with 5.
pub(crate) fn metrics() -> ExportMetricsServiceRequest {
    let attributes = |i: u64| {
        vec![
            text("http.route", &format!("/api/v2/products/{{productId}}/{i}")),
            text("http.request.method", "GET"),
            int("http.response.status_code", 200),
        ]
    };
    let counters = (0..10).map(|m| Metric {
        name: format!("http.server.requests.{m}"),
        unit: "{request}".into(),
        data: Some(metric::Data::Sum(Sum {
            data_points: (0..8)
                .map(|i| NumberDataPoint {
                    attributes: attributes(i),
                    start_time_unix_nano: 1_780_000_000_000_000_000,
                    time_unix_nano: 1_780_000_060_000_000_000,
                    value: Some(number_data_point::Value::AsInt(123_456 + i as i64)),
                    ..Default::default()
                })
                .collect(),
            aggregation_temporality: 2,
            is_monotonic: true,
        })),
        ..Default::default()
    });
    let histograms = (0..4).map(|m| Metric {
        name: format!("http.server.request.duration.{m}"),
        unit: "s".into(),
        data: Some(metric::Data::Histogram(Histogram {
            data_points: (0..5)
                .map(|i| HistogramDataPoint {
                    attributes: attributes(i),
                    start_time_unix_nano: 1_780_000_000_000_000_000,
                    time_unix_nano: 1_780_000_060_000_000_000,
                    count: 140,
                    sum: Some(33.25),
                    bucket_counts: vec![10; 15],
                    explicit_bounds: (0..14).map(|b| f64::from(b) * 0.25).collect(),
                    min: Some(0.001),
                    max: Some(3.5),
                    ..Default::default()
                })
                .collect(),
            aggregation_temporality: 2,
        })),
        ..Default::default()
    });
    let metrics = counters.chain(histograms).collect();
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..Default::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { resource: resource(), scope_metrics, ..Default::default() }],
    }
}

/// 100 log records with a sentence and four attributes each.
pub(crate) fn logs() -> ExportLogsServiceRequest {
    let log_records = (0..ITEMS as u64).map(|i| LogRecord {
        time_unix_nano: 1_780_000_000_000_000_000 + i,
        observed_time_unix_nano: 1_780_000_000_000_500_000 + i,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(AnyValue {
            value: Some(any_value::Value::StringValue(format!(
                "order {i:08} accepted: 3 items for customer 4711, payment by card, delivery before Friday"
            ))),
        }),
        attributes: vec![
            text("code.function.name", "shop.orders.OrderService.accept"),
            int("code.line.number", 217),
            text("thread.name", "orders-worker-7"),
            int("thread.id", 41),
        ],
        trace_id: id(i).to_vec(),
        span_id: id(i)[..8].to_vec(),
        flags: 1,
        ..Default::default()
    });
    let scope_logs =
        vec![ScopeLogs { scope: scope(), log_records: log_records.collect(), ..Default::default() }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: resource(), scope_logs, ..Default::default() }],
    }
}

/// The request as bytes.
pub(crate) fn encode(request: &impl Message) -> bytes::Bytes {
    request.encode_to_vec().into()
}

fn resource() -> Option<Resource> {
    let attributes = vec![
        text("service.name", "recommendation"),
        text("service.version", "2.14.0"),
        text("k8s.pod.name", "recommendation-6d9f7c5b8-x2x7k"),
        text("telemetry.sdk.language", "java"),
    ];
    Some(Resource { attributes, ..Default::default() })
}

fn scope() -> Option<InstrumentationScope> {
    let name = "io.opentelemetry.tomcat-10.0".into();
    Some(InstrumentationScope { name, version: "2.9.0".into(), ..Default::default() })
}

fn id(seed: u64) -> [u8; 16] {
    u128::from(seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes()
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.into()))
}

fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, any_value::Value::IntValue(value))
}

fn boolean(key: &str, value: bool) -> KeyValue {
    attribute(key, any_value::Value::BoolValue(value))
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}
