"""The manifests of `examples/kubernetes` at work: an application, its sidecar, two gateways and a real Jaeger.

The collectors are started as the kubelet would, with the configuration, arguments and limits of their manifests. Addresses
are of loopback, and the name of the gateways is in a hosts file that the sidecar alone sees. The sidecar's 64 MiB are those of
a release build: of a debug build's code alone so much is in memory that the limiter refuses.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from harness import manifests, pod, ports, signals, waiting
from harness.collector import Collector, binary
from harness.servers import Jaeger

APP = Path(__file__).parent / "harness" / "pod_app.py"
LATE = 200
NAME = "sluice-gateway-pods"
DRAINING = "serving on while load balancers look away"
# What the kubelet sets from the pod, and what data is marked with then.
POD = {
    "K8S_POD_NAME": "shop-5d8f-x2x7t",
    "K8S_POD_UID": "7f0c3a52-4f0f-4b0e-9d5e-0c1f5b6a7d11",
    "K8S_NAMESPACE_NAME": "shops",
    "K8S_NODE_NAME": "node-1",
}
WHOSE = {
    **{f"k8s.{name[4:].lower().replace('_', '.')}": value for name, value in POD.items()},
    "k8s.container.name": "shop",
    "deployment.environment.name": "demo",
    "k8s.cluster.name": "demo",
}
STOPPING = "Starting shutdown"
LOST_NOTHING = '"lost_items": 0'


@pytest.fixture(scope="module")
def jaeger(tmp_path_factory):
    server = Jaeger(tmp_path_factory.mktemp("jaeger"))
    try:
        server.wait_ready()
        yield server
    finally:
        server.kill()


class App:
    """The application's container."""

    def __init__(self, directory: Path, endpoint: str, service: str):
        told = json.dumps({"endpoint": endpoint, "service": service, "late": LATE})
        self._log = directory / f"{service}.txt"
        self._child = subprocess.Popen(
            [sys.executable, str(APP), told], stdout=subprocess.PIPE, stderr=self._log.open("wb"), text=True
        )
        assert self._child.stdout.readline() == "running\n", self._log.read_text()

    def terminate(self):
        self._child.terminate()

    def ended(self) -> dict:
        """What it made and what was acknowledged, once it has ended by itself."""
        out, _ = self._child.communicate(timeout=60)
        assert self._child.returncode == 0, self._log.read_text()
        told = json.loads(out.splitlines()[-1])
        assert sum(map(len, told["made"].values())) >= LATE
        return told

    def kill(self):
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()


