"""What both services need of HTTP."""

import json
import os
import signal
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import prometheus_client


class Handler(BaseHTTPRequestHandler):
    """Serves `/metrics` and `/health`; `serve` does the rest, by `route` and `query`."""

    protocol_version = "HTTP/1.1"

    def serve(self):
        self.answer(404, {"error": "not found"})

    def do_GET(self):
        asked = urllib.parse.urlsplit(self.path)
        self.route, self.query = asked.path, dict(urllib.parse.parse_qsl(asked.query))
        if self.route == "/metrics":
            # Text, or OpenMetrics, which alone has exemplars: as the scraper likes it.
            write, content_type = prometheus_client.exposition.choose_encoder(self.headers.get("accept"))
            self.write(200, write(prometheus_client.REGISTRY), content_type)
        elif self.route == "/health":
            self.answer(200, {"ok": True})
        else:
            self.serve()

    def answer(self, status: int, told: dict):
        self.write(status, json.dumps(told).encode() + b"\n", "application/json")

    def write(self, status: int, body: bytes, content_type: str):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(handler: type[Handler], otherwise: str) -> threading.Event:
    """Serves on LISTEN, or on `otherwise`, and returns what is set once the process shall end."""
    host, port = os.environ.get("LISTEN", otherwise).rsplit(":", 1)
    server = ThreadingHTTPServer((host, int(port)), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    closing = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: closing.set())
    return closing
