"""The processors `resource` and `attributes` between the OpenTelemetry SDK for Python and a sink."""

from __future__ import annotations

import pytest

from harness import config, python_sdk, signals
from harness.collector import Collector
from harness.sink import GrpcSink

from test_sdk_python import ENCODE, MAKE, send

LIMITER = {"check_interval": "1s", "limit_mib": 512}


def through(tmp_path, signal: signals.Signal, processors: dict, test: str):
    """What arrives of the SDK's data behind these processors, after the accounts were looked at."""
    with GrpcSink() as sink:
        pipe = config.Pipe(config.to_grpc(sink.endpoint), processors={"memory_limiter": LIMITER, **processors})
        collector = Collector(pipe.config, tmp_path).start()
        try:
            data = MAKE[signal.name](test)
            send(signal, data, pipe, "grpc", False)
            sink.wait_count(signal, signal.count(ENCODE[signal.name](data)))
            ledger = collector.settled_ledger()
            (branch,) = [branch for (_, name, _), branch in ledger.items() if name == signal.name]
            assert branch.items["accepted"] == branch.items["sent"] == sink.count(signal)
            return sink.requests(signal)
        finally:
            collector.kill()


def resources(signal: signals.Signal, requests) -> list:
    return [each for request in requests for each in getattr(request, signal.resources)]


def plain(attributes) -> dict:
    """Attributes as values of Python; none of them twice."""
    assert len({each.key for each in attributes}) == len(attributes)
    return {each.key: value(each.value) for each in attributes}


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(each) for each in any_value.array_value.values]
    if kind == "kvlist_value":
        return plain(any_value.kvlist_value.values)
    return getattr(any_value, kind)


@pytest.mark.parametrize("signal", signals.ALL, ids=lambda signal: signal.name)
def test_resource_adds_to_every_resource(tmp_path, signal):
    actions = [
        {"key": "deployment.environment.name", "value": "production", "action": "insert"},
        {"key": "service.name", "value": "not this", "action": "insert"},
    ]
    came = through(tmp_path, signal, {"resource": {"attributes": actions}}, "inserts")
    for each in resources(signal, came):
        before = dict(python_sdk.resource("inserts").attributes)
        listed = {key: list(one) if isinstance(one, tuple) else one for key, one in before.items()}
        assert plain(each.resource.attributes) == listed | {"deployment.environment.name": "production"}
