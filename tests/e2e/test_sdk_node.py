"""The OpenTelemetry SDK for Node.js, over each of its transports: nothing is changed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness import compare, config, signals
from harness.sink import GrpcSink, HttpSink

SCRIPT = Path(__file__).parent / "node" / "send.cjs"


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("transport", ["grpc", "http/protobuf", "http/json"])
def test_what_comes_out_is_what_went_in(collector, grpc_sink, transport, compression):
    test = f"node {transport} {compression}"
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint))
    running = collector(pipe.config)
    with GrpcSink() if transport == "grpc" else HttpSink() as direct:
        arguments = {
            "test": test,
            "transport": transport,
            "compression": compression,
            "direct": direct.endpoint,
            "through": pipe.grpc if transport == "grpc" else pipe.http,
        }
        subprocess.run(["node", str(SCRIPT), json.dumps(arguments)], check=True, timeout=60)
        for signal in signals.ALL:
            grpc_sink.wait_count(signal, direct.count(signal))
            went_in = compare.flatten(signal, direct.requests(signal), test)
            compare.assert_same(went_in, compare.flatten(signal, grpc_sink.requests(signal), test))
        ledger = running.settled_ledger()
    sent = {name: branch.items["sent"] for (_, name, _), branch in ledger.items()}
    assert sent == {signal.name: grpc_sink.count(signal) for signal in signals.ALL}
