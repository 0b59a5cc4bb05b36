"""Loopback ports that were free a moment ago."""

from __future__ import annotations

import socket


def free(count: int) -> list[int]:
    return _free(count, socket.SOCK_STREAM)


def free_udp(count: int) -> list[int]:
    return _free(count, socket.SOCK_DGRAM)


def free_one() -> int:
    return free(1)[0]


def _free(count: int, kind: socket.SocketKind) -> list[int]:
    sockets = [socket.socket(type=kind) for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
