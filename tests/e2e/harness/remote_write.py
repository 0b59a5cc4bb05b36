"""A recording remote-write receiver, and what a request says in either version of the protocol.

It keeps what arrived as it arrived and reads it when asked, strictly: with Prometheus's own messages, and without
mending anything.
"""

from __future__ import annotations

import struct
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler

from . import idl, serving, waiting
from .serving import HttpServer, reply

V1 = "application/x-protobuf"
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
WRITTEN = ("samples", "histograms", "exemplars")
STALE = 0x7FF0000000000002


def bits(value: float) -> int:
    """What tells a stale marker from other NaN."""
    return int.from_bytes(struct.pack(">d", value), "big")


@dataclass(frozen=True)
class Sample:
    at: int  # ms
    value: float
    start: int = 0  # ms; 0: not told

    @property
    def stale(self) -> bool:
        return bits(self.value) == STALE


@dataclass(frozen=True)
class Exemplar:
    labels: dict[str, str]
    value: float
    at: int


@dataclass
class Series:
    """`labels` in the order of the wire."""

    labels: list[tuple[str, str]]
    samples: list[Sample] = field(default_factory=list)
    histograms: list = field(default_factory=list)
    exemplars: list[Exemplar] = field(default_factory=list)
    # (type, help, unit); with version 1 it comes in entries of its own.
    metadata: tuple[int, str, str] | None = None

    @property
    def name(self) -> str:
        return dict(self.labels).get("__name__", "")

    @property
    def key(self) -> tuple:
        return tuple(sorted(self.labels))

    def has(self, **labels: str) -> bool:
        mine = dict(self.labels)
        return all(mine.get(name) == value for name, value in labels.items())


@dataclass
class Received:
    at: float  # monotonic seconds
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def version(self) -> int:
        return 2 if "v2.Request" in self.headers.get("content-type", "") else 1

    @cached_property
    def message(self):
        kind = idl.Request2 if self.version == 2 else idl.WriteRequest
        return kind.FromString(idl.unpack(self.body))

    @cached_property
    def series(self) -> list[Series]:
        return [self._series2(one) if self.version == 2 else self._series1(one) for one in self.message.timeseries]

    @property
    def metadata(self) -> dict[str, tuple[int, str, str]]:
        """By the name of the family, as version 1 has it."""
        return {each.metric_family_name: (each.type, each.help, each.unit) for each in self.message.metadata}

    def counts(self) -> dict[str, int]:
        return {kind: sum(len(getattr(one, kind)) for one in self.series) for kind in WRITTEN}

    def _series1(self, one) -> Series:
        return Series(
            [(each.name, each.value) for each in one.labels],
            [Sample(each.timestamp, each.value) for each in one.samples],
            list(one.histograms),
            [Exemplar({e.name: e.value for e in each.labels}, each.value, each.timestamp) for each in one.exemplars],
        )

    def _series2(self, one) -> Series:
        return Series(
            self._labels(one.labels_refs),
            [Sample(each.timestamp, each.value, each.start_timestamp) for each in one.samples],
            list(one.histograms),
            [Exemplar(dict(self._labels(each.labels_refs)), each.value, each.timestamp) for each in one.exemplars],
            (one.metadata.type, self.message.symbols[one.metadata.help_ref], self.message.symbols[one.metadata.unit_ref]),
        )

    def _labels(self, refs) -> list[tuple[str, str]]:
        assert len(refs) % 2 == 0, "names and values come in pairs"
        texts = [self.message.symbols[ref] for ref in refs]
        return list(zip(texts[::2], texts[1::2]))


class RemoteWriteSink(HttpServer):
    """Keeps every request. `decide` gets the number of the request among those with series, from 1, and its handler;
    where it answers nothing, the answer is a success with the counts of what was written."""

    def __init__(self, port: int | None = None):
        super().__init__(port)
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self.decide = None

    @property
    def url(self) -> str:
        return f"{self.endpoint}/api/v1/write"

    @property
    def received(self) -> list[Received]:
        with self._lock:
            return list(self._received)

    def post(self, handler: BaseHTTPRequestHandler):
        one = Received(time.monotonic(), handler.path, serving.headers(handler), serving.body(handler))
        with self._lock:
            self._received.append(one)
            number = sum(1 for each in self._received if each.series)
        if not (self.decide and one.series and self.decide(number, handler)):
            written(handler, one)

    # What all requests together say.

    def series(self, name: str | None = None, **labels: str) -> list[Series]:
        """Each as often as it came."""
        found = [one for request in self.received for one in request.series]
        return [one for one in found if (name is None or one.name == name) and one.has(**labels)]

    def samples(self, name: str, **labels: str) -> list[Sample]:
        """In the order in which they came, of one series."""
        found = self.series(name, **labels)
        assert len({one.key for one in found}) <= 1, f"more than one series: {[one.labels for one in found]}"
        return [sample for one in found for sample in one.samples]

    def metadata(self) -> dict[str, tuple[int, str, str]]:
        """By family, as version 1 tells it, or by series, as version 2 does (a series of exemplars alone tells none)."""
        out: dict[str, tuple[int, str, str]] = {}
        for request in self.received:
            if request.version == 1:
                out |= request.metadata
            else:
                out |= {one.name: one.metadata for one in request.series if one.samples or one.histograms}
        return out

    def wait(self, condition, what: str, seconds: float = 20.0):
        return waiting.until(lambda: condition(self), what, seconds)

    def wait_for(self, name: str, count: int = 1, seconds: float = 20.0, **labels: str) -> list[Sample]:
        """Samples of a series, once there are `count`."""

        def enough():
            found = self.samples(name, **labels)
            return found if len(found) >= count else None

        return waiting.until(enough, f"{count} samples of {name}", seconds)


def written(handler: BaseHTTPRequestHandler, one: Received, status: int = 204) -> bool:
    counts = one.counts() if one.version == 2 else {}
    more = {f"x-prometheus-remote-write-{kind}-written": str(count) for kind, count in counts.items()}
    return reply(handler, status, b"", "text/plain", **more)
