"""Sends one trace to the collector on this machine, over OTLP/gRPC."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource({"service.name": "shop"}))
# OTEL_EXPORTER_OTLP_ENDPOINT names another collector than http://localhost:4317.
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(insecure=True)))
tracer = provider.get_tracer("examples.python")

with tracer.start_as_current_span("checkout") as span:
    span.set_attribute("cart.items", 3)
    with tracer.start_as_current_span("charge card"):
        pass

provider.shutdown()
