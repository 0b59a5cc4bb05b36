"""Clients of Jaeger and Zipkin in their own languages: what each can say, and how it is run."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import story
from .servers import required

HERE = Path(__file__).parents[1] / "clients"


@dataclass(frozen=True)
class Client:
    name: str
    command: tuple[str, ...]
    # The attribute of a server that is the port to send to.
    port: str
    # `opentracing`, `otel` or `zipkin`: the interface it records with.
    api: str
    # False: its trace identifiers have 64 bits.
    wide: bool = True

    @property
    def service(self) -> str:
        return self.name

    def run(self, servers: list, spans: list[dict], remote: dict[str, str]) -> dict[str, dict]:
        """Sends `spans` to every server and returns the identifiers that it gave, by span name."""
        request = {
            "service": self.service,
            "process": PROCESS,
            "wide": self.wide,
            "spans": spans,
            "remote": remote,
            "targets": [
                {"port": getattr(server, self.port), "sampling": getattr(server, "sampling", 0)} for server in servers
            ],
        }
        command = [*_runtime(*self.command), *self.command[1:], json.dumps(request)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{self.name}: {done.stdout}\n{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1])

    def spans(self) -> list[dict]:
        """The story, with what this client's interface has beside it."""
        spans = copy.deepcopy(story.spans())
        start = spans[0]["start"]
        if self.api == "opentracing":
            return spans + [
                {
                    "name": "join",
                    "parent": "root",
                    "references": [["follows_from", "publish"], ["child_of", "compute"], ["follows_from", "remote"]],
                    "start": start + 1000,
                    "duration": 30,
                },
                {"name": "after", "references": [["follows_from", "root"]], "start": start + 1100, "duration": 40},
                # Sampled whatever the sampler says; later spans of the trace are its children.
                {
                    "name": "debugged",
                    "parent": "compute",
                    "tags": {"sampling.priority": 1},
                    "start": start + 1200,
                    "duration": 50,
                },
                {"name": "far", "references": [["child_of", "remote"]], "start": start + 1300, "duration": 60},
            ]
        if self.api == "otel":
            return spans + [
                {"name": "linked", "parent": "root", "links": ["publish", "remote"], "start": start + 1000, "duration": 30},
                {"name": "fine", "parent": "root", "ok": True, "start": start + 1100, "duration": 40},
            ]
        for span in spans:
            span["tags"] = story.texts(span.get("tags", {}))
        # Zipkin's client and server halves of one call share an identifier.
        spans[1]["remote"] = {"service": "backend", "ip": "192.0.2.7", "port": 9000}
        spans.append(
            {
                "name": "answer",
                "kind": "server",
                "parent": spans[1]["name"],
                "shared": True,
                "start": start + 120,
                "duration": 300,
                "tags": {"half": "server"},
            }
        )
        return spans


PROCESS = {"deployment": "tést", "shard": 7}


def _runtime(name: str, exporter: str = "", *_) -> list[str]:
    """The program that runs a client; `.ci/run servers` has installed it."""
    if exporter.startswith("otlp"):
        # The suite's own SDK.
        return [sys.executable, str(HERE / "python" / name)]
    if exporter == "V1_THRIFT":
        # Later versions of py_zipkin do not write it.
        return [required("SLUICE_CLIENTS_PY_ZIPKIN"), "-W", "ignore", str(HERE / "python" / name)]
    if name.endswith(".py"):
        return [required("SLUICE_CLIENTS_PYTHON"), "-W", "ignore", str(HERE / "python" / name)]
    if name.endswith(".cjs"):
        return ["node", str(HERE / "node" / name)]
    return java(name)


def java(name: str) -> list[str]:
    """A class of `clients/java`. Started for a second: what only pays later is left out."""
    classes = required("SLUICE_CLIENTS_JAVA")
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{classes}:{classes}/*", name]


def _otel(name: str, exporter: str, port: str) -> Client:
    return Client(name, ("otel.py", exporter), port, "otel")


JAEGER = [
    Client("python-jaeger-client", ("jaeger_client_udp.py",), "thrift_compact", "opentracing"),
    Client("python-jaeger-client-64", ("jaeger_client_udp.py",), "thrift_compact", "opentracing", wide=False),
    # Over UDP it speaks Thrift binary.
    Client("node-jaeger-client-udp", ("jaeger_client.cjs", "udp"), "thrift_binary", "opentracing"),
    Client("node-jaeger-client-http", ("jaeger_client.cjs", "http"), "thrift_http", "opentracing", wide=False),
    _otel("python-otel-thrift-udp", "jaeger_thrift_udp", "thrift_compact"),
    _otel("python-otel-thrift-http", "jaeger_thrift_http", "thrift_http"),
    _otel("python-otel-proto-grpc", "jaeger_proto_grpc", "grpc"),
    Client("node-otel-jaeger-udp", ("otel.cjs", "jaeger_udp"), "thrift_binary", "otel"),
    Client("node-otel-jaeger-http", ("otel.cjs", "jaeger_http"), "thrift_http", "otel"),
]
ZIPKIN = [
    Client("py-zipkin-v1-json", ("py_zipkin_http.py", "V1_JSON"), "zipkin", "zipkin"),
    Client("py-zipkin-v1-thrift", ("py_zipkin_http.py", "V1_THRIFT"), "zipkin", "zipkin"),
    Client("py-zipkin-v2-json", ("py_zipkin_http.py", "V2_JSON"), "zipkin", "zipkin", wide=False),
    Client("py-zipkin-v2-proto", ("py_zipkin_http.py", "V2_PROTO3"), "zipkin", "zipkin"),
    Client("node-zipkin-v1", ("zipkin.cjs", "JSON_V1"), "zipkin", "zipkin", wide=False),
    Client("node-zipkin-v2", ("zipkin.cjs", "JSON_V2"), "zipkin", "zipkin"),
    Client("brave-v1-json", ("Send", "JSON_V1"), "zipkin", "zipkin"),
    Client("brave-v1-thrift", ("Send", "THRIFT"), "zipkin", "zipkin"),
    Client("brave-v2-json", ("Send", "JSON_V2"), "zipkin", "zipkin", wide=False),
    Client("brave-v2-proto", ("Send", "PROTO3"), "zipkin", "zipkin"),
    _otel("python-otel-zipkin-v1", "zipkin_json_v1", "zipkin"),
    _otel("python-otel-zipkin-v2", "zipkin_json_v2", "zipkin"),
    _otel("python-otel-zipkin-proto", "zipkin_proto", "zipkin"),
    Client("node-otel-zipkin", ("otel.cjs", "zipkin"), "zipkin", "otel"),
]
# For what leaves as Jaeger or Zipkin without having come as either.
OTLP = _otel("python-otel-otlp", "otlp_grpc", "otlp_grpc")
OTLP_AS_PROTO = _otel("python-otel-otlp-proto", "otlp_grpc", "otlp_to_proto")
