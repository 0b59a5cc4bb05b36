"""Telemetry made with the OpenTelemetry SDK for Python: every kind of field that its API can set."""

from __future__ import annotations

from opentelemetry import context, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

ATTRIBUTES = {
    "text": "grüße, 世界 🚰\n\t\"quoted\"",
    "empty": "",
    "yes": True,
    "no": False,
    "int": -(2**63),
    "big": 2**63 - 1,
    "double": 0.1,
    "tiny": 5e-324,
    "texts": ["a", "", "ü"],
    "ints": [1, -2, 3],
    "doubles": [1.5, -0.0],
    "bools": [True, False],
}


def resource(test: str) -> Resource:
    return Resource({"service.name": "python-e2e", "test.id": test, **ATTRIBUTES}, "https://schema/1.0")


def spans(test: str):
    """A trace of all kinds and states, with events, links, remote parents and trace state."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=resource(test))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("tracer", "1.2.3", "https://schema/2.0", {"scope": "attribute"})
    remote = SpanContext(
        trace_id=0x1234567890ABCDEF1234567890ABCDEF,
        span_id=0xFEDCBA0987654321,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState([("vendor", "value"), ("other", "1")]),
    )
    parent = trace.set_span_in_context(trace.NonRecordingSpan(remote), context.Context())
    for kind in SpanKind:
        with tracer.start_as_current_span(f"span {kind.name}", parent, kind, ATTRIBUTES, [Link(remote, ATTRIBUTES)]) as span:
            span.add_event("event", ATTRIBUTES)
            span.add_event("", {}, timestamp=1)
            with tracer.start_as_current_span("child") as child:
                child.set_status(Status(StatusCode.OK))
            try:
                raise ValueError("it failed: ü")
            except ValueError as error:
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, "it failed: ü"))
    return kept.get_finished_spans()


def metrics(test: str):
    """Every instrument and aggregation, both temporalities, exemplars with trace context."""
    kept = InMemoryMetricReader(
        preferred_temporality={
            Counter: AggregationTemporality.DELTA,
            Histogram: AggregationTemporality.CUMULATIVE,
        }
    )
    provider = MeterProvider(
        [kept],
        resource=resource(test),
        exemplar_filter=AlwaysOnExemplarFilter(),
        views=[View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation(max_size=20))],
    )
    meter = provider.get_meter("meter", "1.2.3", "https://schema/2.0", {"scope": "attribute"})
    observe = lambda value: [lambda _: [_observation(value)]]  # noqa: E731
    meter.create_observable_counter("observable_counter", observe(7), "By", "described")
    meter.create_observable_up_down_counter("observable_up_down", observe(-7))
    meter.create_observable_gauge("observable_gauge", observe(-1.5))
    counter = meter.create_counter("counter", "1", "counts ünicode")
    up_down = meter.create_up_down_counter("up_down")
    gauge = meter.create_gauge("gauge", "Cel")
    histogram = meter.create_histogram("histogram", "ms")
    exponential = meter.create_histogram("exponential", "ms")
    tracer = TracerProvider().get_tracer("exemplars")
    with tracer.start_as_current_span("sampled"):
        for value in (0, 0.003, 1, 17.5, 4000, 1e9):
            counter.add(value, ATTRIBUTES)
            up_down.add(-int(value))
            gauge.set(-value)
            histogram.record(value, {"route": "/a"})
            exponential.record(value, {"route": "/b"})
    return kept.get_metrics_data()


def _observation(value):
    from opentelemetry.metrics import Observation

    return Observation(value, ATTRIBUTES)


def logs(test: str):
    """All kinds of bodies, severities, an event name, with and without trace context."""
    kept = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource(test))
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    logger = provider.get_logger("logger", "1.2.3", "https://schema/2.0", {"scope": "attribute"})
    bodies = ["text: ü", "", 42, -1.5, True, b"\x00\xff", ["a", 1, [None]], {"nested": {"deep": [1, {"x": "y"}]}}]
    tracer = TracerProvider().get_tracer("context")
    for number, body in enumerate(bodies):
        record = LogRecord(
            timestamp=1_700_000_000_000_000_000 + number,
            observed_timestamp=1_700_000_000_000_000_999,
            severity_text="Warnung",
            severity_number=SeverityNumber(1 + 3 * number % 24),
            body=body,
            attributes={**ATTRIBUTES, "nested": {"a": [1, {"b": b"\x01"}]}},
            event_name="something.happened" if number % 2 else None,
        )
        if number % 3:
            logger.emit(record)
        else:
            with tracer.start_as_current_span("around"):
                logger.emit(LogRecord(**_fields(record), context=context.get_current()))
    return kept.get_finished_logs()


def _fields(record: LogRecord) -> dict:
    names = ("timestamp", "observed_timestamp", "severity_text", "severity_number", "body", "attributes", "event_name")
    return {name: getattr(record, name) for name in names}
