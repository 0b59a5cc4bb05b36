//! Which records `include` and `exclude` choose.

use sluice_pdata::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest,
    common::v1::{InstrumentationScope, KeyValueList},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
        NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, metric::Data,
    },
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span,
        span::{Event, Link},
    },
};

use super::*;

const MARK: &str = "actions: [{key: mark, value: 1, action: insert}]";

fn marked(attributes: &[KeyValue]) -> bool {
    attributes.contains(&attribute("mark", Value::IntValue(1)))
}

fn resource_of(service: &str) -> Option<Resource> {
    let attributes = vec![attribute("service.name", text(service)), attribute("zone", Value::IntValue(1))];
    Some(Resource { attributes, ..Resource::default() })
}

fn scope_of(name: &str, version: &str) -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: name.into(),
        version: version.into(),
        ..InstrumentationScope::default()
    })
}

/// Spans of two services and two scopes each: their names say where they stand.
fn traces() -> ExportTraceServiceRequest {
    let span = |name: String, kind: i32| Span {
        attributes: vec![
            attribute("size", Value::IntValue(i64::from(kind))),
            attribute("tags", list([text("a")])),
            attribute("ok", Value::BoolValue(kind == 2)),
            attribute(&format!("only.{kind}"), text("x")),
        ],
        events: vec![Event { attributes: vec![attribute("e", None)], ..Event::default() }],
        links: vec![Link { attributes: vec![attribute("l", None)], ..Link::default() }],
        name,
        kind,
        ..Span::default()
    };
    let scope = |service: &str, scope: &str, version: &str| ScopeSpans {
        scope: scope_of(scope, version),
        spans: vec![span(format!("{service} {scope} get"), 2), span(format!("{service} {scope} put"), 3)],
        ..ScopeSpans::default()
    };
    let resource = |service: &str| ResourceSpans {
        resource: resource_of(service),
        scope_spans: vec![scope(service, "http", "1.0"), scope(service, "db", "")],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource("cart"), resource("shop")] }
}

/// The names of the spans that were edited; nothing else of any span is.
fn spans(yaml: &str) -> Vec<String> {
    let before = traces();
    let mut data = edited("attributes", yaml, &Context::default(), Pdata::from_traces(before.clone()));
    let mut names = Vec::new();
    let mut after = data.traces_mut().clone();
    for span in after.resource_spans.iter_mut().flat_map(|r| &mut r.scope_spans).flat_map(|s| &mut s.spans) {
        if marked(&span.attributes) {
            span.attributes.pop();
            names.push(span.name.clone());
        }
    }
    assert_eq!(after, before, "nothing but the mark was added");
    names
}

#[track_caller]
fn assert_spans(include: &str, expected: &[&str]) {
    assert_eq!(spans(&format!("{{include: {{{include}}}, {MARK}}}")), expected, "{include}");
    let all = traces();
    let all = all.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
    let others: Vec<_> = all.map(|span| &span.name[..]).filter(|name| !expected.contains(name)).collect();
    assert_eq!(spans(&format!("{{exclude: {{{include}}}, {MARK}}}")), others, "exclude {include}");
}

const CART: [&str; 4] = ["cart http get", "cart http put", "cart db get", "cart db put"];
const GETS: [&str; 4] = ["cart http get", "cart db get", "shop http get", "shop db get"];

#[test]
fn spans_are_chosen_by_each_key_strict_and_by_pattern() {
    assert_spans("match_type: strict, services: [cart, nobody]", &CART);
    assert_spans("match_type: strict, services: [car]", &[]);
    assert_spans("match_type: regexp, services: [^car]", &CART);
    assert_spans(
        "match_type: strict, span_names: [cart http get, shop db put]",
        &["cart http get", "shop db put"],
    );
    assert_spans("match_type: regexp, span_names: [get$]", &GETS);
    assert_spans("match_type: strict, span_kinds: [SPAN_KIND_SERVER, SPAN_KIND_PRODUCER]", &GETS);
    assert_spans("match_type: regexp, span_kinds: [SERV]", &GETS);
    assert_spans("match_type: strict, libraries: [{name: http}], services: [cart]", &CART[..2]);
    assert_spans(
        "match_type: strict, libraries: [{name: http, version: '1.0'}], services: [cart]",
        &CART[..2],
    );
    assert_spans("match_type: strict, libraries: [{name: http, version: ''}]", &[]);
    assert_spans("match_type: strict, libraries: [{name: db, version: ''}], services: [cart]", &CART[2..]);
    assert_spans("match_type: regexp, libraries: [{name: ^h, version: ^1}], services: [cart]", &CART[..2]);
    assert_spans("match_type: strict, libraries: [{name: http}, {name: db}], services: [cart]", &CART);
    assert_spans("match_type: strict, resources: [{key: service.name, value: cart}]", &CART);
    assert_spans("match_type: regexp, resources: [{key: service.name, value: ar}]", &CART);
    assert_spans("match_type: strict, resources: [{key: none}, {key: service.name, value: cart}]", &CART);
    assert_spans("match_type: strict, resources: [{key: none}]", &[]);
    assert_spans("match_type: strict, attributes: [{key: only.2}]", &GETS);
    assert_spans("match_type: strict, attributes: [{key: size, value: 2}]", &GETS);
    assert_spans("match_type: strict, attributes: [{key: size, value: '2'}]", &[]);
    assert_spans("match_type: regexp, attributes: [{key: size, value: '2'}]", &GETS);
    assert_spans("match_type: strict, attributes: [{key: ok, value: true}]", &GETS);
    assert_spans("match_type: regexp, attributes: [{key: ok, value: ^true$}]", &GETS);
    assert_spans("match_type: strict, attributes: [{key: tags, value: [a]}, {key: only.2}]", &GETS);
    assert_spans("match_type: strict, attributes: [{key: tags, value: [b]}]", &[]);
    assert_spans("match_type: regexp, attributes: [{key: tags, value: a}]", &[]);
}

