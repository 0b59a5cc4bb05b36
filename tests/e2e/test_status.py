"""The status table, over both OTLP transports, against the binary."""

from __future__ import annotations

import gzip
import json
import signal
import socket
from concurrent import futures

import grpc
import pytest
from google.rpc import status_pb2

from harness import config, ports, raw, signals, waiting, wire
from harness.collector import Collector
from harness.sink import GrpcSink, HttpSink

GOOD = wire.request(wire.span())
BAD_ID = wire.request(wire.span(trace_id=b"\x01" * 15))
UNDECODABLE = GOOD[:-1]
JSON = "application/json"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with GrpcSink() as sink:
        pipe = config.Pipe(config.to_grpc(sink.endpoint))
        collector = Collector(pipe.config, tmp_path_factory.mktemp("collector")).start()
        try:
            yield pipe, collector
            assert collector.is_running()
            collector.settled_ledger()
        finally:
            collector.kill()


@pytest.fixture
def call(served):
    pipe, _ = served

    def call(body: bytes, path: str = signals.TRACES.method, **more):
        return raw.grpc(pipe.grpc_port, path, body, **more)

    return call


@pytest.fixture
def post(served):
    pipe, _ = served

    def post(body: bytes, path: str = "/v1/traces", **more):
        return raw.http_post(pipe.http_port, path, body, **more)

    return post


def assert_status_body(answer: raw.HttpAnswer, encoding: str = "application/x-protobuf"):
    """The body of a failure is google.rpc.Status in the encoding of the request."""
    assert answer.headers["content-type"].startswith(encoding), answer
    if encoding == JSON:
        assert json.loads(answer.body)["message"]
    else:
        assert status_pb2.Status.FromString(answer.body).message


# Accepted.


@pytest.mark.parametrize("signal", signals.ALL, ids=lambda signal: signal.name)
def test_an_empty_request_is_ok(call, post, signal):
    answer = call(raw.frame(b""), signal.method)
    assert (answer.status, answer.message) == ("OK", b"")
    over_http = post(b"", signal.path)
    assert (over_http.status, over_http.body) == (200, b"")
    assert over_http.headers["content-type"] == "application/x-protobuf"
    as_json = post(b"{}", signal.path, content_type=JSON)
    assert as_json.status == 200
    assert json.loads(as_json.body) in ({}, {"partialSuccess": {}})


def test_parameters_of_a_media_type_do_not_matter(post):
    assert post(b"{}", content_type="application/json; charset=utf-8").status == 200
    assert post(GOOD, content_type="Application/X-Protobuf").status == 200


def test_some_items_invalid_is_a_partial_success(call, post):
    both = GOOD + BAD_ID
    answer = call(raw.frame(both))
    assert answer.status == "OK"
    bodies = [answer.message]
    over_http = post(both)
    assert over_http.status == 200
    bodies.append(over_http.body)
    for body in bodies:
        partial = signals.TRACES.response.FromString(body).partial_success
        assert partial.rejected_spans == 1
        assert partial.error_message


# Refused for good.


def test_undecodable_is_invalid_argument(call, post):
    assert call(raw.frame(UNDECODABLE)).status == "INVALID_ARGUMENT"
    over_http = post(UNDECODABLE)
    assert over_http.status == 400
    assert_status_body(over_http)
    as_json = post(b'{"resourceSpans":[', content_type=JSON)
    assert as_json.status == 400
    assert_status_body(as_json, JSON)


def test_broken_compression_is_invalid_argument(call, post):
    broken = gzip.compress(GOOD)[:-10]
    assert call(raw.frame(broken, compressed=True), grpc_encoding="gzip").status == "INVALID_ARGUMENT"
    assert post(broken, content_encoding="gzip").status == 400


def test_too_large_on_the_wire(call, post):
    grpc_limit, http_limit = 4 << 20, 20 << 20
    answer = call(raw.frame(bytes(grpc_limit + 1)))
    assert answer.status == "RESOURCE_EXHAUSTED"
    assert answer.retry_delay() is None
    assert "max_recv_msg_size_mib" in answer.headers["grpc-message"]
    over_http = post(bytes(http_limit + 1))
    assert over_http.status == 413
    assert b"max_request_body_size" in over_http.body
    assert_status_body(over_http)


def test_too_large_when_decompressed(call, post):
    answer = call(raw.frame(gzip.compress(bytes(5 << 20)), compressed=True), grpc_encoding="gzip")
    assert answer.status == "RESOURCE_EXHAUSTED"
    assert answer.retry_delay() is None
    assert post(gzip.compress(bytes(21 << 20)), content_encoding="gzip").status == 413


def test_unknown_media_type_or_encoding(call, post):
    assert post(GOOD, content_type="text/plain").status == 415
    assert post(GOOD, content_encoding="br").status == 415
    assert call(raw.frame(GOOD, compressed=True), grpc_encoding="br").status == "UNIMPLEMENTED"


def test_a_content_type_that_is_not_grpc(call):
    for other in ("application/json", "text/plain", "application/grpc-web", "application/grpc+json"):
        answer = call(raw.frame(GOOD), content_type=other)
        assert answer.headers[":status"] == "415", other
        assert answer.status == "UNIMPLEMENTED", other
    for same in ("application/grpc+proto", "application/grpc;charset=utf-8"):
        assert call(raw.frame(GOOD), content_type=same).status == "OK", same


