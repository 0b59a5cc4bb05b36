"""Real Jaeger and Zipkin servers on loopback, with spans in memory, and what they say of a trace."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.parse
from pathlib import Path

from . import ports, waiting
from .collector import http_get


def required(variable: str) -> str:
    """What `.ci/run servers` installs is named by environment variables."""
    value = os.environ.get(variable)
    assert value and Path(value).exists(), f"set {variable}: see `.ci/run`, step e2e"
    return value


class Server:
    """A process that answers on `health` once it is ready."""

    name: str
    health: str

    def __init__(self, directory: Path, command: list[str], env: dict[str, str]):
        self._log = directory / f"{self.name}-{ports.free_one()}.txt"
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                command, env={**os.environ, **env}, stdout=log, stderr=subprocess.STDOUT, cwd=directory
            )

    def wait_ready(self, seconds: float = 120.0):
        waiting.until(lambda: self._answers() or self._child.poll() is not None, f"{self.name} is ready", seconds)
        assert self._child.poll() is None, self.log()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def is_running(self) -> bool:
        return self._child.poll() is None

    def kill(self):
        if self.is_running():
            self._child.kill()
            self._child.wait()

    def _answers(self) -> bool:
        try:
            return http_get(self.health)[0] in (200, 204)
        except OSError:
            return False


class Jaeger(Server):
    """Jaeger all-in-one with its agent; `udp` are the agent's ports, the others the collector's."""

    name = "jaeger"

    def __init__(self, directory: Path, strategies: Path | None = None):
        self.grpc, self.thrift_http, self.otlp_grpc, otlp_http, self.zipkin = ports.free(5)
        self.query, query_grpc, admin, self.sampling = ports.free(4)
        self.thrift_compact, self.thrift_binary, zipkin_compact = ports.free_udp(3)
        self.health = f"http://127.0.0.1:{admin}/"
        flags = {
            "admin.http.host-port": admin,
            "collector.grpc-server.host-port": self.grpc,
            "collector.http-server.host-port": self.thrift_http,
            "collector.otlp.grpc.host-port": self.otlp_grpc,
            "collector.otlp.http.host-port": otlp_http,
            "collector.zipkin.host-port": self.zipkin,
            "query.http-server.host-port": self.query,
            "query.grpc-server.host-port": query_grpc,
            "http-server.host-port": self.sampling,
            "processor.jaeger-compact.server-host-port": self.thrift_compact,
            "processor.jaeger-binary.server-host-port": self.thrift_binary,
            "processor.zipkin-compact.server-host-port": zipkin_compact,
        }
        command = [required("SLUICE_JAEGER"), *(f"--{flag}=127.0.0.1:{port}" for flag, port in flags.items())]
        if strategies:
            command.append(f"--sampling.strategies-file={strategies}")
        # It traces itself: never, and to nobody else.
        env = {
            "SPAN_STORAGE_TYPE": "memory",
            "OTEL_TRACES_SAMPLER": "always_off",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.otlp_grpc}",
        }
        super().__init__(directory, command, env)

    def trace(self, trace_id: str) -> dict | None:
        """The trace as it is stored: without what the query service adjusts for the user interface."""
        status, body = http_get(f"http://127.0.0.1:{self.query}/api/traces/{trace_id}?raw=true")
        if status != 200:
            assert status == 404, body
            return None
        (trace,) = json.loads(body)["data"]
        return trace

    def strategy(self, service: str) -> tuple[int, bytes]:
        """What its agent answers to a client that asks for its sampler."""
        query = urllib.parse.urlencode({"service": service})
        return http_get(f"http://127.0.0.1:{self.sampling}/sampling?{query}")


class Zipkin(Server):
    """Zipkin's own server."""

    name = "zipkin"

    def __init__(self, directory: Path):
        self.zipkin = ports.free_one()
        self.health = f"http://127.0.0.1:{self.zipkin}/health"
        # Spring reads `ARMERIA_PORTS_0_…` as the first of `armeria.ports`.
        env = {"STORAGE_TYPE": "mem", "ARMERIA_PORTS_0_IP": "127.0.0.1", "ARMERIA_PORTS_0_PORT": str(self.zipkin)}
        # Started for seconds: what only pays later is left out.
        java = ["java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
        super().__init__(directory, [*java, "-jar", required("SLUICE_ZIPKIN")], env)

    def trace(self, trace_id: str) -> list[dict] | None:
        status, body = http_get(f"http://127.0.0.1:{self.zipkin}/api/v2/trace/{trace_id}")
        if status != 200:
            assert status == 404, body
            return None
        return json.loads(body)
