"""Recording sinks: gRPC by grpcio, HTTP by the standard library, decoded by the SDK's own classes.

A sink keeps raw bodies and decodes them when asked, so that it can keep up with load.
"""

from __future__ import annotations

import threading
import zlib
from concurrent import futures
from http.server import BaseHTTPRequestHandler

import grpc

from . import otlp_json, ports, serving, signals, waiting
from .serving import HttpServer, reply
from .signals import Signal


class Recorder:
    """What arrived, by signal. `decide` may answer a request otherwise than with OK."""

    def __init__(self):
        self._lock = threading.Lock()
        self._kept: dict[str, list] = {signal.name: [] for signal in signals.ALL}
        self._decoded: dict[str, list] = {signal.name: [] for signal in signals.ALL}
        self._busy = 0
        self.attempts = 0
        self.most_at_once = 0
        self.decide = None

    def offer(self, signal: Signal, body: bytes, decode, call):
        """Records the request unless `decide` returns an answer of its own for it."""
        with self._lock:
            self.attempts += 1
            attempt = self.attempts
            self._busy += 1
            self.most_at_once = max(self.most_at_once, self._busy)
        try:
            answer = self.decide(attempt, call) if self.decide else None
            if answer is None:
                with self._lock:
                    self._kept[signal.name].append((body, decode))
            return answer
        finally:
            with self._lock:
                self._busy -= 1

    def requests(self, signal: Signal) -> list:
        decoded = self._decoded[signal.name]
        with self._lock:
            new = self._kept[signal.name][len(decoded) :]
        decoded += [decode(body) for body, decode in new]
        return list(decoded)

    def bodies(self, signal: Signal) -> list[bytes]:
        with self._lock:
            return [body for body, _ in self._kept[signal.name]]

    def count(self, signal: Signal) -> int:
        return sum(signal.count(request) for request in self.requests(signal))

    def wait_count(self, signal: Signal, count: int, seconds: float = 15.0):
        waiting.until(lambda: self.count(signal) >= count, f"{count} {signal.name} at the sink", seconds)

    def span_numbers(self) -> list[int]:
        return [
            int.from_bytes(span.span_id, "big")
            for request in self.requests(signals.TRACES)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class GrpcSink(Recorder):
    def __init__(self, port: int | None = None, host: str = "127.0.0.1"):
        super().__init__()
        self.host, self.port = host, port or ports.free_one()
        self.metadata: list[dict] = []

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"

    def __enter__(self):
        options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(futures.ThreadPoolExecutor(32), options=options)
        for signal in signals.ALL:
            handler = grpc.unary_unary_rpc_method_handler(self._export(signal))
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(signal.service, {"Export": handler}),)
            )
        assert self._server.add_insecure_port(self.endpoint) == self.port
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(grace=None).wait()

    def _export(self, signal: Signal):
        def export(body: bytes, context: grpc.ServicerContext) -> bytes:
            self.metadata.append(dict(context.invocation_metadata()))
            answer = self.offer(signal, body, signal.request.FromString, context)
            return b"" if answer is None else answer

        return export


class HttpSink(HttpServer, Recorder):
    def __init__(self, port: int | None = None):
        HttpServer.__init__(self, port)
        Recorder.__init__(self)
        self.headers: list[dict] = []

    def post(self, handler: BaseHTTPRequestHandler):
        headers, body = serving.headers(handler), serving.body(handler)
        if headers.get("content-encoding") == "gzip":
            body = zlib.decompress(body, wbits=31)
        self.headers.append(headers)
        signal = next(signal for signal in signals.ALL if handler.path == signal.path)
        as_json = headers["content-type"].startswith("application/json")

        def decode(body: bytes):
            return otlp_json.loads(body, signal.request) if as_json else signal.request.FromString(body)

        # A decision of the test has already answered.
        if self.offer(signal, body, decode, handler) is None:
            reply(handler, 200, b"{}" if as_json else b"", headers["content-type"])
