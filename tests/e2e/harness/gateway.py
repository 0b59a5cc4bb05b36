"""sluice between the clients and the servers: everything that Jaeger and Zipkin clients can send to, to every sink."""

from __future__ import annotations

from pathlib import Path

from . import config, ports, signals, stored, waiting
from .collector import Collector
from .stand import Sent, Stand

# The ways to Jaeger: each has a server of its own behind it.
JAEGERS = ("jaeger", "jaeger_thrift", "otlp")
# The pipeline's ways out: to a recording sink, and to one server each.
EXPORTERS = ("otlp/sink", "jaeger", "jaeger_thrift", "otlp/jaeger", "zipkin")


class Gateway:
    """Its ports have the names that the servers' have: a client cannot tell which one it was pointed at."""

    def __init__(self, directory: Path, sink, stand: Stand):
        self.otlp_grpc, self.otlp_to_proto, self.thrift_http, self.grpc, self.zipkin, self.sampling = ports.free(6)
        self.thrift_compact, self.thrift_binary = ports.free_udp(2)
        protocols = ("thrift_compact", "thrift_binary", "thrift_http", "grpc")
        zipkin = f"http://127.0.0.1:{stand.get('zipkin behind').zipkin}/api/v2/spans"
        jaeger = {name: stand.get(f"jaeger behind {name}") for name in JAEGERS}
        settings = {
            "receivers": {
                "otlp": {"protocols": {"grpc": {"endpoint": _local(self.otlp_grpc)}}},
                "otlp/proto": {"protocols": {"grpc": {"endpoint": _local(self.otlp_to_proto)}}},
                "jaeger": {"protocols": {name: {"endpoint": _local(getattr(self, name))} for name in protocols}},
                "zipkin": {"endpoint": _local(self.zipkin)},
            },
            "processors": {"batch": {"timeout": "50ms"}},
            "exporters": {
                "otlp/sink": config.to_grpc(sink.endpoint),
                "otlp/jaeger": config.to_grpc(_local(jaeger["otlp"].otlp_grpc)),
                "jaeger": config.to_grpc(_local(jaeger["jaeger"].grpc)),
                "jaeger_thrift": {
                    "endpoint": f"http://127.0.0.1:{jaeger['jaeger_thrift'].thrift_http}/api/traces"
                },
                "zipkin": {"endpoint": zipkin},
                "zipkin/proto": {"endpoint": zipkin, "format": "proto"},
            },
        }
        settings["service"] = {
            "pipelines": {
                "traces": {"receivers": ["otlp", "jaeger", "zipkin"], "processors": ["batch"], "exporters": list(EXPORTERS)},
                "traces/proto": {"receivers": ["otlp/proto"], "exporters": ["otlp/sink", "zipkin/proto"]},
            }
        }
        self.collector = Collector(settings, directory)
        self.sink = sink

    def otlp_tree(self, sent: Sent) -> dict:
        """What the sink has of a story, once it is all there."""
        traces = {trace.zfill(32) for trace in sent.traces}

        def whole():
            tree = stored.otlp(self.sink.requests(signals.TRACES), traces)
            return tree if len(tree) >= len(sent.spans) else None

        return waiting.until(whole, f"the spans of {sent.client.name} at the sink")


def _local(port: int) -> str:
    return f"127.0.0.1:{port}"
