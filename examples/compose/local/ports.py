"""The ports of the stack on this machine: those that docker-compose.yaml publishes, and the services' own."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from .stack import Failure

USUAL = {
    "sluice": {
        "otlp_grpc": 4317, "otlp_http": 4318, "jaeger_agent": 6831, "zipkin": 9411,
        "pull": 8889, "own_metrics": 8888, "health": 13133,
    },
    "jaeger": {"http": 16686, "otlp": 14317},
    "zipkin": {"http": 19411},
    "prometheus": {"http": 9090},
    "logs": {"otlp": 14327, "health": 13134},
    "shop": {"http": 8001},
    "stock": {"http": 8002},
    "warehouse": {"http": 8003},
    "payment": {"http": 8004},
    "fraud": {"http": 8005},
}  # fmt: skip

Ports = dict[str, dict[str, int]]


def usual() -> Ports:
    for service, ports in USUAL.items():
        for use, port in ports.items():
            if not _is_free(use, port):
                raise Failure(f"port {port} ({service}, {use}) is taken: end what has it, or use --free-ports")
    return USUAL


def free() -> Ports:
    """Below those that the kernel gives to outgoing connections: none takes one before its server is there."""
    highest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    # Not where another one looks that runs at the same time.
    candidates = iter(range(10240 + os.getpid() * 31 % (highest - 11240), highest))
    return {
        service: {use: next(port for port in candidates if _is_free(use, port)) for use in ports}
        for service, ports in USUAL.items()
    }


def _is_free(use: str, port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM if use == "jaeger_agent" else socket.SOCK_STREAM) as one:
        # As servers do: a connection that was closed a moment ago keeps no port.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
