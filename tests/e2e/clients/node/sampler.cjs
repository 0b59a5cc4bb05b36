'use strict';
// Lets jaeger-client for Node.js fetch its sampler, and prints what it got. Arguments: service, port.

const { RemoteSampler } = require('jaeger-client');

const [, , service, port] = process.argv;
const timer = setTimeout(() => { throw new Error('no strategy'); }, 20_000);
new RemoteSampler(service, {
  host: '127.0.0.1',
  port,
  refreshInterval: 50,
  onSamplerUpdate(sampler) {
    clearTimeout(timer);
    console.log(String(sampler));
    process.exit(0);
  },
});
