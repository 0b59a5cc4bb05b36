'use strict';
// Follows a story with the OpenTelemetry SDK for Node.js and hands the spans to an exporter per target.
// Arguments: the exporter's name below, JSON {service, process, spans, remote, targets}. Prints the identifiers.

const { ROOT_CONTEXT, trace, SpanKind, SpanStatusCode, TraceFlags } = require('@opentelemetry/api');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { JaegerExporter } = require('@opentelemetry/exporter-jaeger');
const { ZipkinExporter } = require('@opentelemetry/exporter-zipkin');

const MAKE = {
  jaeger_udp: ({ port }) => new JaegerExporter({ host: '127.0.0.1', port, maxPacketSize: 65000 }),
  jaeger_http: ({ port }) => new JaegerExporter({ endpoint: `http://127.0.0.1:${port}/api/traces` }),
  zipkin: ({ port }) => new ZipkinExporter({ url: `http://127.0.0.1:${port}/api/v2/spans` }),
};

const [, , name, text] = process.argv;
const story = JSON.parse(text);

const kept = new InMemorySpanExporter();
const resource = resourceFromAttributes({ 'service.name': story.service, ...story.process });
const provider = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(kept)] });
const tracer = provider.getTracer('tracer', '1.2.3');
const remote = {
  traceId: story.remote.trace, spanId: story.remote.span, traceFlags: TraceFlags.SAMPLED, isRemote: true,
};
// [seconds, nanoseconds]: exact, which a number of milliseconds is not.
const at = (micros) => [Math.floor(micros / 1e6), (micros % 1e6) * 1000];

const spans = {};
const ids = {};
for (const told of story.spans) {
  const parent = told.parent ? trace.setSpan(ROOT_CONTEXT, spans[told.parent]) : ROOT_CONTEXT;
  const span = tracer.startSpan(told.name, {
    kind: SpanKind[(told.kind ?? 'internal').toUpperCase()],
    attributes: told.tags,
    links: (told.links ?? []).map((link) => ({
      context: link === 'remote' ? remote : spans[link].spanContext(), attributes: { link: 'ü' },
    })),
    startTime: at(told.start),
  }, parent);
  spans[told.name] = span;
  for (const event of told.events ?? []) span.addEvent(event.name, event.fields, at(event.at));
  if (told.error) span.setStatus({ code: SpanStatusCode.ERROR, message: told.error });
  if (told.ok) span.setStatus({ code: SpanStatusCode.OK });
  span.end(at(told.start + told.duration));
  const { traceId, spanId } = span.spanContext();
  ids[told.name] = { trace: traceId, span: spanId, parent: span.parentSpanContext?.spanId ?? null };
}

async function main() {
  for (const target of story.targets) {
    const exporter = MAKE[name](target);
    const result = await new Promise((resolve) => exporter.export(kept.getFinishedSpans(), resolve));
    if (result.code !== 0) throw result.error ?? new Error('the export failed');
    await exporter.shutdown();
  }
  console.log(JSON.stringify(ids));
  // A timer of the Jaeger exporter would keep the process for another two seconds.
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
