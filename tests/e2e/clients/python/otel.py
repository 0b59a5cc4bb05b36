"""Follows a story with the OpenTelemetry SDK for Python and hands the spans to an exporter per target.

Arguments: the exporter's name below and JSON {service, process, spans, remote, targets}. Prints the identifiers.
"""

import json
import sys

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags


def otlp_grpc(target):
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=f"127.0.0.1:{target['port']}", insecure=True)


def jaeger_thrift_udp(target):
    from opentelemetry.exporter.jaeger.thrift import JaegerExporter

    return JaegerExporter(agent_host_name="127.0.0.1", agent_port=target["port"])


def jaeger_thrift_http(target):
    from opentelemetry.exporter.jaeger.thrift import JaegerExporter

    endpoint = f"http://127.0.0.1:{target['port']}/api/traces?format=jaeger.thrift"
    return JaegerExporter(collector_endpoint=endpoint)


def jaeger_proto_grpc(target):
    from opentelemetry.exporter.jaeger.proto.grpc import JaegerExporter

    return JaegerExporter(collector_endpoint=f"127.0.0.1:{target['port']}", insecure=True)


def zipkin_json_v1(target):
    from opentelemetry.exporter.zipkin.encoder import Protocol
    from opentelemetry.exporter.zipkin.json import ZipkinExporter

    # Without a length this version cannot encode a text.
    endpoint = f"http://127.0.0.1:{target['port']}/api/v1/spans"
    return ZipkinExporter(Protocol.V1, endpoint, max_tag_value_length=4096, **NODE)


def zipkin_json_v2(target):
    from opentelemetry.exporter.zipkin.json import ZipkinExporter

    return ZipkinExporter(endpoint=f"http://127.0.0.1:{target['port']}/api/v2/spans", **NODE)


def zipkin_proto(target):
    from opentelemetry.exporter.zipkin.proto.http import ZipkinExporter

    return ZipkinExporter(f"http://127.0.0.1:{target['port']}/api/v2/spans", **NODE)


NODE = {"local_node_ipv4": "192.0.2.1", "local_node_ipv6": "2001:db8::1", "local_node_port": 40001}
make, story = globals()[sys.argv[1]], json.loads(sys.argv[2])

kept = InMemorySpanExporter()
resource = Resource({"service.name": story["service"], **story["process"]})
provider = TracerProvider(resource=resource)
provider.add_span_processor(SimpleSpanProcessor(kept))
tracer = provider.get_tracer("tracer", "1.2.3")


def remote(name):
    other = story["remote"]
    return SpanContext(int(other["trace"], 16), int(other["span"], 16), True, TraceFlags(1))


spans = {}
for told in story["spans"]:
    links = [
        Link(remote(name) if name == "remote" else spans[name].get_span_context(), {"link": "ü"})
        for name in told.get("links", [])
    ]
    parent = told.get("parent")
    span = tracer.start_span(
        told["name"],
        context=trace.set_span_in_context(spans[parent]) if parent else trace.Context(),
        kind=SpanKind[told.get("kind", "internal").upper()],
        attributes=told.get("tags"),
        links=links,
        start_time=told["start"] * 1000,
    )
    spans[told["name"]] = span
    for event in told.get("events", []):
        span.add_event(event["name"], event["fields"], event["at"] * 1000)
    if told.get("error"):
        span.set_status(Status(StatusCode.ERROR, told["error"]))
    if told.get("ok"):
        span.set_status(Status(StatusCode.OK))
    span.end((told["start"] + told["duration"]) * 1000)

for target in story["targets"]:
    exporter = make(target)
    assert exporter.export(kept.get_finished_spans()).name == "SUCCESS", target
    exporter.shutdown()

ids = {}
for name, span in spans.items():
    context = span.get_span_context()
    ids[name] = {
        "trace": f"{context.trace_id:032x}",
        "span": f"{context.span_id:016x}",
        "parent": f"{span.parent.span_id:016x}" if span.parent else None,
    }
print(json.dumps(ids))
