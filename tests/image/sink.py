"""An OTLP backend over HTTP or HTTPS that keeps what it was sent."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from pathlib import Path


class Sink:
    def __init__(self, certificate: Path | None = None, key: Path | None = None):
        self.bodies: list[bytes] = []
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                sink.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port

    def __enter__(self) -> Sink:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def has(self, text: str) -> bool:
        return any(text.encode() in body for body in self.bodies)


def authority(directory: Path, name: str) -> tuple[Path, Path, Path]:
    """A root certificate, and a certificate for `name` that it signed, with its key."""
    root, root_key = directory / "root.pem", directory / "root.key"
    leaf, key, request = directory / "leaf.pem", directory / "leaf.key", directory / "leaf.csr"
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(*new, "-x509", "-days", "2", "-subj", "/CN=root", "-keyout", root_key, "-out", root)
    openssl(*new, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", request)
    openssl(
        "x509", "-req", "-in", request, "-copy_extensions", "copy", "-days", "2", "-CA", root, "-CAkey", root_key,
        "-CAcreateserial", "-out", leaf,
    )  # fmt: skip
    return root, leaf, key


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
