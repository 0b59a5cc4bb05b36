"""A name server on loopback, port 53: the network namespace is the test's own."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading

A, NO_SUCH_NAME = 1, 3


class NameServer:
    """Knows the IPv4 addresses of `names`; remembers what it was asked."""

    def __init__(self):
        self.names: dict[str, list[str]] = {}
        self.asked: list[str] = []
        server = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                question, client = self.request
                client.sendto(server._answer(question), self.client_address)

        self.server = socketserver.UDPServer(("127.0.0.1", 53), Handler)

    def __enter__(self) -> NameServer:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def _answer(self, message: bytes) -> bytes:
        labels, at = [], 12
        while length := message[at]:
            labels.append(message[at + 1 : at + 1 + length].decode())
            at += 1 + length
        question, name = message[12 : at + 5], ".".join(labels).lower()
        (kind,) = struct.unpack(">H", message[at + 1 : at + 3])
        self.asked.append(name)
        known = self.names.get(name)
        addresses = known if known and kind == A else []
        code = 0 if known else NO_SUCH_NAME
        head = message[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(addresses), 0, 0)
        records = (b"\xc0\x0c" + struct.pack(">HHIH", A, 1, 30, 4) + socket.inet_aton(one) for one in addresses)
        return head + question + b"".join(records)