class Cluster:
    """Gateways behind a name, and a pod whose sidecar sends to it."""

    def __init__(self, directory: Path, jaeger: Jaeger):
        self._directory, self._jaeger = directory, jaeger
        self._port = ports.free_one()
        self._names = pod.Names(directory)
        self._limits: pod.Limits | None = None
        self._running: list[App | Collector] = []

    def gateway(self, address: str) -> Collector:
        health, http = ports.free(2)
        env = {"OTLP_BACKEND": f"127.0.0.1:{self._jaeger.otlp_grpc}"}
        places = {
            "receivers.otlp.protocols.grpc.endpoint": f"{address}:{self._port}",
            "receivers.otlp.protocols.http.endpoint": f"{address}:{http}",
            "extensions.health_check.endpoint": f"{address}:{health}",
        }
        return self._start("sluice-gateway", env, places)

    def resolve_to(self, *addresses: str):
        self._names.set(NAME, list(addresses))

    def endpoint(self, address: str) -> str:
        return f"{address}:{self._port}"

    def sidecar(self) -> Collector:
        grpc, http, health = ports.free(3)
        self._sidecar_port = grpc
        places = {
            "receivers.otlp.protocols.grpc.endpoint": f"localhost:{grpc}",
            "receivers.otlp.protocols.http.endpoint": f"localhost:{http}",
            "extensions.health_check.endpoint": f"127.0.0.1:{health}",
        }
        resources = manifests.sluice("shop").container["resources"]
        try:
            self._limits = pod.Limits(f"sluice-pod-{grpc}", resources)
        except OSError as error:
            warnings.warn(f"the sidecar runs without its limits: {error}", stacklevel=1)
        within = self._names.within(*(self._limits.groups if self._limits else ()))
        return self._start("shop", {"OTLP_GATEWAY": f"{NAME}:{self._port}", **POD}, places, within)

    def agent(self) -> Collector:
        http, health = ports.free(2)
        (binary_port,) = ports.free_udp(1)
        (self.agent_udp,), self.agent_grpc = ports.free_udp(1), ports.free_one()
        places = {
            "receivers.otlp.protocols.grpc.endpoint": f"127.0.0.1:{self.agent_grpc}",
            "receivers.otlp.protocols.http.endpoint": f"127.0.0.1:{http}",
            "receivers.jaeger.protocols.thrift_compact.endpoint": f"127.0.0.1:{self.agent_udp}",
            "receivers.jaeger.protocols.thrift_binary.endpoint": f"127.0.0.1:{binary_port}",
            "extensions.health_check.endpoint": f"127.0.0.1:{health}",
        }
        env = {"OTLP_GATEWAY": f"{NAME}:{self._port}", "K8S_NODE_NAME": "node-1"}
        return self._start("sluice-agent", env, places, self._names.within())

    def _start(self, workload: str, env: dict, places: dict, within: tuple = ()) -> Collector:
        sluice = manifests.sluice(workload)
        assert env.keys() <= sluice.env().keys()
        file = self._directory / f"{workload}.yaml"
        file.write_text(sluice.config)
        args = (*sluice.args, *(f"--set={key}={value}" for key, value in places.items()))
        collector = Collector(file, self._directory, {**sluice.env(), **env}, args, within)
        self._running.append(collector)
        return collector.start()

    def app(self, service: str) -> App:
        app = App(self._directory, f"http://127.0.0.1:{self._sidecar_port}", service)
        self._running.append(app)
        return app

    def close(self):
        for one in self._running:
            one.kill()
        if self._limits:
            self._limits.remove()

    def assert_stored(self, told: dict):
        """Jaeger has every span that the application heard an OK for, and has it once."""
        for trace, numbers in told["acknowledged"].items():
            stored = waiting.until(lambda: self._stored(trace, len(numbers)), f"{len(numbers)} spans of {trace} in Jaeger")
            assert stored == Counter(numbers), trace

    def resource_of(self, trace: str) -> dict:
        (process,) = self._jaeger.trace(trace)["processes"].values()
        return {tag["key"]: tag["value"] for tag in process["tags"]}

    def _stored(self, trace: str, count: int) -> Counter | None:
        found = self._jaeger.trace(trace)
        spans = found["spans"] if found else []
        if len(spans) < count:
            return None
        return Counter(tag["value"] for span in spans for tag in span["tags"] if tag["key"] == "number")


@pytest.fixture
def cluster(tmp_path, jaeger):
    cluster = Cluster(tmp_path, jaeger)
    try:
        yield cluster
    finally:
        cluster.close()


def taken(collector: Collector) -> int:
    """Spans that it has accepted."""
    return sum(branch.items["accepted"] for (_, kind, _), branch in collector.ledger().items() if kind == "traces")


def started(cluster: Cluster) -> tuple[Collector, Collector, Collector]:
    """Two gateways and a sidecar that sends to both."""
    one, two = cluster.gateway("127.0.0.2"), cluster.gateway("127.0.0.3")
    cluster.resolve_to("127.0.0.2", "127.0.0.3")
    return one, two, cluster.sidecar()


def assert_within_limits(sidecar: Collector):
    assert sidecar.memory("VmHWM") <= pod.memory_limit(manifests.sluice("shop").container["resources"])


@pytest.mark.parametrize("together", [False, True], ids=["the sidecar after it", "both at once"])
def test_a_pod_that_ends_loses_no_span(cluster, together):
    """A native sidecar is told to end after the application; a second container of the pod, at the same time as it."""
    one, two, sidecar = started(cluster)
    app = cluster.app("shop")
    waiting.until(lambda: taken(one) > 500 and taken(two) > 500, "spans at both gateways")
    assert_within_limits(sidecar)
    app.terminate()
    told = None if together else app.ended()
    sidecar.signal(signal.SIGTERM)
    waiting.until(lambda: DRAINING in sidecar.log(), "the drain delay")
    late = cluster.app("late")
    late.terminate()
    told = told or app.ended()
    for spans in (told, late.ended()):
        assert spans["acknowledged"] == spans["made"]
        cluster.assert_stored(spans)
        assert WHOSE.items() <= cluster.resource_of(next(iter(spans["made"]))).items()
    assert sidecar.wait(manifests.sluice("shop").pod["terminationGracePeriodSeconds"]) == 0, sidecar.log()
    assert LOST_NOTHING in sidecar.log(), sidecar.log()
    for gateway in (one, two):
        gateway.settled_ledger()


