"""The OpenTelemetry SDK for Python, over every transport and out of every exporter: nothing is changed."""

from __future__ import annotations

import gzip
import json
import urllib.request

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans

from harness import compare, config, otlp_json, python_sdk, signals
from harness.collector import Collector
from harness.sink import GrpcSink, HttpSink

MAKE = {"traces": python_sdk.spans, "metrics": python_sdk.metrics, "logs": python_sdk.logs}
ENCODE = {"traces": encode_spans, "metrics": encode_metrics, "logs": encode_logs}
GRPC = {"traces": GrpcSpans, "metrics": GrpcMetrics, "logs": GrpcLogs}
HTTP = {"traces": HttpSpans, "metrics": HttpMetrics, "logs": HttpLogs}
TRANSPORTS = ("grpc", "http/protobuf", "http/json")


@pytest.fixture(scope="module", params=["otlp", "otlp-gzip", "otlphttp", "otlphttp-json"])
def pipe(request, tmp_path_factory):
    """A collector that ends in one kind of exporter, and the sink behind it."""
    with HttpSink() if "http" in request.param else GrpcSink() as sink:
        exporter = {
            "otlp": config.to_grpc(sink.endpoint, compression="none"),
            "otlp-gzip": config.to_grpc(sink.endpoint),
            "otlphttp": {"endpoint": sink.endpoint},
            "otlphttp-json": {"endpoint": sink.endpoint, "encoding": "json"},
        }[request.param]
        pipe = config.Pipe(exporter, name=request.param.split("-")[0])
        collector = Collector(pipe.config, tmp_path_factory.mktemp("collector")).start()
        try:
            yield pipe, collector, sink
        finally:
            collector.kill()


def send(signal: signals.Signal, data, pipe: config.Pipe, transport: str, compressed: bool):
    if transport == "grpc":
        compression = grpc.Compression.Gzip if compressed else grpc.Compression.NoCompression
        exporter = GRPC[signal.name](endpoint=pipe.grpc, insecure=True, compression=compression)
        assert exporter.export(data).name == "SUCCESS"
        exporter.shutdown()
    elif transport == "http/protobuf":
        compression = Compression.Gzip if compressed else Compression.NoCompression
        exporter = HTTP[signal.name](endpoint=pipe.http + signal.path, compression=compression)
        assert exporter.export(data).name == "SUCCESS"
        exporter.shutdown()
    else:
        # The SDK for Python has no JSON exporter; its own messages, written by the rules of OTLP/JSON.
        body = otlp_json.dumps(ENCODE[signal.name](data))
        headers = {"content-type": "application/json"}
        if compressed:
            body, headers["content-encoding"] = gzip.compress(body), "gzip"
        post = urllib.request.Request(pipe.http + signal.path, body, headers)
        with urllib.request.urlopen(post, timeout=10) as answer:
            assert answer.status == 200
            assert json.loads(answer.read()) in ({}, {"partialSuccess": {}})


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("signal", signals.ALL, ids=lambda signal: signal.name)
def test_what_comes_out_is_what_went_in(pipe, signal, transport, compressed):
    pipe, collector, sink = pipe
    test = f"{signal.name} {transport} {compressed}"
    data = MAKE[signal.name](test)
    before = sink.count(signal)
    went_in = ENCODE[signal.name](data)
    send(signal, data, pipe, transport, compressed)
    sink.wait_count(signal, before + signal.count(went_in))
    came_out = sink.requests(signal)
    compare.assert_same(compare.flatten(signal, [went_in], test), compare.flatten(signal, came_out, test))
    ledger = collector.settled_ledger()
    (branch,) = [branch for (_, name, _), branch in ledger.items() if name == signal.name]
    assert branch.items["accepted"] == branch.items["sent"] == sink.count(signal)


