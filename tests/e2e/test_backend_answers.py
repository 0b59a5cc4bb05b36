"""What a backend answers decides what becomes of the data: through the binary, over both OTLP transports."""

from __future__ import annotations

import time
from email.utils import formatdate

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from harness import config, raw, signals, waiting, wire
from harness.serving import reply
from harness.sink import GrpcSink, HttpSink

SPANS = 10
REQUEST = wire.nested([1, 2], b"".join(wire.field(2, wire.span(span_id=bytes([n + 1] * 8))) for n in range(SPANS)))
PROTOBUF = "application/x-protobuf"


class Backend:
    """A sink that answers with `answers`, one after the other, then with success; and when it was asked."""

    def __init__(self, sink, answers: list):
        self._sink, self._answers = sink, answers
        self.asked: list[float] = []
        sink.decide = self._decide

    def _decide(self, attempt: int, call):
        self.asked.append(time.monotonic())
        return self._answers[attempt - 1](call) if attempt <= len(self._answers) else None

    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.asked, self.asked[1:])]

    def delivered(self) -> int:
        return self._sink.count(signals.TRACES)


def http(status: int, body: bytes = b"", **headers: str):
    return lambda handler: reply(handler, status, body, PROTOBUF, **headers)


def in_seconds(seconds: int):
    """Retry-After as a date, which has whole seconds."""
    return lambda handler: reply(handler, 503, b"", PROTOBUF, retry_after=formatdate(time.time() + seconds, usegmt=True))


def over_grpc(code: grpc.StatusCode, text: str = "", delay: int | None = None):
    def answer(context: grpc.ServicerContext) -> bytes:
        context.set_code(code)
        context.set_details(text)
        if delay is not None:
            info = any_pb2.Any()
            info.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=delay)))
            status = status_pb2.Status(code=code.value[0], details=[info])
            context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        return b""

    return answer


def partial(rejected: int, text: str) -> bytes:
    response = signals.TRACES.response()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = text
    return response.SerializeToString()


@pytest.fixture
def send(collector):
    """Sends ten spans to a backend that answers so; once everything is settled, what became of them."""
    sinks = []

    def send(answers: list, **retry):
        sink = GrpcSink() if answers[0].__qualname__.startswith("over_grpc") else HttpSink()
        sinks.append(sink.__enter__())
        backend = Backend(sink, answers)
        settings = {"retry_on_failure": {"initial_interval": "50ms", "max_interval": "10s", **retry}}
        if isinstance(sink, GrpcSink):
            name, exporter = "otlp", config.to_grpc(sink.endpoint, **settings)
        else:
            name, exporter = "otlphttp", {"endpoint": sink.endpoint, **settings}
        pipe = config.Pipe(exporter, name=name, processors={})
        running = collector(pipe.config)
        assert raw.http_post(pipe.http_port, "/v1/traces", REQUEST).status == 200
        waiting.until(lambda: backend.asked, "the first attempt")
        ledger = running.settled_ledger(30)
        (branch,) = [branch for (_, name, _), branch in ledger.items() if name == "traces"]
        assert branch.items["accepted"] == SPANS
        return backend, branch.items, running

    yield send
    for sink in sinks:
        sink.__exit__(None, None, None)


UNAVAILABLE, EXHAUSTED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED
DELAYS = {
    "429": http(429, retry_after="2"),
    "503": http(503, retry_after="2"),
    "503 with a date": in_seconds(3),
    "UNAVAILABLE": over_grpc(UNAVAILABLE, "later", delay=2),
    "RESOURCE_EXHAUSTED": over_grpc(EXHAUSTED, "later", delay=2),
}


@pytest.mark.parametrize("answer", DELAYS)
def test_e5_a_delay_that_the_backend_asks_for_is_kept(send, answer):
    backend, items, _ = send([DELAYS[answer]])
    assert len(backend.asked) == 2
    assert backend.gaps()[0] >= 2, "the interval of the settings is 50 ms"
    assert items["sent"] == backend.delivered() == SPANS


@pytest.mark.parametrize("answer", [http(503), http(429), over_grpc(UNAVAILABLE)], ids=["503", "429", "UNAVAILABLE"])
def test_e6_without_a_delay_the_intervals_grow(send, answer):
    retry = {"initial_interval": "200ms", "multiplier": 2, "randomization_factor": 0}
    backend, items, _ = send([answer] * 3, **retry)
    assert len(backend.asked) == 4
    for gap, least in zip(backend.gaps(), (0.2, 0.4, 0.8)):
        assert gap >= least, backend.gaps()
    assert items["sent"] == backend.delivered() == SPANS


LONG = b"because " * 100_000
FINAL = {
    **{str(status): http(status, LONG) for status in (500, 400, 404, 501)},
    "INVALID_ARGUMENT": over_grpc(grpc.StatusCode.INVALID_ARGUMENT, "because"),
    "INTERNAL": over_grpc(grpc.StatusCode.INTERNAL, "because"),
    "UNIMPLEMENTED": over_grpc(grpc.StatusCode.UNIMPLEMENTED, "because"),
    "RESOURCE_EXHAUSTED": over_grpc(EXHAUSTED, "because"),
}


@pytest.mark.parametrize("answer", FINAL)
def test_e7_a_final_answer_is_not_retried_and_said_once(send, answer):
    backend, items, running = send([FINAL[answer]] * 5)
    assert len(backend.asked) == 1
    assert (items["sent"], backend.delivered()) == (0, 0)
    assert items["rejected"] + items["dropped"] == SPANS, dict(items)
    said = [line for line in running.log().splitlines() if "because" in line]
    assert len(said) == 1, said
    assert len(said[0]) < 64 * 1024 + 4096
    failed = [line for line in running.metrics().splitlines() if line.startswith("otelcol_exporter_send_failed_spans")]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in failed) == SPANS, failed


def accepts(rejected: int, text: str, over: str):
    body = partial(rejected, text)
    return http(200, body) if over == "http" else over_grpc_message(body)


def over_grpc_message(body: bytes):
    return lambda context: body


@pytest.mark.parametrize("over", ["http", "grpc"])
def test_e9_what_a_backend_rejects_is_counted_and_not_sent_again(send, over):
    backend, items, running = send([accepts(3, "three are too old", over)] * 5)
    assert len(backend.asked) == 1
    assert (items["sent"], items["rejected"]) == (SPANS - 3, 3), dict(items)
    assert "three are too old" in running.log()


@pytest.mark.parametrize("over", ["http", "grpc"])
def test_e9_a_warning_with_nothing_rejected_is_success(send, over):
    backend, items, running = send([accepts(0, "attributes were renamed", over)] * 5)
    assert len(backend.asked) == 1
    assert (items["sent"], items["rejected"]) == (SPANS, 0), dict(items)
    (said,) = [line for line in running.log().splitlines() if "attributes were renamed" in line]
    assert "info" in said.lower(), said
