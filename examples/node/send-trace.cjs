'use strict';
// Sends one trace to the collector on this machine, over OTLP/HTTP.
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'shop' }),
  // OTEL_EXPORTER_OTLP_ENDPOINT names another collector than http://localhost:4318.
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
const tracer = provider.getTracer('examples.node');

tracer.startActiveSpan('checkout', (span) => {
  span.setAttribute('cart.items', 3);
  span.end();
});

provider.shutdown();
