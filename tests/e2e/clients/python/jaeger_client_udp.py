"""Follows a story with jaeger-client for Python and reports every span to each target: Thrift compact over UDP.

Argument: JSON {service, wide, spans, remote, targets: [{port, sampling}]}. Prints the identifiers by span name.
"""

import json
import sys
import time

from jaeger_client import ConstSampler, SpanContext, Tracer
from jaeger_client.local_agent_net import LocalAgentSender
from jaeger_client.reporter import CompositeReporter, Reporter
from opentracing import child_of, follows_from

story = json.loads(sys.argv[1])

reporters = []
for target in story["targets"]:
    channel = LocalAgentSender("127.0.0.1", sampling_port=target["sampling"], reporting_port=target["port"])
    reporters.append(Reporter(channel=channel, flush_interval=0.1))
tracer = Tracer(
    service_name=story["service"],
    reporter=CompositeReporter(*reporters),
    sampler=ConstSampler(True),
    tags=story["process"],
    generate_128bit_trace_id=story["wide"],
    max_tag_value_length=4096,
)

remote = SpanContext(int(story["remote"]["trace"], 16), int(story["remote"]["span"], 16), None, 1)
REFERENCE = {"child_of": child_of, "follows_from": follows_from}
spans = {}
for told in story["spans"]:
    references = [REFERENCE["child_of"](spans[told["parent"]].context)] if told.get("parent") else []
    for kind, name in told.get("references", []):
        references.append(REFERENCE[kind](remote if name == "remote" else spans[name].context))
    span = tracer.start_span(told["name"], references=references, start_time=told["start"] / 1e6)
    spans[told["name"]] = span
    if told.get("kind"):
        span.set_tag("span.kind", told["kind"])
    for key, value in told.get("tags", {}).items():
        span.set_tag(key, value)
    if told.get("error"):
        span.set_tag("error", True)
    for event in told.get("events", []):
        span.log_kv({"event": event["name"], **event["fields"]}, timestamp=event["at"] / 1e6)
    span.finish((told["start"] + told["duration"]) / 1e6)

# The futures are of other threads' loops: they can be asked, but call nobody back.
flushed, deadline = [reporter.close() for reporter in reporters], time.monotonic() + 20
while not all(future.done() for future in flushed):
    assert time.monotonic() < deadline, "not flushed"
    time.sleep(0.01)
print(
    json.dumps(
        {
            name: {
                "trace": f"{span.trace_id:032x}",
                "span": f"{span.span_id:016x}",
                "parent": f"{span.parent_id:016x}" if span.parent_id else None,
                "flags": span.flags,
            }
            for name, span in spans.items()
        }
    )
)
