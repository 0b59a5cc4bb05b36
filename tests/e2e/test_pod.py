"""The manifests of `examples/kubernetes` at work: an application, its sidecar, two gateways and a real Jaeger.

The sidecar's 64 MiB are those of a release build: of a debug build's code alone so much is in memory that the limiter
refuses.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections import Counter

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from harness import manifests, pod, signals, waiting
from harness.cluster import WHOSE, Cluster
from harness.collector import Collector, binary
from harness.servers import Jaeger
from harness.sink import GrpcSink

DRAINING = "serving on while load balancers look away"
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
    strangers = knock(old, f"127.0.0.3:{cluster.port}")
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


def test_p7_a_flooded_sidecar_refuses_and_stays_within_its_memory(cluster):
    """More at once than 64 MiB hold, sent again without a pause."""
    with GrpcSink(cluster.port, "127.0.0.2") as gateway:
        cluster.resolve_to("127.0.0.2")
        sidecar = cluster.sidecar()
        if not cluster.limits:
            pytest.skip("cannot make a cgroup")
        flood = Flood(f"127.0.0.1:{cluster.sidecar_port}")
        with flood:
            waiting.until(lambda: flood.answers["OK"] >= 5 and flood.answers["UNAVAILABLE"] >= 200, lambda: flood.answers, 60)
        assert flood.answers.keys() <= {"OK", "UNAVAILABLE"}
        assert sidecar.is_running(), sidecar.log()
        assert sidecar.memory("VmHWM") < 60 << 20
        waiting.until(lambda: flood.send() == "OK", "room again", 60)
        sidecar.settled_ledger()
        # An attempt that took longer than its timeout may have arrived twice.
        assert gateway.count(signals.TRACES) >= Flood.SPANS * flood.answers["OK"]


class Flood:
    """Many clients, each with requests of 3 MiB."""

    SPANS = 4500

    def __init__(self, endpoint: str):
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        for _ in range(self.SPANS):
            span = scope.spans.add(name="flood", trace_id=os.urandom(16), span_id=os.urandom(8))
            span.attributes.add(key="text").value.string_value = os.urandom(350).hex()
        self._body, self._endpoint = request.SerializeToString(), endpoint
        assert 3 << 20 < len(self._body) < 4 << 20
        self.answers: Counter[str] = Counter()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(24)]

    def send(self) -> str:
        with grpc.insecure_channel(self._endpoint, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            try:
                channel.unary_unary(signals.TRACES.method)(self._body, timeout=60)
                answer = "OK"
            except grpc.RpcError as error:
                answer = error.code().name
        self.answers[answer] += 1
        return answer

    def _run(self):
        while not self._over.is_set():
            self.send()

    def __enter__(self):
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()


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
