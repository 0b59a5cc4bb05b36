"""Servers for the whole session, and each client's story, sent once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from . import servers, story, stored, waiting
from .clients import Client


@dataclass
class Sent:
    client: Client
    spans: list[dict]
    remote: dict[str, str]
    ids: dict[str, dict]

    @property
    def traces(self) -> list[str]:
        return sorted({one["trace"] for one in self.ids.values()})


class Stand:
    """Servers start when a test first asks for them; all are gone with the session."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._servers: dict[str, servers.Server] = {}
        self._ready: set[str] = set()
        self._sent: dict[str, Sent] = {}

    def start(self, name: str, kind: type[servers.Server], *more):
        """Begins to start a server; `get` waits for it."""
        if name not in self._servers:
            self._servers[name] = kind(self._directory, *more)

    def get(self, name: str):
        server = self._servers[name]
        if name not in self._ready:
            server.wait_ready()
            self._ready.add(name)
        return server

    def sent(self, client: Client, targets: list) -> Sent:
        """The story that this client has sent to all of `targets`, which are the same each time."""
        if client.name not in self._sent:
            spans, remote = client.spans(), story.remote()
            ids = client.run(targets, spans, remote)
            self._sent[client.name] = Sent(client, spans, remote, ids)
        return self._sent[client.name]

    def close(self):
        for server in self._servers.values():
            server.kill()


def jaeger_tree(server: servers.Jaeger, sent: Sent) -> dict:
    """What Jaeger stores of a story, once it is all there."""

    def whole():
        traces = [trace for trace in map(server.trace, sent.traces) if trace]
        return traces if sum(len(trace["spans"]) for trace in traces) >= len(sent.spans) else None

    return stored.jaeger(waiting.until(whole, f"the spans of {sent.client.name} in Jaeger", 20))


def zipkin_tree(server: servers.Zipkin, sent: Sent) -> dict:
    """What Zipkin stores of a story, once it is all there."""

    def whole():
        spans = [span for trace in sent.traces for span in server.trace(trace) or []]
        return spans if len(spans) >= len(sent.spans) else None

    return stored.zipkin(waiting.until(whole, f"the spans of {sent.client.name} in Zipkin", 20))