#[test]
fn an_empty_version_is_that_of_scopes_without_one_in_both_match_types() {
    for match_type in ["strict", "regexp"] {
        let library =
            |library: &str| format!("match_type: {match_type}, services: [cart], libraries: [{library}]");
        assert_spans(&library("{name: db, version: ''}"), &CART[2..]);
        assert_spans(&library("{name: http, version: ''}"), &[]);
    }
}

#[test]
fn lists_and_maps_are_the_same_where_types_and_values_are() {
    let map = |pairs: &[(&str, Value)]| {
        let values = pairs.iter().map(|(key, value)| attribute(key, value.clone())).collect();
        Value::KvlistValue(KeyValueList { values })
    };
    let (one, two) = (Value::IntValue(1), text("2"));
    let cases = [
        ("[1]", list([one.clone()]), true),
        ("[1]", list([Value::DoubleValue(1.0)]), false),
        ("[1.0]", list([one.clone()]), false),
        ("['1']", list([one.clone()]), false),
        ("[1]", list([one.clone(), one.clone()]), false),
        ("[1, 1]", list([one.clone()]), false),
        ("[true]", list([text("true")]), false),
        ("[eA==]", list([Value::BytesValue(b"x".to_vec())]), false),
        ("[[1], {a: 1}]", list([list([one.clone()]), map(&[("a", one.clone())])]), true),
        ("{a: 1, b: '2'}", map(&[("b", two.clone()), ("a", one.clone())]), true),
        ("{a: 1, b: 2}", map(&[("b", two.clone()), ("a", one.clone())]), false),
        ("{a: 1, b: '2'}", map(&[("a", one.clone()), ("a", one.clone())]), false),
        ("{a: 1}", map(&[("a", one.clone()), ("b", two)]), false),
        ("{a: 1}", list([one]), false),
    ];
    for (expected, sent, is_same) in cases {
        let record = LogRecord { attributes: vec![attribute("v", sent.clone())], ..LogRecord::default() };
        let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
        let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
        let data = Pdata::from_logs(ExportLogsServiceRequest { resource_logs });
        let include = format!("match_type: strict, attributes: [{{key: v, value: {expected}}}]");
        let yaml = format!("{{include: {{{include}}}, {MARK}}}");
        let mut data = edited("attributes", &yaml, &Context::default(), data);
        let record = &data.logs_mut().resource_logs[0].scope_logs[0].log_records[0];
        assert_eq!(marked(&record.attributes), is_same, "{expected} and {sent:?}");
    }
}

#[test]
fn keys_are_anded_and_so_are_attributes() {
    assert_spans("match_type: strict, services: [cart], span_names: [shop db get]", &[]);
    assert_spans(
        "match_type: regexp, services: [cart], span_names: [get], libraries: [{name: db}]",
        &["cart db get"],
    );
    assert_spans("match_type: strict, attributes: [{key: only.2}, {key: size, value: 2}]", &GETS);
    assert_spans("match_type: strict, attributes: [{key: only.2}, {key: size, value: 3}]", &[]);
}

#[test]
fn what_is_included_can_be_excluded() {
    let include = "include: {match_type: strict, services: [cart]}";
    let exclude = "exclude: {match_type: regexp, span_names: [put]}";
    assert_eq!(spans(&format!("{{{include}, {exclude}, {MARK}}}")), ["cart http get", "cart db get"]);
    let all = format!(
        "{{include: {{match_type: regexp, services: [.]}}, exclude: {{match_type: regexp, services: [.]}}, {MARK}}}"
    );
    assert!(spans(&all).is_empty());
}

