"""Backend rows that only the whole binary can show; the others are unit tests of exporters/sending."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from harness import config, ports, raw, signals, waiting, wire
from harness.collector import http_get
from harness.load import Load
from harness.sink import GrpcSink

MIB = 1 << 20
ONE_SPAN = wire.request(wire.span())


def send_one(pipe: config.Pipe) -> raw.GrpcAnswer:
    return raw.grpc(pipe.grpc_port, signals.TRACES.method, raw.frame(ONE_SPAN))


def test_e1_a_dead_backend_fills_the_queue_then_refuses(collector):
    dead = f"127.0.0.1:{ports.free_one()}"
    queue = {"queue_size": 3, "num_consumers": 1}
    pipe = config.Pipe(config.to_grpc(dead, sending_queue=queue), processors={})
    running = collector(pipe.config)

    def refused():
        answer = send_one(pipe)
        return answer if answer.status != "OK" else None

    refusal = waiting.until(refused, "a full queue")
    assert refusal.status == "UNAVAILABLE"
    assert refusal.retry_delay() is not None, refusal.headers
    over_http = raw.http_post(pipe.http_port, "/v1/traces", ONE_SPAN)
    assert over_http.status == 503
    assert int(over_http.headers["retry-after"]) >= 1
    for name, branch in running.ledger().items():
        branch.assert_even(name)
    traces = next(branch for (_, name, _), branch in running.ledger().items() if name == "traces")
    assert traces.items["accepted"] == traces.held


def test_e1_end_to_end_delivery_refuses_while_the_backend_is_dead(collector):
    dead = f"127.0.0.1:{ports.free_one()}"
    exporter = config.to_grpc(
        dead, sending_queue={"wait_for_result": True}, timeout="500ms", retry_on_failure={"enabled": False}
    )
    pipe = config.Pipe(exporter, processors={})
    running = collector(pipe.config)
    assert send_one(pipe).status == "UNAVAILABLE"
    assert raw.http_post(pipe.http_port, "/v1/traces", ONE_SPAN).status == 503
    traces = [branch for (_, name, _), branch in running.settled_ledger().items() if name == "traces"]
    assert all(branch.items["accepted"] == 0 for branch in traces), traces


def test_e1_the_exporter_is_degraded_and_the_collector_is_ready(collector):
    dead, health = f"127.0.0.1:{ports.free_one()}", ports.free_one()
    pipe = config.Pipe(config.to_grpc(dead), processors={})
    pipe.config["extensions"] = {
        "healthcheckv2": {
            "use_v2": True,
            "http": {"endpoint": f"127.0.0.1:{health}", "status": {"enabled": True, "path": "/status"}},
            "component_health": {"include_recoverable_errors": False},
        }
    }
    pipe.config["service"]["extensions"] = ["healthcheckv2"]
    collector(pipe.config)
    assert send_one(pipe).status == "OK"

    def degraded():
        return b"StatusRecoverableError" in http_get(f"http://127.0.0.1:{health}/status?verbose")[1]

    waiting.until(degraded, "a degraded exporter")


def test_e2_a_backend_that_comes_back_gets_everything(collector):
    sink = GrpcSink()
    exporter = config.to_grpc(
        sink.endpoint,
        retry_on_failure={"initial_interval": "100ms", "max_interval": "500ms"},
        sending_queue={"num_consumers": 3, "queue_size": 100_000},
    )
    pipe = config.Pipe(exporter, processors={"batch": {"timeout": "20ms"}})
    running = collector(pipe.config)
    with Load(pipe.grpc, threads=2) as load:
        load.wait_acknowledged(40)
        with sink:
            sink.wait_count(signals.TRACES, 1, 30)
            load.wait_acknowledged(len(load.acknowledged) + 20)
            load.stop()
            running.settled_ledger(30)
            delivered = sink.span_numbers()
            assert sorted(delivered) == sorted(Load.numbers(load.acknowledged))
            assert sink.most_at_once <= 3


@pytest.mark.parametrize("waits", [False, True], ids=["memory", "end-to-end"])
def test_requests_become_batches_in_the_queue(collector, waits):
    queue = {"wait_for_result": waits, "batch": {"flush_timeout": "100ms", "min_size": 1000}}
    with GrpcSink() as sink:
        pipe = config.Pipe(config.to_grpc(sink.endpoint, compression="none", sending_queue=queue), processors={})
        running = collector(pipe.config)
        with Load(pipe.grpc, threads=8) as load:
            load.wait_acknowledged(60)
        running.settled_ledger()
        acknowledged, delivered = Load.numbers(load.acknowledged), sink.span_numbers()
        assert acknowledged == set(delivered) and len(delivered) == len(acknowledged)
        assert len(sink.requests(signals.TRACES)) < len(load.acknowledged)


def test_e18_an_exporter_that_hangs_costs_its_siblings_half_a_minute_and_only_itself_its_data(collector):
    # Connections are made, but nobody ever reads or answers.
    with socket.create_server(("127.0.0.1", 0)) as hangs, GrpcSink() as one, GrpcSink() as other:
        stuck = f"127.0.0.1:{hangs.getsockname()[1]}"
        exporters = {
            "otlp_grpc/one": config.to_grpc(one.endpoint, compression="none"),
            "otlp_grpc/stuck": config.to_grpc(stuck, sending_queue={"queue_size": 2, "num_consumers": 1}),
            "otlp_grpc/other": config.to_grpc(other.endpoint, compression="none"),
        }
        pipe = config.Pipe({}, processors={"batch": {"timeout": "50ms"}})
        pipe.config["exporters"] = exporters
        for pipeline in pipe.config["service"]["pipelines"].values():
            pipeline["exporters"] = list(exporters)
        running = collector(pipe.config)

        def traces() -> dict:
            return {name: branch for (_, signal, name), branch in running.ledger().items() if signal == "traces"}

        load, requests = Load(pipe.grpc, threads=0), set()

        def send():
            number = len(requests)
            answer = raw.grpc(pipe.grpc_port, signals.TRACES.method, raw.frame(load.request(number)))
            assert answer.status == "OK", answer
            requests.add(number)

        def given_up():
            send()
            time.sleep(0.2)  # a few requests a second are enough
            return traces()["otlp_grpc/stuck"].items["dropped"]

        waiting.until(given_up, "a batch given up", 45)
        # From here on it goes on as if there were two exporters.
        for _ in range(10):
            for _ in range(10):
                send()
            for sink in (one, other):
                sink.wait_count(signals.TRACES, len(Load.numbers(requests)), 15)
        sent = Load.numbers(requests)
        for sink in (one, other):
            assert sorted(sink.span_numbers()) == sorted(sent)
        waiting.until(lambda: traces()["otlp_grpc/other"].held == 0, "an empty exporter")
        balances = traces()
        for name, branch in balances.items():
            branch.assert_even(name)
            assert branch.items["accepted"] == len(sent)
            assert branch.items["possible_duplicates"] == 0
        lost = balances.pop("otlp_grpc/stuck")
        assert lost.items["dropped"] + lost.held == len(sent)
        assert lost.items["in_batch"] == 0 and lost.items["sent"] == 0
        assert all(branch.items["sent"] == len(sent) for branch in balances.values())
        assert 1 <= running.log().count("Exporter stays behind") <= 3


class EndlessHttp:
    """Answers every request with this head and a body that never ends."""

    def __init__(self, head: bytes):
        self._head = head
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = False
        self.served = 0
        self.written = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over = True
        self._listener.close()
        self._thread.join()

    def _serve(self):
        self._listener.settimeout(0.1)
        while not self._over:
            try:
                stream, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with stream:
                stream.settimeout(5)
                self._answer(stream)

    def _answer(self, stream: socket.socket):
        filler = b"x" * 65536
        try:
            stream.recv(65536)
            stream.sendall(self._head)
            began = time.monotonic()
            while not self._over and time.monotonic() - began < 10:
                stream.sendall(filler)
                self.written += len(filler)
        except OSError:
            pass
        finally:
            self.served += 1


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "503 Service Unavailable"])
def test_e13_an_endless_response_body_is_not_read_to_its_end(collector, status):
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/x-protobuf\r\ncontent-length: 10737418240\r\n\r\n"
    with EndlessHttp(head.encode()) as backend:
        exporter = {"endpoint": backend.endpoint, "retry_on_failure": {"enabled": False}, "timeout": "5s"}
        pipe = config.Pipe(exporter, name="otlphttp", processors={})
        running = collector(pipe.config)
        # The first request pays for connections, buffers and the resolver.
        assert raw.http_post(pipe.http_port, "/v1/traces", ONE_SPAN).status == 200
        waiting.until(lambda: backend.served == 1, "the first answer")
        running.forget_peak()
        before = running.memory("VmRSS")
        written = backend.written
        assert raw.http_post(pipe.http_port, "/v1/traces", ONE_SPAN).status == 200
        waiting.until(lambda: backend.served == 2, "the second answer")
        assert running.memory("VmHWM") - before < MIB
        # What fits into both sides' socket buffers may still have been taken off our hands.
        assert backend.written - written < 16 * MIB
        running.settled_ledger()


def test_e13_a_giant_grpc_message_and_trailers_are_not_kept(collector):
    huge = b"\0" * (32 * MIB)

    def message(_attempt, _context):
        return huge

    def trailers(_attempt, context):
        context.set_trailing_metadata([("x-huge", "y" * (4 * MIB)), ("grpc-status-details-bin", b"\xff" * MIB)])
        return b""

    with GrpcSink() as sink:
        exporter = config.to_grpc(sink.endpoint, retry_on_failure={"enabled": False}, timeout="5s")
        pipe = config.Pipe(exporter, processors={})
        running = collector(pipe.config)
        for decide in (message, trailers):
            sink.decide = decide
            attempts = sink.attempts
            send_one(pipe)
            waiting.until(lambda: sink.attempts > attempts, "the first answer")
            running.settled_ledger()
            running.forget_peak()
            before = running.memory("VmRSS")
            send_one(pipe)
            running.settled_ledger()
            # Windows of 64 KiB and frames of 16 KiB: the prefix tells before there is more.
            assert running.memory("VmHWM") - before < MIB
        sink.decide = None
        count = sink.count(signals.TRACES)
        assert send_one(pipe).status == "OK"
        sink.wait_count(signals.TRACES, count + 1)
