'use strict';
// The stock: `GET /reserve` takes goods from the warehouse. OpenTelemetry's SDK for Node.js, which reads the standard
// variables: OTLP over HTTP for traces, metrics and logs.
//
// The warehouse has a Jaeger client, which does not know the W3C header `traceparent`. With
// OTEL_PROPAGATORS=tracecontext,jaeger the context leaves in Jaeger's `uber-trace-id` as well, and the trace goes on there.

const http = require('node:http');
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { context, metrics, propagation, trace, SpanKind, SpanStatusCode } = require('@opentelemetry/api');
const { logs, SeverityNumber } = require('@opentelemetry/api-logs');

const sdk = new NodeSDK();
sdk.start();

const tracer = trace.getTracer('stock');
const logger = logs.getLogger('stock');
const duration = metrics.getMeter('stock').createHistogram('http.server.request.duration', {
  unit: 's', description: 'How long requests take.',
  advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] },
});

function ask(address, path, headers) {
  return new Promise((resolve, reject) => {
    const request = http.get(`http://${address}${path}`, { headers, timeout: 5000 }, (answer) => {
      let body = '';
      answer.on('data', (part) => { body += part; });
      answer.on('end', () => resolve({ status: answer.statusCode, body }));
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s')));
    request.on('error', reject);
  });
}

/** Runs `work` in a span, which tells its failure and ends with it. */
function spanned(name, options, parent, work) {
  return tracer.startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      throw error;
    } finally {
      span.end();
    }
  });
}

const take = (order) => {
  const attributes = { 'http.request.method': 'GET', 'server.address': 'warehouse', 'url.path': '/take' };
  return spanned('GET warehouse', { kind: SpanKind.CLIENT, attributes }, context.active(), async (span) => {
    const headers = {};
    propagation.inject(context.active(), headers);
    const { status, body } = await ask(process.env.WAREHOUSE, `/take?order=${order}`, headers);
    span.setAttribute('http.response.status_code', status);
    return JSON.parse(body).left;
  });
};

async function reserve(request, order) {
  const began = process.hrtime.bigint();
  const attributes = { 'http.request.method': 'GET', 'http.route': '/reserve', 'url.scheme': 'http' };
  const parent = propagation.extract(context.active(), request.headers);
  return spanned('GET /reserve', { kind: SpanKind.SERVER, attributes }, parent, async (span) => {
    let status = 503;
    try {
      const left = await take(order);
      status = 200;
      logger.emit({
        severityNumber: SeverityNumber.INFO, severityText: 'INFO', body: `order ${order} is reserved, ${left} goods left`,
      });
      return { left };
    } finally {
      span.setAttribute('http.response.status_code', status);
      duration.record(Number(process.hrtime.bigint() - began) / 1e9, { ...attributes, 'http.response.status_code': status });
    }
  });
}

const server = http.createServer(async (request, response) => {
  const answer = (status, told) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(told)}\n`);
  };
  const { pathname, searchParams } = new URL(request.url, 'http://stock');
  if (pathname === '/health') return answer(200, { ok: true });
  if (pathname !== '/reserve') return answer(404, { error: 'not found' });
  try {
    return answer(200, await reserve(request, searchParams.get('order')));
  } catch (error) {
    return answer(503, { error: error.message });
  }
});

const [host, port] = (process.env.LISTEN ?? '127.0.0.1:8002').split(':');
server.listen(Number(port), host);

async function stop() {
  server.close();
  server.closeAllConnections();
  await sdk.shutdown();
  process.exit(0);
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
