//! §Grouping: which spans share a resource and a scope.

use sluice_formats::jaeger::api_v2::{Batch, Process, Span};
use sluice_pdata::otlp::ExportTraceServiceRequest;

use crate::support::{batch, decode, from_proto, from_thrift, process, span, span_id, tag, text};

fn numbered(number: u8, service: Option<&str>, scope: Option<&str>) -> Span {
    let process = service.map(|name| Process { service_name: name.into(), tags: Vec::new() });
    let tags = scope.map(|name| tag("otel.scope.name", name)).into_iter().collect();
    Span { span_id: span_id(number), process, tags, ..span() }
}

/// `svc:scope:3,4` for each scope.
fn shape(request: &ExportTraceServiceRequest) -> Vec<String> {
    let mut shape = Vec::new();
    for resource in &request.resource_spans {
        let attributes = resource.resource.as_ref().map(|resource| resource.attributes.as_slice());
        let name = match attributes.unwrap_or_default() {
            [name, ..] => format!("{:?}", name.value.as_ref().and_then(|value| value.value.as_ref())),
            [] => String::new(),
        };
        let name = name.trim_start_matches("Some(StringValue(\"").trim_end_matches("\"))").to_owned();
        if resource.scope_spans.is_empty() {
            shape.push(name.clone());
        }
        for scope in &resource.scope_spans {
            let numbers: Vec<_> = scope.spans.iter().map(|span| span.span_id[7].to_string()).collect();
            let scope = scope.scope.as_ref().map_or("", |scope| scope.name.as_str());
            shape.push(format!("{name}:{scope}:{}", numbers.join(",")));
        }
    }
    shape
}

#[test]
fn spans_are_grouped_by_process_and_their_own_beats_the_batchs() {
    let spans = [(1, None), (2, Some("a")), (3, None), (4, Some("b")), (5, Some("a")), (6, Some("svc"))];
    let spans = spans.map(|(number, service)| numbered(number, service, None));
    assert_eq!(shape(&from_proto(batch(spans.into()))), ["svc::1,3,6", "a::2,5", "b::4"]);
}

#[test]
fn spans_without_any_process_are_one_group() {
    let spans = [(1, None), (2, Some("a")), (3, None)].map(|(number, name)| numbered(number, name, None));
    let request = from_proto(Batch { spans: spans.into(), process: None });
    assert_eq!(shape(&request), ["::1,3", "a::2"]);
    assert_eq!(request.resource_spans[0].resource, None);
}

#[test]
fn proto_groups_by_scope_within_a_process() {
    let spans = [(1, None, Some("x")), (2, None, None), (3, None, Some("x")), (4, Some("a"), Some("x"))];
    let spans = spans.map(|(number, service, scope)| numbered(number, service, scope));
    assert_eq!(shape(&from_proto(batch(spans.into()))), ["svc:x:1,3", "svc::2", "a:x:4"]);
}

#[test]
fn thrift_has_one_scope() {
    let spans = vec![numbered(1, None, Some("x")), numbered(2, None, None)];
    assert_eq!(shape(&from_thrift(&batch(spans), 0)), ["svc::1,2"]);
}

#[test]
fn a_process_without_spans_is_a_resource_without_spans() {
    let request = decode(batch(vec![]));
    assert_eq!(shape(&request), ["svc"]);
    assert_eq!(
        request.resource_spans[0].resource.as_ref().map(|it| it.attributes.clone()),
        Some(vec![text("service.name", "svc")])
    );
}

#[test]
fn neither_process_nor_spans_is_nothing() {
    assert_eq!(from_proto(Batch::default()).resource_spans, []);
}

#[test]
fn blank_spans_are_passed_over() {
    let spans = vec![Span::default(), numbered(1, None, None), Span::default()];
    assert_eq!(shape(&from_proto(Batch { spans, process: Some(process()) })), ["svc::1"]);
}
