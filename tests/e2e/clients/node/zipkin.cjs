'use strict';
// Follows a story with zipkin for Node.js and zipkin-transport-http, one recorder per target.
// Arguments: `JSON_V1` or `JSON_V2`, JSON {service, wide, spans, targets}. Prints the identifiers by span name.

const { Annotation, BatchRecorder, ExplicitContext, InetAddress, Tracer, TraceId, jsonEncoder, model, option } =
  require('zipkin');
const { HttpLogger } = require('zipkin-transport-http');

const [, , encoding, text] = process.argv;
const story = JSON.parse(text);
const path = encoding === 'JSON_V1' ? '/api/v1/spans' : '/api/v2/spans';

// One process has one recorder; this one hands everything to all.
const loggers = story.targets.map(({ port }) => new HttpLogger({
  endpoint: `http://127.0.0.1:${port}${path}`, jsonEncoder: jsonEncoder[encoding], httpInterval: 3_600_000,
}));
const recorders = loggers.map((logger) => new BatchRecorder({ logger }));
const recorder = { record: (one) => recorders.forEach((each) => each.record(one)) };
const localEndpoint = new model.Endpoint({ serviceName: story.service, ipv4: '192.0.2.1', port: 40001 });
const tracer = new Tracer({
  ctxImpl: new ExplicitContext(), recorder, localEndpoint, traceId128Bit: story.wide,
});

const START = {
  client: Annotation.ClientSend, server: Annotation.ServerRecv,
  producer: Annotation.ProducerStart, consumer: Annotation.ConsumerStart,
};
const STOP = {
  client: Annotation.ClientRecv, server: Annotation.ServerSend,
  producer: Annotation.ProducerStop, consumer: Annotation.ConsumerStop,
};
const contexts = {};
const ids = {};
for (const told of story.spans) {
  let id;
  if (!told.parent) {
    id = tracer.createRootId(new option.Some(true), Boolean(told.debug));
  } else if (told.shared) {
    const { traceId, spanId, parentSpanId } = contexts[told.parent];
    id = tracer.join(new TraceId({ traceId, spanId, parentId: parentSpanId, sampled: new option.Some(true) }));
  } else {
    id = tracer.createChildId(contexts[told.parent]);
  }
  contexts[told.name] = id;
  const record = (annotation, timestamp) => tracer._explicitRecord(id, annotation, timestamp);
  record(new Annotation.ServiceName(told.service ?? story.service), told.start);
  record(new Annotation.LocalAddr({ host: new InetAddress('192.0.2.1'), port: 40001 }), told.start);
  record(new Annotation.Rpc(told.name), told.start);
  record(told.kind ? new START[told.kind]() : new Annotation.LocalOperationStart(told.name), told.start);
  if (told.remote) {
    const { service: serviceName, ip, port } = told.remote;
    const address = { serviceName, host: new InetAddress(ip), port };
    record(told.kind === 'server' ? new Annotation.ClientAddr(address) : new Annotation.ServerAddr(address), told.start);
  }
  for (const [key, value] of Object.entries(told.tags ?? {})) record(new Annotation.BinaryAnnotation(key, value), told.start);
  for (const event of told.events ?? []) record(new Annotation.Message(event.name), event.at);
  record(told.kind ? new STOP[told.kind]() : new Annotation.LocalOperationStop(), told.start + told.duration);
  ids[told.name] = { trace: id.traceId, span: id.spanId, parent: id.parentSpanId.getOrElse(null) };
}

async function main() {
  await Promise.all(loggers.map((logger) => new Promise((resolve, reject) => {
    logger.on('error', reject);
    logger.on('success', resolve);
    logger.processQueue(logger.fetchImplementation);
  })));
  console.log(JSON.stringify(ids));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
