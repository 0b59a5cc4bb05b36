'use strict';
// Follows a story with jaeger-client for Node.js and reports every span to each target, over UDP (Thrift compact)
// or HTTP (Thrift binary). Arguments: `udp` or `http`, JSON {service, process, wide, spans, remote, targets}.
// Prints the identifiers by span name.

const { ConstSampler, RemoteReporter, CompositeReporter, SpanContext, Tracer } = require('jaeger-client');
const HTTPSender = require('jaeger-client/dist/src/reporters/http_sender').default;
const UDPSender = require('jaeger-client/dist/src/reporters/udp_sender').default;
const { REFERENCE_CHILD_OF, REFERENCE_FOLLOWS_FROM, Reference } = require('opentracing');

const [, , transport, text] = process.argv;
const story = JSON.parse(text);

const logger = { info() {}, error(message) { console.error(message); process.exitCode = 1; } };
const reporters = story.targets.map(({ port }) => {
  const sender = transport === 'udp'
    ? new UDPSender({ host: '127.0.0.1', port, logger })
    : new HTTPSender({ endpoint: `http://127.0.0.1:${port}/api/traces`, logger });
  return new RemoteReporter(sender, { logger });
});
const tracer = new Tracer(story.service, new CompositeReporter(reporters), new ConstSampler(true), {
  tags: { ...story.process }, traceId128bit: story.wide, logger,
});

const remote = SpanContext.withStringIds(story.remote.trace, story.remote.span, null, 1);
const KIND = { child_of: REFERENCE_CHILD_OF, follows_from: REFERENCE_FOLLOWS_FROM };
const hex = (buffer) => buffer.toString('hex');
const spans = {};
const ids = {};
for (const told of story.spans) {
  const references = told.parent ? [new Reference(REFERENCE_CHILD_OF, spans[told.parent].context())] : [];
  for (const [kind, name] of told.references ?? []) {
    references.push(new Reference(KIND[kind], name === 'remote' ? remote : spans[name].context()));
  }
  const span = tracer.startSpan(told.name, { references, startTime: told.start / 1000 });
  spans[told.name] = span;
  if (told.kind) span.setTag('span.kind', told.kind);
  for (const [key, value] of Object.entries(told.tags ?? {})) span.setTag(key, value);
  if (told.error) span.setTag('error', true);
  for (const event of told.events ?? []) span.log({ event: event.name, ...event.fields }, event.at / 1000);
  span.finish((told.start + told.duration) / 1000);
  const context = span.context();
  ids[told.name] = {
    trace: hex(context.traceId).padStart(32, '0'),
    span: hex(context.spanId),
    parent: context.parentId ? hex(context.parentId) : null,
    flags: context.flags,
  };
}
tracer.close(() => console.log(JSON.stringify(ids)));
