"""What the pages for users of Jaeger and Zipkin show, and the example that takes an agent's place; Prometheus has a file
of its own."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import clients, inward, ports, signals, stored, waiting
from harness.collector import Collector, binary, http_get
from harness.stand import Stand, zipkin_tree

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / f"coming-from-{name}.md" for name in ("jaeger", "prometheus", "zipkin")]
EXAMPLE = ROOT / "examples" / "jaeger-agent-replacement.yaml"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_validates(page, tmp_path):
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert shown
    for number, text in enumerate(shown):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        done = subprocess.run([binary(), "validate", "--config", str(file)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr


def first_config(page: str, directory: Path) -> Path:
    """The first configuration that a page shows, as a file."""
    file = directory / f"{page}.yaml"
    file.write_text(re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / f"{page}.md").read_text(), re.DOTALL)[1])
    return file


def moved(**endpoints) -> tuple[str, ...]:
    """Arguments that give components other endpoints: `receivers__zipkin=...`."""
    return tuple(f"--set={path.replace('__', '.')}.endpoint={value}" for path, value in endpoints.items())


def arrived(sink, sent) -> dict:
    """The spans of a story at a sink, once they are all there."""
    traces = {trace.zfill(32) for trace in sent.traces}

    def whole():
        found = stored.otlp(sink.requests(signals.TRACES), traces)
        return found if len(found) >= len(sent.spans) else None

    return waiting.until(whole, f"the spans of {sent.client.name}")


INSECURE = "--set=exporters.otlp_grpc.tls.insecure=true"


@dataclass
class Ports:
    """Of a collector, under the names that servers have them."""

    zipkin: int = 0
    thrift_compact: int = 0
    grpc: int = 0


def test_the_configuration_for_users_of_jaeger_feeds_a_backend(run, tmp_path, grpc_sink):
    here = Ports(thrift_compact=ports.free_udp(1)[0], grpc=ports.free_one())
    at = moved(
        receivers__jaeger__protocols__thrift_compact=f"127.0.0.1:{here.thrift_compact}",
        receivers__jaeger__protocols__grpc=f"127.0.0.1:{here.grpc}",
        exporters__otlp_grpc=grpc_sink.endpoint,
    )
    run(Collector(first_config("coming-from-jaeger", tmp_path), tmp_path, args=(*at, INSECURE)))
    for client in clients.JAEGER:
        if client.name in ("python-jaeger-client", "python-otel-proto-grpc"):
            assert arrived(grpc_sink, Stand(tmp_path).sent(client, [here]))


def test_the_configuration_for_users_of_zipkin_feeds_zipkin_and_a_backend(run, stand, tmp_path, grpc_sink):
    here, server = Ports(zipkin=ports.free_one()), stand.get("zipkin")
    at = moved(
        receivers__zipkin=f"127.0.0.1:{here.zipkin}",
        exporters__zipkin=f"http://127.0.0.1:{server.zipkin}/api/v2/spans",
        exporters__otlp_grpc=grpc_sink.endpoint,
    )
    run(Collector(first_config("coming-from-zipkin", tmp_path), tmp_path, args=(*at, INSECURE)))
    (client,) = (client for client in clients.ZIPKIN if client.name == "py-zipkin-v2-json")
    sent = Stand(tmp_path).sent(client, [here])
    assert arrived(grpc_sink, sent)
    assert zipkin_tree(server, sent)


class AgentReplacement(Collector):
    """The example, on other ports than a Jaeger of this machine's user may have."""

    PORTS = {
        "receivers.jaeger.protocols.thrift_compact": 6831,
        "receivers.jaeger.protocols.thrift_binary": 6832,
        "receivers.jaeger.protocols.grpc": 14250,
        "receivers.jaeger.protocols.thrift_http": 14268,
        "receivers.zipkin": 9411,
        "receivers.otlp.protocols.grpc": 4317,
        "receivers.otlp.protocols.http": 4318,
        "extensions.jaegerremotesampling.http": 5778,
        "extensions.jaegerremotesampling.grpc": 5779,
        "extensions.health_check": 13133,
        "extensions.health_check/collector": 14269,
        "extensions.health_check/agent": 14271,
    }

    def __init__(self, directory: Path, backend: str):
        super().__init__(EXAMPLE, directory, env={"OTLP_BACKEND": backend})
        given = {
            path: ports.free_udp(1)[0] if port in (6831, 6832) else ports.free_one()
            for path, port in self.PORTS.items()
        }
        receivers = list(given.values())[:6]
        self.thrift_compact, self.thrift_binary, self.grpc, self.thrift_http, self.zipkin, self.otlp_grpc = receivers
        self.sampling = given["extensions.jaegerremotesampling.http"]
        self.sampling_grpc = given["extensions.jaegerremotesampling.grpc"]
        self.health = [port for path, port in given.items() if "health_check" in path]
        at = {path: f"127.0.0.1:{port}" for path, port in given.items()}
        self._args = (*self._args, *moved(**at))


def test_the_example_names_every_port_that_users_of_jaeger_know():
    text = EXAMPLE.read_text()
    assert {port for port in AgentReplacement.PORTS.values() if f"0.0.0.0:{port}\n" in text} == set(
        AgentReplacement.PORTS.values()
    )


def test_the_example_serves_every_port(run, tmp_path, grpc_sink):
    # One client for each way in.
    ways = {client.port: client for client in (*clients.JAEGER, clients.ZIPKIN[1], clients.OTLP)}
    assert set(ways) == {"thrift_compact", "thrift_binary", "grpc", "thrift_http", "zipkin", "otlp_grpc"}
    running = run(AgentReplacement(tmp_path, grpc_sink.endpoint))
    for port in running.health:
        waiting.until(lambda port=port: http_get(f"http://127.0.0.1:{port}/")[0] == 200, "health")
    status, strategy = http_get(f"http://127.0.0.1:{running.sampling}/sampling?service=shop")
    assert status == 200 and json.loads(strategy)["probabilisticSampling"] == {"samplingRate": 0.1}
    asked = subprocess.run(
        [*clients.java("Sample"), "shop", str(running.sampling_grpc)], capture_output=True, text=True, timeout=60
    )
    assert asked.returncode == 0 and "0.1" in asked.stdout, asked
    stand = Stand(tmp_path)
    for client in ways.values():
        sent = stand.sent(client, [running])
        found = arrived(grpc_sink, sent)
        if client in clients.JAEGER:
            told = inward.jaeger(client, sent.spans, sent.ids, sent.remote)
            found = inward.within_a_microsecond(inward.without_machine(client, found), told)
            stored.assert_same_but_for(told, found, {})
