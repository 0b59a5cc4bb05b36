'use strict';
// Counts things for a while with the OpenTelemetry SDK for Node.js, an export after each step.
// Arguments: JSON {endpoint, service, resource, steps, requests, boundaries, durations, sizes, queue}.

const { resourceFromAttributes } = require('@opentelemetry/resources');
const { AggregationType, MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { OTLPMetricExporter } = require('@opentelemetry/exporter-metrics-otlp-proto');

const told = JSON.parse(process.argv[2]);

async function main() {
  const exporter = new OTLPMetricExporter({ url: `${told.endpoint}/v1/metrics` });
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': told.service, ...told.resource }),
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
    views: [
      {
        instrumentName: 'http.server.duration',
        aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: told.boundaries } },
      },
      { instrumentName: 'payload.size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } },
    ],
  });
  const meter = provider.getMeter('shop.meter', '1.2.3');
  const requests = meter.createCounter('http.server.requests', { unit: '{request}', description: 'Requests served.' });
  const durations = meter.createHistogram('http.server.duration', { unit: 's', description: 'How long it takes.' });
  const sizes = meter.createHistogram('payload.size', { unit: 'By' });
  meter.createUpDownCounter('queue.length').add(told.queue);
  for (let step = 0; step < told.steps; step += 1) {
    requests.add(told.requests, { 'http.route': '/cart', status: 200 });
    for (const duration of told.durations) durations.record(duration, { 'http.route': '/cart' });
    for (let size = 0; size < told.sizes; size += 1) sizes.record(step * told.sizes + size + 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await provider.forceFlush();
  }
  await provider.shutdown();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
