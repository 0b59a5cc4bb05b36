"""Applications with an OpenTelemetry SDK that count things for a while: in Python, and in Node.js."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from . import waiting

# What each of them does, one step after the other: a tenth of a second, then an export.
STEPS = 8
REQUESTS_A_STEP = 5
BOUNDARIES = [0.1, 0.5, 1, 5]
# In seconds: of each step, a half in the first bucket and a half in the second.
DURATIONS = [0.05, 0.3]
SIZES_A_STEP = 10
# Of all steps together: 1, 2, … bytes.
SIZES = STEPS * SIZES_A_STEP
QUEUE = -3
RESOURCE = {"service.namespace": "shop", "service.instance.id": "one", "deployment.environment.name": "tést"}


def python(endpoint: str, service: str, delta: bool = False) -> set[str]:
    """Runs to its end, and returns the identifiers of its traces."""
    temporality = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
    exporter = OTLPMetricExporter(
        endpoint=endpoint, insecure=True, preferred_temporality={Counter: temporality, Histogram: temporality}
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider(
        [reader],
        resource=Resource({"service.name": service, **RESOURCE}),
        exemplar_filter=AlwaysOnExemplarFilter(),
        views=[
            View(instrument_name="http.server.duration", aggregation=ExplicitBucketHistogramAggregation(BOUNDARIES)),
            View(instrument_name="payload.size", aggregation=ExponentialBucketHistogramAggregation()),
        ],
    )
    meter = provider.get_meter("shop.meter", "1.2.3")
    requests = meter.create_counter("http.server.requests", "{request}", "Requests served.")
    durations = meter.create_histogram("http.server.duration", "s", "How long it takes.")
    sizes = meter.create_histogram("payload.size", "By")
    queue = meter.create_up_down_counter("queue.length")
    queue.add(QUEUE)
    tracer = TracerProvider().get_tracer("exemplars")
    traces = set()
    for step in range(STEPS):
        with tracer.start_as_current_span("step") as span:
            traces.add(f"{span.get_span_context().trace_id:032x}")
            requests.add(REQUESTS_A_STEP, {"http.route": "/cart", "status": 200})
            for duration in DURATIONS:
                durations.record(duration, {"http.route": "/cart"})
            for size in range(SIZES_A_STEP):
                sizes.record(step * SIZES_A_STEP + size + 1)
        _pause()
        assert provider.force_flush()
    provider.shutdown()
    return traces


def node(endpoint: str, service: str):
    """Runs to its end."""
    here = Path(__file__).parents[1] / "node"
    told = {
        "endpoint": endpoint, "service": service, "resource": RESOURCE, "steps": STEPS, "requests": REQUESTS_A_STEP,
        "boundaries": BOUNDARIES, "durations": DURATIONS, "sizes": SIZES_A_STEP, "queue": QUEUE,
    }  # fmt: skip
    subprocess.run(["node", str(here / "count.cjs"), json.dumps(told)], check=True, timeout=60)


def _pause():
    began = time.monotonic()
    waiting.until(lambda: time.monotonic() > began + 0.1, "a tenth of a second")