def test_wrong_path_or_method(call, post):
    assert call(raw.frame(GOOD), "/opentelemetry.proto.collector.trace.v1.TraceService/Other").status == "UNIMPLEMENTED"
    assert call(raw.frame(GOOD), "/no.such.Service/Export").status == "UNIMPLEMENTED"
    assert post(GOOD, "/v1/nothing").status == 404
    for method in ("GET", "PUT", "DELETE"):
        assert post(b"", method=method).status == 405


# Refused for now.


def test_memory_is_unavailable_with_a_delay(collector, grpc_sink):
    # A limit below what the process needs just to run.
    limiter = {"memory_limiter": {"check_interval": "10ms", "limit_mib": 1, "spike_limit_mib": 0}}
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint), processors=limiter)
    collector(pipe.config)

    def refused():
        answer = raw.grpc(pipe.grpc_port, signals.TRACES.method, raw.frame(GOOD))
        return answer if answer.status != "OK" else None

    answer = waiting.until(refused, "the limiter to refuse")
    assert answer.status == "UNAVAILABLE"
    assert answer.retry_delay() is not None
    over_http = raw.http_post(pipe.http_port, "/v1/traces", GOOD)
    assert over_http.status == 503
    assert int(over_http.headers["retry-after"]) >= 1
    assert_status_body(over_http)


def test_draining_is_unavailable_with_a_delay(collector):
    """Requests that wait for their verdict when the process is told to end."""
    # Accepts connections in its backlog and never answers.
    with socket.create_server(("127.0.0.1", 0)) as silent, futures.ThreadPoolExecutor(1) as pool:
        backend = f"127.0.0.1:{silent.getsockname()[1]}"
        pipe = config.Pipe(config.to_grpc(backend, timeout="60s", sending_queue={"wait_for_result": True}), processors={})
        running = collector(pipe.config)
        with grpc.insecure_channel(pipe.grpc) as channel:
            over_grpc = channel.unary_unary(signals.TRACES.method).future(GOOD, timeout=20)
            over_http = pool.submit(raw.http_post, pipe.http_port, "/v1/traces", GOOD)
            both = 'otelcol_exporter_in_flight_requests{data_type="traces",exporter="otlp"} 2'
            waiting.until(lambda: both in running.metrics(), "two requests in flight")
            running.signal(signal.SIGTERM)
            refusal = over_grpc.exception(20)
        assert refusal.code() == grpc.StatusCode.UNAVAILABLE, refusal
        trailers = dict(refusal.trailing_metadata())
        assert raw.retry_delay(trailers["grpc-status-details-bin"]) >= 1
        answer = over_http.result(20)
        assert answer.status == 503, answer
        assert int(answer.headers["retry-after"]) >= 1
        assert_status_body(answer)
        assert running.wait(10) == 0


# End to end: the backend's answer is the client's.

END_TO_END = {"sending_queue": {"wait_for_result": True}, "retry_on_failure": {"enabled": False}}


@pytest.mark.parametrize(
    ("backend", "grpc_status", "http_status"),
    [(400, "INTERNAL", 500), (503, "UNAVAILABLE", 503)],
    ids=["permanent", "retryable"],
)
def test_a_failing_backend_end_to_end(collector, backend, grpc_status, http_status):
    with HttpSink() as sink:
        sink.decide = lambda _, handler: _answer(handler, backend)
        exporter = {"endpoint": sink.endpoint, **END_TO_END}
        pipe = config.Pipe(exporter, name="otlphttp", processors={})
        running = collector(pipe.config)
        assert raw.grpc(pipe.grpc_port, signals.TRACES.method, raw.frame(GOOD)).status == grpc_status
        assert raw.http_post(pipe.http_port, "/v1/traces", GOOD).status == http_status
        running.settled_ledger()


def _answer(handler, status):
    from harness.serving import reply

    return reply(handler, status, b"", "application/x-protobuf")


def test_a_backend_that_hangs_end_to_end(collector):
    # Accepts connections in its backlog and never answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        exporter = {"endpoint": endpoint, "timeout": "300ms", **END_TO_END}
        pipe = config.Pipe(exporter, name="otlphttp", processors={})
        running = collector(pipe.config)
        assert raw.grpc(pipe.grpc_port, signals.TRACES.method, raw.frame(GOOD)).status == "DEADLINE_EXCEEDED"
        assert raw.http_post(pipe.http_port, "/v1/traces", GOOD).status == 504
        running.settled_ledger()


def test_a_full_queue_is_unavailable_with_a_delay_over_json_too(collector):
    dead = f"127.0.0.1:{ports.free_one()}"
    pipe = config.Pipe(config.to_grpc(dead, sending_queue={"queue_size": 1, "num_consumers": 1}), processors={})
    collector(pipe.config)
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "01" * 16, "spanId": "02" * 8}]}]}]})

    def refused():
        answer = raw.http_post(pipe.http_port, "/v1/traces", body.encode(), content_type=JSON)
        return answer if answer.status != 200 else None

    answer = waiting.until(refused, "a full queue")
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert_status_body(answer, JSON)
