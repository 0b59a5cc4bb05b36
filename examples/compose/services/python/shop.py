"""The shop, where every trace begins: `GET /checkout` asks stock for the goods and payment for the money.

Instrumented by hand with OpenTelemetry, so that all of it can be seen here; `GET /metrics` is Prometheus's own client, as
many services have it. Customers come by themselves, CHECKOUTS_PER_SECOND of them.
"""

import itertools
import json
import logging
import os
import time
import urllib.error
import urllib.request

import prometheus_client
from opentelemetry import metrics, propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

import telemetry
import web

stop_telemetry = telemetry.start()
tracer = trace.get_tracer("shop")
log = logging.getLogger("shop")
duration = metrics.get_meter("shop").create_histogram(
    "http.server.request.duration",
    "s",
    "How long requests take.",
    explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
)
orders = prometheus_client.Counter("shop_orders", "Orders by what became of them.", ["result"])
numbers = itertools.count(1)


def call(service: str, path: str) -> dict:
    """Asks another service, under a span of its own, whose context travels in the W3C header `traceparent`."""
    address = os.environ[service.upper()]
    attributes = {"http.request.method": "GET", "server.address": service, "url.path": path}
    with tracer.start_as_current_span(f"GET {service}", kind=SpanKind.CLIENT, attributes=attributes) as span:
        headers = {}
        propagate.inject(headers)
        try:
            with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", headers=headers), timeout=5) as answer:
                span.set_attribute("http.response.status_code", answer.status)
                return json.load(answer)
        except urllib.error.HTTPError as error:
            span.set_attribute("http.response.status_code", error.code)
            span.set_status(Status(StatusCode.ERROR))
            return json.load(error)


def checkout() -> tuple[int, dict]:
    order = next(numbers)
    goods = call("stock", f"/reserve?order={order}")
    paid = call("payment", f"/pay?order={order}")
    result = "paid" if paid.get("paid") else "declined"
    orders.labels(result).inc()
    if result == "paid":
        log.info("order %d is on its way, %s goods left", order, goods.get("left"))
    else:
        log.warning("order %d is declined: %s", order, paid.get("reason"))
    return (200 if result == "paid" else 402), {"order": order, "result": result}


class Handler(web.Handler):
    def serve(self):
        if self.route != "/checkout":
            return super().serve()
        attributes = {"http.request.method": "GET", "http.route": self.route, "url.scheme": "http"}
        parent = propagate.extract(self.headers)
        began = time.perf_counter()
        with tracer.start_as_current_span(f"GET {self.route}", parent, SpanKind.SERVER, attributes) as span:
            try:
                status, said = checkout()
            except OSError as error:
                log.error("not served: %s", error)
                status, said = 503, {"error": str(error)}
                span.set_status(Status(StatusCode.ERROR, str(error)))
            span.set_attribute("http.response.status_code", status)
            # Within the span, so that its identifiers become the exemplar.
            duration.record(time.perf_counter() - began, {**attributes, "http.response.status_code": status})
            said["trace_id"] = f"{span.get_span_context().trace_id:032x}"
        self.answer(status, said)


def main():
    closing = web.serve(Handler, "127.0.0.1:8001")
    per_second = float(os.environ.get("CHECKOUTS_PER_SECOND", "1"))
    while not closing.wait(1 / per_second if per_second > 0 else None):
        try:
            urllib.request.urlopen(f"http://{os.environ['SHOP']}/checkout", timeout=10).close()
        except OSError:
            # The next customer may be served.
            pass
    stop_telemetry()


if __name__ == "__main__":
    main()
