"""HTTP servers of the suite: one thread each connection, on loopback, gone with the `with`."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import ports


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        # A client that goes away is no error of the server's.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class HttpServer:
    """Answers by `get` and `post`, which get the request's handler."""

    def __init__(self, port: int | None = None):
        self.port = port or ports.free_one()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}"

    def get(self, handler: BaseHTTPRequestHandler):
        reply(handler, 405, b"", "text/plain")

    def post(self, handler: BaseHTTPRequestHandler):
        reply(handler, 405, b"", "text/plain")

    def __enter__(self):
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body leave in one segment.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self):
                owner.get(self)

            def do_POST(self):
                owner.post(self)

            def log_message(self, *_):
                pass

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def headers(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    return {key.lower(): value for key, value in handler.headers.items()}


def body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("transfer-encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("content-length", 0)))
    read = bytearray()
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        read += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return bytes(read)


def reply(handler: BaseHTTPRequestHandler, status: int, content: bytes, content_type: str, **more: str):
    """Answers a request; underscores in header names become hyphens."""
    handler.send_response(status)
    handler.send_header("content-type", content_type)
    handler.send_header("content-length", str(len(content)))
    for key, value in more.items():
        handler.send_header(key.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)
    handler.wfile.flush()
    return True
