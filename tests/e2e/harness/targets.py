"""Scrape targets: scripted ones, and real exporters on loopback."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import prometheus_client

from . import ports, serving, waiting
from .prometheus import debian, environment
from .servers import Server
from .serving import HttpServer, reply

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# A page, a page with its content type, or an answer of its own.
Page = str | tuple[bytes, str] | Callable[[BaseHTTPRequestHandler], object]


class Target(HttpServer):
    """Answers a scraper's first request with the first page, and so on; the last page stays. Each scraper, told by its
    user agent and what it asks for, gets the whole script, so that two of them see the same whenever they ask."""

    def __init__(self, *script: Page, port: int | None = None):
        super().__init__(port)
        self._script = list(script)
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, str], list[dict]] = defaultdict(list)

    def get(self, handler: BaseHTTPRequestHandler):
        headers = {**serving.headers(handler), ":path": handler.path}
        with self._lock:
            asked = self._asked[headers["user-agent"], handler.path]
            asked.append(headers)
            page = self._script[min(len(asked), len(self._script)) - 1]
        if callable(page):
            page(handler)
        elif isinstance(page, tuple):
            reply(handler, 200, *page)
        else:
            reply(handler, 200, page.encode(), OPEN_METRICS if page.endswith("# EOF\n") else TEXT)

    def show(self, page: Page):
        """From now on, to everybody."""
        with self._lock:
            self._script = [page]

    def asked(self, agent: str = "") -> list[dict[str, str]]:
        """The headers of the requests by scrapers whose user agent begins so; `:path` is the path."""
        with self._lock:
            return [each for (name, _), all in self._asked.items() if name.startswith(agent) for each in all]

    def wait_asked(self, count: int, agent: str = "", seconds: float = 30.0):
        waiting.until(lambda: len(self.asked(agent)) >= count, f"{count} scrapes by {agent or 'anybody'}", seconds)


def status(code: int, content: bytes = b"", content_type: str = "text/plain", **headers: str) -> Page:
    return lambda handler: reply(handler, code, content, content_type, **headers)


class Exporter(Server):
    """A real exporter. `port` is where it exposes."""

    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


class NodeExporter(Exporter):
    """Of this machine: what does not need a bus or a foreign process."""

    name = "node-exporter"

    def __init__(self, directory: Path):
        self.port = ports.free_one()
        self.health = f"http://127.0.0.1:{self.port}/metrics"
        command = [debian("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{self.port}"]
        super().__init__(directory, command, {})


class Redis(Server):
    """A Redis without files."""

    name = "redis"

    def __init__(self, directory: Path):
        self.port = ports.free_one()
        flags = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no"}
        command = [debian("redis-server"), *(text for key, value in flags.items() for text in (f"--{key}", str(value)))]
        super().__init__(directory, command, environment())

    def _answers(self) -> bool:
        return "Ready to accept connections" in self.log()


class RedisExporter(Exporter):
    name = "redis-exporter"

    def __init__(self, directory: Path, redis: Redis, port: int | None = None):
        self.port = port or ports.free_one()
        self.health = f"http://127.0.0.1:{self.port}/health"
        flags = {"web.listen-address": f"127.0.0.1:{self.port}", "redis.addr": f"redis://127.0.0.1:{redis.port}"}
        command = [debian("prometheus-redis-exporter"), *(f"--{key}={value}" for key, value in flags.items())]
        super().__init__(directory, command, {})


class PythonClient:
    """An application with Prometheus's client for Python, with everything that it can expose. It answers in OpenMetrics
    or in text, as the scraper prefers."""

    def __init__(self):
        self.port = ports.free_one()
        self.registry = prometheus_client.CollectorRegistry()
        self.requests = prometheus_client.Counter("requests", "Requests.", ["path"], registry=self.registry)
        self.requests.labels('/ünï\n"quoted"').inc(3)
        self.latency = prometheus_client.Histogram("latency_seconds", "Latency.", registry=self.registry)
        for value in (0.003, 0.2, 7, 70):
            self.latency.observe(value, {"trace_id": "0123456789abcdef0123456789abcdef"})
        prometheus_client.Summary("size_bytes", "Sizes.", unit="bytes", registry=self.registry).observe(17)
        prometheus_client.Gauge("queue", "Queued.", registry=self.registry).set(-2.5)
        prometheus_client.Info("build", "Build.", registry=self.registry).info({"version": "1.2.3"})
        mood = prometheus_client.Enum("mood", "Mood.", states=["good", "bad"], registry=self.registry)
        mood.state("bad")
        prometheus_client.PlatformCollector(registry=self.registry)
        prometheus_client.GCCollector(registry=self.registry)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self._server, self._thread = prometheus_client.start_http_server(self.port, "127.0.0.1", self.registry)
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