#[test]
fn log_records_are_chosen_by_body_and_severity() {
    let record = |body: Value, number: i32, severity: &str| LogRecord {
        body: Some(AnyValue { value: Some(body) }),
        severity_number: number,
        severity_text: severity.into(),
        ..LogRecord::default()
    };
    let log_records = vec![
        record(text("payment refused"), 13, "WARN"),
        record(text("paid"), 9, "INFO"),
        record(Value::IntValue(5), 17, "ERROR"),
        record(text(""), 0, ""),
    ];
    let scope_logs = vec![ScopeLogs { scope: scope_of("app", "1"), log_records, ..ScopeLogs::default() }];
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: resource_of("cart"),
            scope_logs,
            ..ResourceLogs::default()
        }],
    };
    let cases: [(&str, &[usize]); 12] = [
        ("match_type: strict, log_bodies: [paid]", &[1]),
        ("match_type: regexp, log_bodies: [^pa]", &[0, 1]),
        ("match_type: regexp, log_bodies: ['.*']", &[0, 1, 3]),
        ("match_type: strict, log_severity_texts: [WARN, ERROR]", &[0, 2]),
        ("match_type: regexp, log_severity_texts: [R]", &[0, 2]),
        ("match_type: strict, log_severity_number: {min: 13}", &[0, 2]),
        ("match_type: strict, log_severity_number: {min: 9, match_undefined: true}", &[0, 1, 2, 3]),
        ("match_type: strict, log_severity_number: {min: 17, match_undefined: true}", &[2, 3]),
        ("match_type: strict, log_severity_number: {min: 13}, log_bodies: [payment refused]", &[0]),
        ("match_type: strict, libraries: [{name: app}], resources: [{key: zone, value: 1}]", &[0, 1, 2, 3]),
        ("match_type: strict, libraries: [{name: other}]", &[]),
        ("match_type: strict, attributes: [{key: a}]", &[]),
    ];
    for (include, expected) in cases {
        let yaml = format!("{{include: {{{include}}}, {MARK}}}");
        let mut data = edited("attributes", &yaml, &Context::default(), Pdata::from_logs(request.clone()));
        let records = &data.logs_mut().resource_logs[0].scope_logs[0].log_records;
        let chosen: Vec<_> = (0..4).filter(|&at| marked(&records[at].attributes)).collect();
        assert_eq!(chosen, expected, "{include}");
    }
}

#[test]
fn points_of_every_kind_are_edited_by_metric_name_and_resource() {
    let kinds = [
        ("gauge", Data::Gauge(Gauge { data_points: vec![NumberDataPoint::default()] })),
        ("sum", Data::Sum(Sum { data_points: vec![NumberDataPoint::default()], ..Sum::default() })),
        (
            "histogram",
            Data::Histogram(Histogram {
                data_points: vec![HistogramDataPoint::default()],
                ..Histogram::default()
            }),
        ),
        (
            "exponential",
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![ExponentialHistogramDataPoint::default()],
                ..ExponentialHistogram::default()
            }),
        ),
        ("summary", Data::Summary(Summary { data_points: vec![SummaryDataPoint::default()] })),
    ];
    let metrics =
        kinds.map(|(name, data)| Metric { name: name.into(), data: Some(data), ..Metric::default() });
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource_of("cart"),
            scope_metrics: vec![ScopeMetrics { metrics: metrics.to_vec(), ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }],
    };
    let chosen = |yaml: &str| {
        let mut data = edited("attributes", yaml, &Context::default(), Pdata::from_metrics(request.clone()));
        let metrics = data.metrics_mut().resource_metrics[0].scope_metrics[0].metrics.clone();
        let marked = metrics.into_iter().filter(|metric| {
            marked(match metric.data.as_ref().unwrap() {
                Data::Gauge(data) => &data.data_points[0].attributes,
                Data::Sum(data) => &data.data_points[0].attributes,
                Data::Histogram(data) => &data.data_points[0].attributes,
                Data::ExponentialHistogram(data) => &data.data_points[0].attributes,
                Data::Summary(data) => &data.data_points[0].attributes,
            })
        });
        marked.map(|metric| metric.name).collect::<Vec<_>>()
    };
    let all = ["gauge", "sum", "histogram", "exponential", "summary"];
    assert_eq!(chosen(&format!("{{{MARK}}}")), all);
    let include = |include: &str| chosen(&format!("{{include: {{{include}}}, {MARK}}}"));
    assert_eq!(include("match_type: strict, metric_names: [sum, summary]"), ["sum", "summary"]);
    assert_eq!(include("match_type: regexp, metric_names: [^su, ^exp]"), ["sum", "exponential", "summary"]);
    assert_eq!(include("match_type: strict, resources: [{key: service.name, value: cart}]"), all);
    assert!(
        include("match_type: strict, resources: [{key: service.name, value: shop}], metric_names: [sum]")
            .is_empty()
    );
    let exclude = format!("{{exclude: {{match_type: regexp, metric_names: [^su, ^e]}}, {MARK}}}");
    assert_eq!(chosen(&exclude), ["gauge", "histogram"]);
}
