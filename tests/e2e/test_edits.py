"""The processors `resource` and `attributes` between the OpenTelemetry SDK for Python and a sink."""

from __future__ import annotations

import pytest

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans

from harness import config, python_sdk, signals
from harness.collector import Collector
from harness.sink import GrpcSink

from test_sdk_python import ENCODE, MAKE, send

LIMITER = {"check_interval": "1s", "limit_mib": 512}


def through(tmp_path, signal: signals.Signal, processors: dict, test: str):
    """What arrives of the SDK's data behind these processors, after the accounts were looked at."""
    with GrpcSink() as sink:
        pipe = config.Pipe(config.to_grpc(sink.endpoint), processors={"memory_limiter": LIMITER, **processors})
        # Keys of one signal are refused in pipelines of another.
        pipelines = pipe.config["service"]["pipelines"]
        pipe.config["service"]["pipelines"] = {signal.name: pipelines[signal.name]}
        tmp_path.mkdir(exist_ok=True)
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


def test_a_header_of_the_client_becomes_an_attribute(tmp_path):
    actions = [
        {"key": "tenant", "from_context": "metadata.X-Tenant", "action": "upsert"},
        {"key": "absent", "from_context": "metadata.x-absent", "action": "upsert"},
    ]
    with GrpcSink() as sink:
        processors = {"resource": {"attributes": actions}}
        pipe = config.Pipe(config.to_grpc(sink.endpoint), processors=processors, grpc={"include_metadata": True})
        collector = Collector(pipe.config, tmp_path).start()
        try:
            headers = (("x-tenant", "first"), ("x-tenant", "second"))
            exporter = GrpcSpans(endpoint=pipe.grpc, insecure=True, headers=headers)
            spans = python_sdk.spans("header")
            assert exporter.export(spans).name == "SUCCESS"
            exporter.shutdown()
            sink.wait_count(signals.TRACES, len(spans))
            for each in resources(signals.TRACES, sink.requests(signals.TRACES)):
                attributes = plain(each.resource.attributes)
                assert attributes["tenant"] == "first;second" and "absent" not in attributes
        finally:
            collector.kill()


def records(signal: signals.Signal, requests):
    """Every span, data point or log record, with its metric for data points and itself otherwise."""
    for resource in resources(signal, requests):
        for scope in getattr(resource, signal.scopes):
            for item in getattr(scope, signal.items):
                if signal.name == "metrics":
                    for point in getattr(item, item.WhichOneof("data")).data_points:
                        yield item, point
                else:
                    yield item, item


EVERY_ACTION = [
    {"key": "environment", "value": "production", "action": "insert"},
    {"key": "text", "value": "not this", "action": "INSERT"},
    {"key": "yes", "value": 7, "action": "update"},
    {"key": "nowhere", "value": 7, "action": "update"},
    {"key": "no", "value": [1, "b"], "action": "upsert"},
    {"key": "added", "value": {"a": True}, "action": "Upsert"},
    {"key": "renamed", "from_attribute": "ints", "action": "upsert"},
    {"key": "ints", "action": "delete"},
    {"pattern": "^(tiny|big)$", "action": "delete"},
    {"key": "hashed", "value": "abc", "action": "insert"},
    {"key": "hashed", "action": "hash"},
    {"key": "where", "value": "/shop/42", "action": "insert"},
    {"key": "where", "pattern": r"^/(?P<part>\w+)/(?P<number>\d+)$", "action": "extract"},
    {"key": "number", "converted_type": "int", "action": "convert"},
    {"key": "double", "converted_type": "string", "action": "convert"},
    {"key": "tenant", "from_context": "metadata.x-tenant", "default_value": "nobody", "action": "insert"},
    {"key": "client", "from_context": "client.address", "action": "insert"},
]


def edited(before: dict) -> dict:
    """The same by hand."""
    after = {key: one for key, one in before.items() if key not in ("ints", "tiny", "big")}
    after |= {key: one for key, one in {"yes": 7, "double": "0.1"}.items() if key in before}
    after.setdefault("text", "not this")
    after |= {"environment": "production", "no": [1, "b"], "added": {"a": True}, "where": "/shop/42"}
    after |= {"part": "shop", "number": 42, "tenant": "nobody", "client": "127.0.0.1"}
    after["hashed"] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    if "ints" in before:
        after["renamed"] = before["ints"]
    return after


@pytest.mark.parametrize("signal", signals.ALL, ids=lambda signal: signal.name)
def test_attributes_runs_every_action_on_every_record(tmp_path, signal):
    came = through(tmp_path / "edited", signal, {"attributes": {"actions": EVERY_ACTION}}, "actions")
    went = through(tmp_path / "plain", signal, {}, "actions")
    pairs = list(zip(records(signal, went), records(signal, came), strict=True))
    assert pairs
    for (_, one), (_, other) in pairs:
        assert plain(other.attributes) == edited(plain(one.attributes))
        if signal.name == "traces":
            assert [plain(each.attributes) for each in other.links] == [plain(each.attributes) for each in one.links]
            assert all("environment" not in plain(event.attributes) for event in other.events)


CHOICES = {
    "traces": ({"match_type": "strict", "span_kinds": ["SPAN_KIND_SERVER"]}, lambda span: span.kind == 2),
    "metrics": ({"match_type": "regexp", "metric_names": ["o"]}, lambda metric: "o" in metric.name),
    "logs": (
        {"match_type": "strict", "log_severity_number": {"min": 13}},
        lambda record: record.severity_number >= 13,
    ),
}


@pytest.mark.parametrize("section", ["include", "exclude"])
@pytest.mark.parametrize("signal", signals.ALL, ids=lambda signal: signal.name)
def test_attributes_edits_what_is_chosen_and_nothing_else(tmp_path, signal, section):
    choice, is_chosen = CHOICES[signal.name]
    actions = [{"key": "mark", "value": True, "action": "insert"}]
    came = through(tmp_path, signal, {"attributes": {section: choice, "actions": actions}}, "choice")
    verdicts = [(is_chosen(owner), "mark" in plain(record.attributes)) for owner, record in records(signal, came)]
    assert {True, False} == {chosen for chosen, _ in verdicts}, "some are meant and some are not"
    assert all(marked == (chosen == (section == "include")) for chosen, marked in verdicts), verdicts
