'use strict';
// Sends the same traces, metrics and logs twice with the OpenTelemetry SDK for Node.js: straight to a
// recording sink, and through the collector. Arguments: JSON {test, transport, compression, direct, through}.

const { context, trace, SpanKind, SpanStatusCode, TraceFlags, ValueType } = require('@opentelemetry/api');
const { SeverityNumber } = require('@opentelemetry/api-logs');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const {
  AggregationTemporality, AggregationType, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader,
} = require('@opentelemetry/sdk-metrics');
const { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } = require('@opentelemetry/sdk-logs');

const options = JSON.parse(process.argv[2]);
const PACKAGE = { grpc: 'grpc', 'http/json': 'http', 'http/protobuf': 'proto' }[options.transport];
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${PACKAGE}`);
const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${PACKAGE}`);
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${PACKAGE}`);

const attributes = {
  text: 'grüße, 世界 🚰\n\t"quoted"', empty: '', yes: true, no: false,
  int: -(2 ** 53) + 1, big: 2 ** 53 - 1, double: 0.1, tiny: 5e-324,
  texts: ['a', '', 'ü'], ints: [1, -2, 3], doubles: [1.5, 2.25], bools: [true, false],
};
const resource = resourceFromAttributes({ 'service.name': 'node-e2e', 'test.id': options.test, ...attributes });

function spans(kept) {
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(kept)] });
  const tracer = provider.getTracer('tracer', '1.2.3', { schemaUrl: 'https://schema/2.0' });
  const remote = {
    traceId: '1234567890abcdef1234567890abcdef', spanId: 'fedcba0987654321',
    traceFlags: TraceFlags.SAMPLED, isRemote: true,
  };
  const parent = trace.setSpanContext(context.active(), remote);
  for (const kind of [SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER]) {
    const span = tracer.startSpan(`span ${kind}`, { kind, attributes, links: [{ context: remote, attributes }] }, parent);
    span.addEvent('event', attributes);
    const child = tracer.startSpan('child', {}, trace.setSpan(parent, span));
    child.setStatus({ code: SpanStatusCode.OK });
    child.end();
    span.recordException(new Error('it failed: ü'));
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'it failed: ü' });
    span.end();
  }
  return kept.getFinishedSpans();
}

async function metrics(kept) {
  const reader = new PeriodicExportingMetricReader({ exporter: kept, exportIntervalMillis: 3_600_000 });
  const view = {
    instrumentName: 'exponential',
    aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 20 } },
  };
  const provider = new MeterProvider({ resource, readers: [reader], views: [view] });
  const meter = provider.getMeter('meter', '1.2.3', { schemaUrl: 'https://schema/2.0' });
  const observable = { description: 'described ü', unit: 'By' };
  meter.createObservableCounter('observable_counter', observable).addCallback((o) => o.observe(7, attributes));
  meter.createObservableGauge('observable_gauge').addCallback((o) => o.observe(-1.5, attributes));
  const counter = meter.createCounter('counter', { valueType: ValueType.INT });
  const upDown = meter.createUpDownCounter('up_down', { valueType: ValueType.DOUBLE });
  const histogram = meter.createHistogram('histogram', { unit: 'ms' });
  const exponential = meter.createHistogram('exponential', { unit: 'ms' });
  for (const value of [0, 0.003, 1, 17.5, 4000, 1e9]) {
    counter.add(Math.trunc(value), attributes);
    upDown.add(-value);
    histogram.record(value, { route: '/a' });
    exponential.record(value, { route: '/b' });
  }
  await provider.forceFlush();
  const collected = kept.getMetrics();
  await provider.shutdown();
  return collected[0];
}

function logs(kept) {
  const provider = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter: kept })] });
  const logger = provider.getLogger('logger', '1.2.3', { schemaUrl: 'https://schema/2.0' });
  const bodies = ['text: ü', '', 42, -1.5, true, ['a', 1], { nested: { deep: [1, { x: 'y' }] } }, new Uint8Array([0, 255])];
  bodies.forEach((body, number) => {
    logger.emit({
      body, attributes, severityNumber: SeverityNumber.WARN, severityText: 'Warnung',
      eventName: number % 2 ? 'something.happened' : undefined,
    });
  });
  return kept.getFinishedLogRecords();
}

// Hands what one exporter is handed to both, and waits until both succeeded.
async function send(Exporter, path, items) {
  for (const base of [options.direct, options.through]) {
    const url = options.transport === 'grpc' ? `http://${base}` : `${base}${path}`;
    const exporter = new Exporter({ url, compression: options.compression });
    const result = await new Promise((resolve) => exporter.export(items, resolve));
    if (result.code !== 0) throw result.error ?? new Error(`the export of ${path} failed`);
    await exporter.shutdown();
  }
}

async function main() {
  await send(OTLPTraceExporter, '/v1/traces', spans(new InMemorySpanExporter()));
  await send(OTLPMetricExporter, '/v1/metrics', await metrics(new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)));
  await send(OTLPLogExporter, '/v1/logs', logs(new InMemoryLogRecordExporter()));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
