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
    """Where to ask: Jaeger's agent, sluice with the same file, sluice that asks Jaeger's collector."""

    agent: int
    file: int
    relay: int


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sampling")
    file = directory / "strategies.json"
    file.write_text(json.dumps(STRATEGIES))
    jaeger = Jaeger(directory, file)
    started = []
    try:
        jaeger.wait_ready()

        def start(source: dict) -> int:
            port = ports.free_one()
            extension = {"http": {"endpoint": f"127.0.0.1:{port}"}, "source": source}
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
            return port

        remote = {"endpoint": f"127.0.0.1:{jaeger.grpc}", "tls": {"insecure": True}}
        yield Served(jaeger.sampling, start({"file": str(file)}), start({"remote": remote}))
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
    straight = ask(served.agent, query)
    assert straight[0] == 200
    assert ask(getattr(served, way), query) == straight


@pytest.mark.parametrize("query", ["", "?service=a&service=b"])
def test_a_question_without_one_service_is_refused_as_by_jaegers_agent(served, query):
    assert ask(served.agent, query)[0] == ask(served.file, query)[0] == 400


@pytest.mark.parametrize("language", ["python", "node"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_client_makes_of_it_the_same_sampler(served, service, language):
    def sampler(port: int) -> str:
        program = {
            "python": [required("SLUICE_CLIENTS_PYTHON"), str(clients.HERE / "python" / "sampler.py")],
            "node": ["node", str(clients.HERE / "node" / "sampler.cjs")],
        }[language]
        done = subprocess.run([*program, service, str(port)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    straight = sampler(served.agent)
    assert straight
    assert sampler(served.file) == straight
