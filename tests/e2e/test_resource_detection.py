"""The processor `resource_detection` between `sluice generate` and a sink."""

from __future__ import annotations

import socket
import subprocess

import pytest

from harness import config, signals
from harness.collector import Collector, binary

POD = {
    "K8S_POD_NAME": "web-0",
    "K8S_NAMESPACE_NAME": "shop",
    "K8S_POD_UID": "b7c6",
    "K8S_NODE_NAME": "node-1",
    "OTEL_RESOURCE_ATTRIBUTES": "team=red%20fox,service.name=detected",
}


@pytest.fixture
def resources(run, tmp_path, grpc_sink):
    """The resources of ten generated items of a signal behind the processor."""

    def resources(signal: signals.Signal, settings: dict) -> list[dict]:
        pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint), processors={"resource_detection": settings})
        collector = run(Collector(pipe.config, tmp_path, env=POD))
        command = [binary(), "generate", signal.name, f"--endpoint={pipe.grpc}", "--rate=0", "--count=10"]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        grpc_sink.wait_count(signal, 10)
        collector.settled_ledger()
        requests = grpc_sink.requests(signal)
        found = [each.resource for request in requests for each in getattr(request, signal.resources)]
        return [{each.key: each.value.string_value for each in resource.attributes} for resource in found]

    return resources


@pytest.mark.parametrize("signal", signals.ALL, ids=lambda signal: signal.name)
def test_a_pod_is_named_on_every_resource(resources, signal):
    found = resources(signal, {"detectors": ["env", "k8s_downward"], "override": False})
    assert found
    for attributes in found:
        assert attributes["k8s.pod.name"] == "web-0"
        assert attributes["k8s.namespace.name"] == "shop"
        assert attributes["k8s.pod.uid"] == "b7c6"
        assert attributes["k8s.node.name"] == "node-1"
        assert attributes["team"] == "red fox"
        # What was sent stays.
        assert attributes["service.name"] not in ("", "detected")


def test_what_is_found_wins_unless_it_is_told_otherwise(resources):
    system = {"hostname_sources": ["os"], "resource_attributes": {"host.arch": {"enabled": True}}}
    found = resources(signals.TRACES, {"detectors": ["env", "system"], "system": system})
    for attributes in found:
        assert attributes["service.name"] == "detected"
        assert attributes["host.name"] == socket.gethostname()
        assert attributes["os.type"] == "linux"
        assert attributes["host.arch"]


def test_a_detector_that_fails_stops_the_start(tmp_path, grpc_sink):
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint), processors={"resource_detection": {}})
    collector = Collector(pipe.config, tmp_path, env={"OTEL_RESOURCE_ATTRIBUTES": "nonsense"})
    with pytest.raises(AssertionError):
        collector.start()
    assert "resource_detection.detectors: resource detection failed" in collector.log()
    assert "`nonsense` is no key=value" in collector.log()


def test_a_detector_that_there_is_not_is_refused_with_its_place(tmp_path, grpc_sink):
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint), processors={"resource_detection": {"detectors": ["k8snode"]}})
    collector = Collector(pipe.config, tmp_path)
    with pytest.raises(AssertionError):
        collector.start()
    assert 'processors.resource_detection.detectors[0]: the detector "k8snode"' in collector.log()
    assert "k8s_downward" in collector.log()
