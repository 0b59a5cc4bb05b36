"""Settings that most tests share: OTLP in, limiter and batch, one exporter."""

from __future__ import annotations

from . import ports


class Pipe:
    """One config and the ports that it listens on."""

    def __init__(self, exporter: dict, *, name: str = "otlp", processors: dict | None = None, **receiver):
        self.grpc_port, self.http_port = ports.free(2)
        protocols = {
            "grpc": {"endpoint": f"127.0.0.1:{self.grpc_port}", **receiver.get("grpc", {})},
            "http": {"endpoint": f"127.0.0.1:{self.http_port}", **receiver.get("http", {})},
        }
        if processors is None:
            processors = {
                "memory_limiter": {"check_interval": "1s", "limit_mib": 512},
                "batch": {"timeout": "50ms"},
            }
        pipeline = {"receivers": ["otlp"], "processors": list(processors), "exporters": [name]}
        self.config = {
            "receivers": {"otlp": {"protocols": protocols}},
            "processors": processors,
            "exporters": {name: exporter},
            "service": {"pipelines": {signal: dict(pipeline) for signal in ("traces", "metrics", "logs")}},
        }

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"


def to_grpc(endpoint: str, **more) -> dict:
    return {"endpoint": endpoint, "tls": {"insecure": True}, **more}
