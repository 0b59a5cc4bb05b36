"""Row e16: a backend's name has several addresses, and they change."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from harness import config, pod, ports, raw, signals, waiting, wire
from harness.sink import GrpcSink

NAME = "backend.example"
ONE_SPAN = wire.request(wire.span())
# Names are looked up again after this many seconds, if nothing fails before.
RESOLVED_EVERY = 30


class Backends:
    """Sinks on one port of several addresses, and a collector that knows them by their name."""

    def __init__(self, names: pod.Names, stack: ExitStack, collector):
        self._names, self._stack, self._collector = names, stack, collector
        self._port = ports.free_one()

    def sink(self, host: str) -> GrpcSink:
        return self._stack.enter_context(GrpcSink(self._port, host))

    def resolve_to(self, *addresses: str):
        self._names.set(NAME, *addresses)

    def start(self, **exporter):
        """Each request is one call, and is answered with its verdict."""
        queue = {"wait_for_result": True}
        self._pipe = config.Pipe(
            config.to_grpc(f"dns:///{NAME}:{self._port}", sending_queue=queue, **exporter), processors={}
        )
        self._collector(self._pipe.config, within=self._names.within())

    def send(self) -> str:
        return raw.grpc(self._pipe.grpc_port, signals.TRACES.method, raw.frame(ONE_SPAN)).status


@pytest.fixture
def backends(tmp_path, collector):
    with ExitStack() as stack:
        yield Backends(pod.Names(tmp_path), stack, collector)


def test_e16_three_addresses_get_a_third_each(backends):
    hosts = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    sinks = [backends.sink(host) for host in hosts]
    backends.resolve_to(*hosts)
    backends.start()
    waiting.until(lambda: backends.send() == "OK" and all(sink.attempts for sink in sinks), "a call to each")
    before = [sink.attempts for sink in sinks]
    for _ in range(300):
        assert backends.send() == "OK"
    for sink, count in zip(sinks, before, strict=True):
        assert abs(sink.attempts - count - 100) < 10


def test_e16_a_backend_that_moved_is_found_when_its_connection_ends(backends):
    backends.resolve_to("127.0.0.2")
    first = backends.sink("127.0.0.2")
    backends.start(retry_on_failure={"initial_interval": "100ms"})
    assert backends.send() == "OK"
    second = backends.sink("127.0.0.3")
    backends.resolve_to("127.0.0.3")
    first.__exit__()
    assert backends.send() == "OK"
    assert (first.attempts, second.attempts) == (1, 1)


def test_e16_an_address_that_the_name_has_no_more_is_left_though_it_answers(backends):
    stays, goes = backends.sink("127.0.0.2"), backends.sink("127.0.0.3")
    backends.resolve_to("127.0.0.2", "127.0.0.3")
    backends.start()
    waiting.until(lambda: backends.send() == "OK" and stays.attempts and goes.attempts, "a call to each")
    backends.resolve_to("127.0.0.2")

    def left() -> bool:
        before = goes.attempts
        assert [backends.send() for _ in range(10)] == ["OK"] * 10
        return goes.attempts == before

    waiting.until(left, "no call to the address that went", RESOLVED_EVERY + 5)


def test_e16_a_name_that_is_away_and_comes_back(backends):
    backends.start(retry_on_failure={"enabled": False})
    assert backends.send() == "UNAVAILABLE"
    sink = backends.sink("127.0.0.2")
    backends.resolve_to("127.0.0.2")
    waiting.until(lambda: backends.send() == "OK", "a name that is there")
    # Without its name it is still where it was.
    backends.resolve_to()
    sink.__exit__()
    assert backends.send() == "UNAVAILABLE"
    sink.__enter__()
    waiting.until(lambda: backends.send() == "OK", "the backend again")
