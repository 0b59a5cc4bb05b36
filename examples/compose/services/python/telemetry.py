"""The OpenTelemetry SDK for Python: traces, metrics and logs over OTLP/gRPC. Where to, how often and under which name it
reads from the standard variables, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME and so on."""

import logging

from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def start():
    """Returns what flushes and stops it all."""
    traces = TracerProvider()
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(insecure=True)))
    trace.set_tracer_provider(traces)

    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(insecure=True))])
    metrics.set_meter_provider(meters)

    logs = LoggerProvider()
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(insecure=True)))
    _logs.set_logger_provider(logs)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger().addHandler(LoggingHandler(logger_provider=logs))

    def stop():
        for provider in (traces, meters, logs):
            provider.shutdown()

    return stop
