"""Clients of Jaeger get from sluice the samplers that they get from Jaeger's agent."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

import pytest

from harness import clients, ports
from harness.collector import Collector, http_get
from harness.servers import Jaeger, required

STRATEGIES = {
    "service_strategies": [
        {
            "service": "checkout-ü",
            "type": "probabilistic",
            "param": 0.8,
            "operation_strategies": [
                {"operation": "GET /health", "type": "probabilistic", "param": 0},
                {"operation": "pay", "type": "probabilistic", "param": 1},
            ],
        },
        {"service": "search", "type": "ratelimiting", "param": 5},
    ],
    "default_strategy": {"type": "probabilistic", "param": 0.25},
}
SERVICES = ("checkout-ü", "search", "unheard-of")


@dataclass
class Served:
    """Where to ask, over HTTP and gRPC."""

    http: int
    grpc: int


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sampling")
    file = directory / "strategies.json"
    file.write_text(json.dumps(STRATEGIES))
    jaeger = Jaeger(directory, file)
    started = []
    try:
        jaeger.wait_ready()

        def start(source: dict) -> Served:
            served = Served(*ports.free(2))
            endpoints = {name: {"endpoint": f"127.0.0.1:{port}"} for name, port in vars(served).items()}
            extension = {**endpoints, "source": source}
            settings = {
                "receivers": {"nop": None},
                "exporters": {"nop": None},
                "extensions": {"jaegerremotesampling": extension},
                "service": {
                    "extensions": ["jaegerremotesampling"],
                    "pipelines": {"traces": {"receivers": ["nop"], "exporters": ["nop"]}},
                },
            }
            started.append(Collector(settings, directory))
            started[-1].start()
            return served

        remote = {"endpoint": f"127.0.0.1:{jaeger.grpc}", "tls": {"insecure": True}}
        # Jaeger: its agent over HTTP, its collector over gRPC. sluice with the same file, and sluice that asks Jaeger.
        yield {
            "jaeger": Served(jaeger.sampling, jaeger.grpc),
            "file": start({"file": str(file)}),
            "relay": start({"remote": remote}),
        }
    finally:
        for one in (*started, jaeger):
            one.kill()


def ask(port: int, query: str) -> tuple[int, object]:
    status, body = http_get(f"http://127.0.0.1:{port}/sampling{query}")
    return status, _there(json.loads(body)) if status == 200 else None


def _there(tree):
    """What has a value. Of what has none some versions of Jaeger say `null`, as sluice does, and some say nothing."""
    if isinstance(tree, dict):
        return {key: _there(value) for key, value in tree.items() if value is not None}
    return [_there(value) for value in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize("way", ["file", "relay"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_what_jaegers_agent_tells_it(served, service, way):
    # Python does not send a letter beyond ASCII as it is.
    query = "?service=" + service.replace("ü", "%C3%BC")
    straight = ask(served["jaeger"].http, query)
    assert straight[0] == 200
    assert ask(served[way].http, query) == straight


@pytest.mark.parametrize("query", ["", "?service=a&service=b"])
def test_a_question_without_one_service_is_refused_as_by_jaegers_agent(served, query):
    assert ask(served["jaeger"].http, query)[0] == ask(served["file"].http, query)[0] == 400


# Clients that poll for their sampler: the transport, the program.
CLIENTS = {
    "python": ("http", lambda: [required("SLUICE_CLIENTS_PYTHON"), str(clients.HERE / "python" / "sampler.py")]),
    "node": ("http", lambda: ["node", str(clients.HERE / "node" / "sampler.cjs")]),
    "opentelemetry java": ("grpc", lambda: clients.java("Sample")),
}


@pytest.mark.parametrize("way", ["file", "relay"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_client_makes_of_it_the_same_sampler(served, service, client, way):
    transport, program = CLIENTS[client]

    def sampler(port: int) -> str:
        done = subprocess.run([*program(), service, str(port)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    straight = sampler(getattr(served["jaeger"], transport))
    assert straight
    assert sampler(getattr(served[way], transport)) == straight
