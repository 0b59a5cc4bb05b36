"""The warehouse: `GET /take` takes goods from a shelf. It has not been touched for years: Jaeger's client for Python, which
sends Thrift over UDP to JAEGER_AGENT_HOST:JAEGER_AGENT_PORT and finds its caller's context in the header
`uber-trace-id`, and Prometheus's client at `GET /metrics`.
"""

import itertools
import random
import time

import prometheus_client
from jaeger_client import Config
from opentracing import Format
from opentracing.ext import tags

import web

# Where to, and which spans, it reads from JAEGER_AGENT_HOST, JAEGER_SAMPLER_TYPE and so on.
tracer = Config({}, service_name="warehouse", validate=True).initialize_tracer()
duration = prometheus_client.Histogram(
    "warehouse_take_seconds", "How long it takes to take goods.", buckets=[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1]
)
goods = prometheus_client.Gauge("warehouse_goods", "Goods on the shelves.")

# Filled up when they are empty.
shelves = itertools.cycle(range(999, -1, -1))


class Handler(web.Handler):
    def serve(self):
        if self.route != "/take":
            return super().serve()
        began = time.perf_counter()
        caller = tracer.extract(Format.HTTP_HEADERS, dict(self.headers))
        with tracer.start_active_span("take", child_of=caller, tags={tags.SPAN_KIND: tags.SPAN_KIND_RPC_SERVER}) as scope:
            scope.span.set_tag("order", self.query.get("order", ""))
            with tracer.start_active_span("walk to the shelf"):
                time.sleep(random.uniform(0.002, 0.01))
            left = next(shelves)
            goods.set(left)
            scope.span.log_kv({"event": "taken", "left": left})
        duration.observe(time.perf_counter() - began, {"trace_id": f"{scope.span.trace_id:032x}"})
        self.answer(200, {"left": left})


def main():
    web.serve(Handler, "127.0.0.1:8003").wait()
    # What is in its buffer still goes out.
    flushed = tracer.close()
    deadline = time.monotonic() + 5
    while not flushed.done() and time.monotonic() < deadline:
        time.sleep(0.01)


if __name__ == "__main__":
    main()
