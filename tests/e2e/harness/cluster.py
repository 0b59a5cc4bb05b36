"""The manifests of `examples/kubernetes` as processes: gateways behind a name, a pod with a sidecar, an agent.

Each is started as the kubelet would, with the configuration, arguments and limits of its manifest. Addresses are of
loopback, and the name of the gateways is in a hosts file that only those see who ask for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

from . import manifests, pod, ports, waiting
from .collector import Collector
from .servers import Jaeger

APP = Path(__file__).parent / "pod_app.py"
# How many spans an application makes when it is told to end.
LATE = 200
NAME = "sluice-gateway-pods"
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
        self.port = ports.free_one()
        self._names = pod.Names(directory)
        self.limits: pod.Limits | None = None
        self._running: list[App | Collector] = []

    def gateway(self, address: str) -> Collector:
        health, http = ports.free(2)
        env = {"OTLP_BACKEND": f"127.0.0.1:{self._jaeger.otlp_grpc}"}
        places = {
            "receivers.otlp.protocols.grpc.endpoint": f"{address}:{self.port}",
            "receivers.otlp.protocols.http.endpoint": f"{address}:{http}",
            "extensions.health_check.endpoint": f"{address}:{health}",
        }
        return self._start("sluice-gateway", env, places)

    def resolve_to(self, *addresses: str):
        self._names.set(NAME, *addresses)

    def sidecar(self) -> Collector:
        grpc, http, health = ports.free(3)
        self.sidecar_port = grpc
        places = {
            "receivers.otlp.protocols.grpc.endpoint": f"localhost:{grpc}",
            "receivers.otlp.protocols.http.endpoint": f"localhost:{http}",
            "extensions.health_check.endpoint": f"127.0.0.1:{health}",
        }
        resources = manifests.sluice("shop").container["resources"]
        try:
            self.limits = pod.Limits(f"sluice-pod-{grpc}", resources)
        except OSError as error:
            warnings.warn(f"the sidecar runs without its limits: {error}", stacklevel=1)
        within = self._names.within(*(self.limits.groups if self.limits else ()))
        return self._start("shop", {"OTLP_GATEWAY": f"{NAME}:{self.port}", **POD}, places, within)

    def agent(self) -> Collector:
        self.agent_grpc, http, health = ports.free(3)
        self.agent_udp, other = ports.free_udp(2)
        places = {
            "receivers.otlp.protocols.grpc.endpoint": f"127.0.0.1:{self.agent_grpc}",
            "receivers.otlp.protocols.http.endpoint": f"127.0.0.1:{http}",
            "receivers.jaeger.protocols.thrift_compact.endpoint": f"127.0.0.1:{self.agent_udp}",
            "receivers.jaeger.protocols.thrift_binary.endpoint": f"127.0.0.1:{other}",
            "extensions.health_check.endpoint": f"127.0.0.1:{health}",
        }
        env = {"OTLP_GATEWAY": f"{NAME}:{self.port}", "K8S_NODE_NAME": "node-1"}
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
        app = App(self._directory, f"http://127.0.0.1:{self.sidecar_port}", service)
        self._running.append(app)
        return app

    def close(self):
        for one in self._running:
            one.kill()
        if self.limits:
            self.limits.remove()

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
