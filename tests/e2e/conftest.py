"""Fixtures: the collector under test and sinks, all on loopback and all gone after the test."""

from __future__ import annotations

import pytest

from harness.collector import Collector
from harness.gateway import JAEGERS, Gateway
from harness.servers import Jaeger, Zipkin
from harness.sink import GrpcSink, HttpSink
from harness.stand import Stand


@pytest.fixture
def grpc_sink():
    with GrpcSink() as sink:
        yield sink


@pytest.fixture
def http_sink():
    with HttpSink() as sink:
        yield sink


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """Every test ends with accounts that balance, of every collector that it has not killed."""
    result = yield
    for one in Collector.started:
        one.assert_balanced()
    return result


@pytest.fixture
def run():
    """Starts a collector; if it still runs at the end it is killed."""
    started = []

    def run(one: Collector) -> Collector:
        started.append(one)
        return one.start()

    yield run
    for one in started:
        one.kill()


@pytest.fixture
def collector(run, tmp_path):
    """Starts a collector from settings."""
    return lambda config, **options: run(Collector(config, tmp_path, **options))


@pytest.fixture(scope="session")
def stand(tmp_path_factory):
    """Real Jaeger and Zipkin servers, started once; Zipkin first, since it takes longest."""
    stand = Stand(tmp_path_factory.mktemp("stand"))
    try:
        stand.start("zipkin", Zipkin)
        stand.start("jaeger", Jaeger)
        yield stand
    finally:
        stand.close()


@pytest.fixture(scope="session")
def gateway(stand, tmp_path_factory):
    """sluice in front of servers of its own, beside those that `stand` has for clients without it."""
    stand.start("zipkin behind", Zipkin)
    for name in JAEGERS:
        stand.start(f"jaeger behind {name}", Jaeger)
    with GrpcSink() as sink:
        gateway = Gateway(tmp_path_factory.mktemp("gateway"), sink, stand)
        try:
            gateway.collector.start()
            yield gateway
        finally:
            gateway.collector.kill()


@pytest.fixture(scope="session")
def follow(stand, gateway):
    """Has a client send its story, once: straight to the server of its kind, and to sluice."""

    def send(client):
        server = stand.get("zipkin" if client.port == "zipkin" else "jaeger")
        return stand.sent(client, [server, gateway])

    return send
