//! §Process to resource.

use sluice_formats::jaeger::api_v2::{Batch, KeyValue, Process};
use sluice_pdata::otlp::common::v1::KeyValue as Attribute;

use crate::support::{decode, int, rows, span, tag, text};

fn resource(service: &str, tags: &[KeyValue], expected: &[Attribute]) {
    let process = Process { service_name: service.into(), tags: tags.to_vec() };
    let mut request = decode(Batch { spans: vec![span()], process: Some(process) });
    assert_eq!(request.resource_spans.len(), 1);
    let resource = request.resource_spans.remove(0).resource.unwrap_or_default();
    assert_eq!(resource.attributes, expected);
}

rows! { resource {
    service_name_comes_first: "svc", &[tag("a", 1)], &[text("service.name", "svc"), int("a", 1)];
    a_tag_overwrites_the_service_name: "svc", &[tag("a", 1), tag("service.name", "other")], &[text("service.name", "other"), int("a", 1)];
    placeholder_is_no_name: "OTLPResourceNoServiceName", &[], &[];
    placeholder_keeps_the_tags: "OTLPResourceNoServiceName", &[tag("a", 1)], &[int("a", 1)];
    no_name_and_no_tags: "", &[], &[];
    no_name_with_tags: "", &[tag("a", 1)], &[int("a", 1)];
    hostname_becomes_host_name: "svc", &[tag("hostname", "h"), tag("a", 1)], &[text("service.name", "svc"), int("a", 1), text("host.name", "h")];
    hostname_stays_beside_host_name: "svc", &[tag("hostname", "h"), tag("host.name", "n")],
        &[text("service.name", "svc"), text("hostname", "h"), text("host.name", "n")];
    jaeger_version: "svc", &[tag("jaeger.version", "Python-3.1.0")],
        &[text("service.name", "svc"), text("opencensus.exporterversion", "Jaeger-Python-3.1.0")];
    jaeger_version_stays_beside_its_target: "svc", &[tag("jaeger.version", "x"), tag("opencensus.exporterversion", "y")],
        &[text("service.name", "svc"), text("jaeger.version", "x"), text("opencensus.exporterversion", "y")];
    other_tags_keep_their_keys: "svc", &[tag("ip", "10.0.0.1"), tag("client-uuid", "u")],
        &[text("service.name", "svc"), text("ip", "10.0.0.1"), text("client-uuid", "u")];
} }
