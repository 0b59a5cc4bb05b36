"""An application in a pod: the OpenTelemetry SDK, spans with numbers until SIGTERM, and some more after it.

Its argument is JSON: `endpoint`, `service`, and `late`, the number of spans that it makes after the signal. Its last line
is JSON: the numbers of the spans by trace, once as made, once as acknowledged.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections import defaultdict

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

SPANS_PER_TRACE = 100
# Seconds between two spans.
EVERY = 0.001


class Remembering(OTLPSpanExporter):
    """Keeps the numbers of what was acknowledged."""

    def __init__(self, endpoint: str):
        super().__init__(endpoint=endpoint, insecure=True)
        self.acknowledged: dict[str, list[int]] = defaultdict(list)

    def export(self, spans) -> SpanExportResult:
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            for span in spans:
                self.acknowledged[f"{span.context.trace_id:032x}"].append(span.attributes["number"])
        return result


def main(endpoint: str, service: str, late: int):
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    exporter = Remembering(endpoint)
    provider = TracerProvider(resource=Resource({"service.name": service}))
    # Many small requests: each is a chance to meet a gateway that goes away.
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=1 << 16, schedule_delay_millis=50, max_export_batch_size=64)
    )
    tracer = provider.get_tracer("pod")
    made: dict[str, list[int]] = defaultdict(list)
    number = 0

    def trace(spans: int):
        nonlocal number
        with tracer.start_as_current_span("trace", attributes={"number": number}) as root:
            numbers = made[f"{root.get_span_context().trace_id:032x}"]
            numbers.append(number)
            for number in range(number + 1, number + spans):
                with tracer.start_as_current_span("step", attributes={"number": number}):
                    numbers.append(number)
                # Once told to end, it waits no more.
                told.wait(EVERY)
        number += 1

    print("running", flush=True)
    while not told.is_set():
        trace(SPANS_PER_TRACE)
    trace(late)
    provider.shutdown()
    # A span is handed on when it ends, the first of a trace last.
    acknowledged = {trace: sorted(numbers) for trace, numbers in exporter.acknowledged.items()}
    print(json.dumps({"made": made, "acknowledged": acknowledged}))


main(**json.loads(sys.argv[1]))
