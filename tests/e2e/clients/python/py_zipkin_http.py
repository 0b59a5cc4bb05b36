"""Follows a story with py_zipkin and posts what it encodes to each target.

Arguments: the encoding's name and JSON {service, wide, spans, targets: [{port}]}. Prints the identifiers by span name.
"""

import json
import sys

from py_zipkin import Encoding, Kind
from py_zipkin.encoding import Span
from py_zipkin.encoding import create_endpoint
from py_zipkin.transport import BaseTransportHandler, SimpleHTTPTransport
from py_zipkin.util import generate_random_64bit_string, generate_random_128bit_string
from py_zipkin.zipkin import get_default_tracer, zipkin_span

encoding, story = Encoding[sys.argv[1]], json.loads(sys.argv[2])


class Each(BaseTransportHandler):
    """The same payload for every target."""

    def __init__(self):
        self.transports = [SimpleHTTPTransport("127.0.0.1", target["port"]) for target in story["targets"]]

    def get_max_payload_bytes(self):
        return None

    def send(self, payload):
        for transport in self.transports:
            transport.send(payload)


trace = generate_random_128bit_string() if story["wide"] else generate_random_64bit_string()
ids = {}
# The story's spans go out with the one that carries the transport, as spans of a process always do.
carrier = zipkin_span(
    service_name=story["service"],
    span_name="carrier",
    sample_rate=100.0,
    transport_handler=Each(),
    encoding=encoding,
    host="192.0.2.1",
    port=40001,
)
with carrier:
    for told in story["spans"]:
        parent = ids[told["parent"]]["span"] if told.get("parent") else None
        shared = told.get("shared", False)
        own = parent if shared else generate_random_64bit_string()
        ids[told["name"]] = {"trace": trace, "span": own, "parent": None if shared else parent}
        remote = told.get("remote")
        get_default_tracer().add_span(
            Span(
                trace_id=trace,
                name=told["name"],
                parent_id=ids[told["name"]]["parent"],
                span_id=own,
                kind=Kind[told["kind"].upper()] if told.get("kind") else Kind.LOCAL,
                timestamp=told["start"] / 1e6,
                duration=told["duration"] / 1e6,
                local_endpoint=create_endpoint(40001, told.get("service", story["service"]), "192.0.2.1"),
                remote_endpoint=remote and create_endpoint(remote["port"], remote["service"], remote["ip"]),
                shared=shared,
                annotations={event["name"]: event["at"] / 1e6 for event in told.get("events", [])},
                tags=told.get("tags"),
            )
        )
print(json.dumps(ids))
