"""The three signals: their messages, services, paths and item words, as the SDK's own classes have them."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2


@dataclass(frozen=True)
class Signal:
    name: str
    request: type[Message]
    response: type[Message]
    service: str
    resources: str
    scopes: str
    items: str
    rejected: str

    @property
    def path(self) -> str:
        return f"/v1/{self.name}"

    @property
    def method(self) -> str:
        return f"/{self.service}/Export"

    def count(self, request: Message) -> int:
        """Items as the ledger counts them: metrics by data point."""
        total = 0
        for resource in getattr(request, self.resources):
            for scope in getattr(resource, self.scopes):
                for item in getattr(scope, self.items):
                    total += points(item) if self.name == "metrics" else 1
        return total


def points(metric: Message) -> int:
    kind = metric.WhichOneof("data")
    return len(getattr(metric, kind).data_points) if kind else 0


TRACES = Signal(
    "traces",
    trace_service_pb2.ExportTraceServiceRequest,
    trace_service_pb2.ExportTraceServiceResponse,
    "opentelemetry.proto.collector.trace.v1.TraceService",
    "resource_spans",
    "scope_spans",
    "spans",
    "rejected_spans",
)
METRICS = Signal(
    "metrics",
    metrics_service_pb2.ExportMetricsServiceRequest,
    metrics_service_pb2.ExportMetricsServiceResponse,
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "resource_metrics",
    "scope_metrics",
    "metrics",
    "rejected_data_points",
)
LOGS = Signal(
    "logs",
    logs_service_pb2.ExportLogsServiceRequest,
    logs_service_pb2.ExportLogsServiceResponse,
    "opentelemetry.proto.collector.logs.v1.LogsService",
    "resource_logs",
    "scope_logs",
    "log_records",
    "rejected_log_records",
)
ALL = (TRACES, METRICS, LOGS)
BY_NAME = {signal.name: signal for signal in ALL}