@pytest.mark.parametrize("address", ["127.0.0.4", "127.0.0.3"], ids=["at another address", "at the same address"])
def test_a_gateway_that_is_replaced_under_load_refuses_nobody(cluster, address):
    """As a rolling update does it, the new one first; or as where a pod keeps its address, the old one first."""
    one, old, sidecar = started(cluster)
    app = cluster.app("shop")
    waiting.until(lambda: taken(one) > 500 and taken(old) > 500, "spans at both gateways")
    surge = address != "127.0.0.3"
    if surge:
        new = cluster.gateway(address)
        cluster.resolve_to("127.0.0.2", "127.0.0.3", address)
    old.signal(signal.SIGTERM)
    waiting.until(lambda: DRAINING in old.log(), "the drain delay")
    if surge:
        # What a cluster does when a pod is told to end: the name loses its address, while clients still know it.
        cluster.resolve_to("127.0.0.2", address)
    strangers = knock(old, cluster.endpoint("127.0.0.3"))
    assert old.wait(manifests.sluice("sluice-gateway").pod["terminationGracePeriodSeconds"]) == 0, old.log()
    assert LOST_NOTHING in old.log(), old.log()
    if not surge:
        new = cluster.gateway(address)
    waiting.until(lambda: taken(new) > 500, "spans at the new gateway")
    assert_within_limits(sidecar)
    app.terminate()
    told = app.ended()
    assert told["acknowledged"] == told["made"]
    cluster.assert_stored(told)
    cluster.assert_stored(strangers)
    # Nobody was refused, nothing was sent twice: neither by the application nor by the sidecar.
    assert total(sidecar, "sluice_exporter_retries") == 0, sidecar.log()
    for collector in (one, new, sidecar):
        assert total(collector, "otelcol_receiver_refused_spans") == 0, collector.log()
        assert total(collector, "otelcol_receiver_accepted_spans") > 0
        collector.settled_ledger()


def test_an_agent_takes_what_its_node_sends_and_hands_it_on_to_every_gateway(cluster):
    one, two = cluster.gateway("127.0.0.2"), cluster.gateway("127.0.0.3")
    cluster.resolve_to("127.0.0.2", "127.0.0.3")
    agent = cluster.agent()
    for protocol, port in (("otlp", cluster.agent_grpc), ("jaeger-udp", cluster.agent_udp)):
        command = [binary(), "generate", "traces", f"--protocol={protocol}", f"--endpoint=127.0.0.1:{port}"]
        subprocess.run([*command, "--rate=200", "--count=300"], check=True, timeout=30)
    waiting.until(lambda: taken(one) + taken(two) == 600, lambda: f"600 spans: {taken(one)} and {taken(two)} came")
    assert taken(one) > 0 and taken(two) > 0
    assert agent.stop(manifests.sluice("sluice-agent").pod["terminationGracePeriodSeconds"]) == 0, agent.log()
    for gateway in (one, two):
        gateway.settled_ledger()


def knock(gateway: Collector, endpoint: str) -> dict:
    """New clients, each with a connection of its own, until the gateway stops listening. Each must be served."""
    served = {}
    while True:
        request = ExportTraceServiceRequest()
        span = request.resource_spans.add().scope_spans.add().spans.add(name="knock")
        span.trace_id, span.span_id = os.urandom(16), os.urandom(8)
        span.attributes.add(key="number").value.int_value = len(served)
        with grpc.insecure_channel(endpoint, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            try:
                channel.unary_unary(signals.TRACES.method)(request.SerializeToString(), timeout=5)
            except grpc.RpcError:
                # The log is written before the listener closes.
                assert STOPPING in gateway.log(), gateway.log()
                break
        served[span.trace_id.hex()] = [len(served)]
    assert len(served) > 20, served
    return {"acknowledged": served}


def total(collector: Collector, family: str) -> int:
    lines = re.findall(rf"^{family}(?:\{{.*\}})? (\S+)$", collector.metrics(), re.MULTILINE)
    return sum(int(float(value)) for value in lines)
