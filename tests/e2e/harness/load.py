"""A stream of requests whose spans are numbered, and what became of each request."""

from __future__ import annotations

import threading
import time

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from . import signals, waiting

SPANS = 100


def _template() -> tuple[bytes, list[int]]:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "load"
    scope = resource.scope_spans.add()
    for n in range(SPANS):
        span = scope.spans.add(name="GET /api/v1/orders/{order_id}", kind=2, trace_id=b"\x5b" * 16)
        span.span_id = _marker(n)
        span.start_time_unix_nano, span.end_time_unix_nano = 1_700_000_000_000_000_000, 1_700_000_000_001_000_000
        for key in range(8):
            span.attributes.add(key=f"attribute.number.{key}").value.string_value = "a value of usual length"
    body = request.SerializeToString()
    return body, [body.index(_marker(n)) for n in range(SPANS)]


def _marker(n: int) -> bytes:
    return b"\xf0\x9f\xaa\xa0" + n.to_bytes(4, "big")


class Load:
    """Keeps `threads` requests in flight until it is stopped; with `rate`, sends at most so many spans per second."""

    def __init__(self, endpoint: str, threads: int = 8, rate: float | None = None):
        self._every = SPANS / rate if rate else 0.0
        self._body, self._places = _template()
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._next = 0
        self._stopped = threading.Event()
        self.acknowledged: set[int] = set()
        self.refused: set[int] = set()
        self.unknown: set[int] = set()
        self._threads = [threading.Thread(target=self._send) for _ in range(threads)]

    def request(self, number: int) -> bytes:
        body = bytearray(self._body)
        for span, place in enumerate(self._places):
            body[place : place + 8] = (number * SPANS + span + 1).to_bytes(8, "big")
        return bytes(body)

    @staticmethod
    def numbers(requests: set[int]) -> set[int]:
        """The span numbers of requests."""
        return {number * SPANS + span + 1 for number in requests for span in range(SPANS)}

    def __enter__(self):
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def wait_acknowledged(self, requests: int, seconds: float = 30.0):
        waiting.until(lambda: len(self.acknowledged) >= requests, f"{requests} acknowledged requests", seconds)

    def _send(self):
        with grpc.insecure_channel(self._endpoint, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            export = channel.unary_unary(signals.TRACES.method)
            while not self._stopped.is_set():
                with self._lock:
                    number = self._next
                    self._next += 1
                if self._stopped.wait(max(0.0, self._began + number * self._every - time.monotonic())):
                    return
                try:
                    export(self.request(number), timeout=20)
                except grpc.RpcError as error:
                    self._failed(number, error)
                else:
                    self.acknowledged.add(number)

    def _failed(self, number: int, error: grpc.RpcError):
        # A refusal is an answer; a connection that ends first leaves open what became of the request.
        answered = any(key == "grpc-status-details-bin" for key, _ in error.trailing_metadata() or ())
        never_sent = "connect" in (error.details() or "").lower()
        (self.refused if answered or never_sent else self.unknown).add(number)
        self._stopped.wait(0.02)
