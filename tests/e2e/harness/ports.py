"""Loopback ports that were free a moment ago.

They lie below those that the kernel gives to sockets without a port of their own: between the asking and a server's
start, which takes a JVM many seconds, no outgoing connection can take one.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path

_LOWEST = 10240
_EPHEMERAL = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
_given: set[int] = set()


def free(count: int) -> list[int]:
    return [_free(socket.SOCK_STREAM) for _ in range(count)]


def free_udp(count: int) -> list[int]:
    return [_free(socket.SOCK_DGRAM) for _ in range(count)]


def free_one() -> int:
    return _free(socket.SOCK_STREAM)


def _free(kind: socket.SocketKind) -> int:
    for port in random.sample(range(_LOWEST, _EPHEMERAL), 1000):
        if port in _given:
            continue
        with socket.socket(type=kind) as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError(f"no free port between {_LOWEST} and {_EPHEMERAL}")
