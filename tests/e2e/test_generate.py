"""`sluice generate` through a real collector: every item arrives, by every protocol, and what does not is told."""

from __future__ import annotations

import re
import signal
import subprocess

import grpc
import pytest

from harness import ports, signals
from harness.collector import binary
from harness.config import to_grpc

COUNT = 1234
WAYS = [
    ("traces", "otlp"),
    ("traces", "otlphttp"),
    ("traces", "zipkin"),
    ("traces", "jaeger"),
    ("traces", "jaeger-thrift"),
    ("traces", "jaeger-udp"),
    ("metrics", "otlp"),
    ("metrics", "otlphttp"),
    ("logs", "otlp"),
    ("logs", "otlphttp"),
]


def generate(*args: str) -> subprocess.CompletedProcess:
    return subprocess.run([binary(), "generate", *args], capture_output=True, text=True, timeout=60)


def summary(text: str) -> dict[str, int]:
    """The numbers of the first three lines."""
    return {name: int(count) for name, count in re.findall(r"^(sent|accepted|refused) +(\d+)", text, re.MULTILINE)}


@pytest.fixture
def endpoints(collector, grpc_sink):
    """The collector's ports by protocol; what arrives there goes to the sink."""
    otlp, otlphttp, zipkin, jaeger, thrift = (f"127.0.0.1:{port}" for port in ports.free(5))
    udp = f"127.0.0.1:{ports.free_udp(1)[0]}"
    jaegers = {"grpc": jaeger, "thrift_http": thrift, "thrift_compact": udp}
    receivers = {
        "otlp": {"protocols": {"grpc": {"endpoint": otlp}, "http": {"endpoint": otlphttp}}},
        "zipkin": {"endpoint": zipkin},
        "jaeger": {"protocols": {name: {"endpoint": endpoint} for name, endpoint in jaegers.items()}},
    }
    pipeline = {"receivers": ["otlp"], "exporters": ["otlp_grpc"]}
    pipelines = {"traces": {**pipeline, "receivers": list(receivers)}, "metrics": pipeline, "logs": pipeline}
    exporters = {"otlp_grpc": to_grpc(grpc_sink.endpoint)}
    collector({"receivers": receivers, "exporters": exporters, "service": {"pipelines": pipelines}})
    return {
        "otlp": otlp, "otlphttp": otlphttp, "zipkin": zipkin,
        "jaeger": jaeger, "jaeger-thrift": thrift, "jaeger-udp": udp,
    }  # fmt: skip


def test_every_item_arrives_by_every_protocol(endpoints, grpc_sink):
    expected = dict.fromkeys(signals.BY_NAME, 0)
    for name, protocol in WAYS:
        # Datagrams that come faster than they are read are lost.
        rate = "4000" if protocol == "jaeger-udp" else "0"
        more = ["--compression=gzip", "--workers=2"] if protocol == "otlp" else []
        done = generate(
            name, f"--protocol={protocol}", f"--endpoint={endpoints[protocol]}", f"--count={COUNT}", f"--rate={rate}",
            "--attribute=way=" + protocol, *more,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert summary(done.stdout) == {"sent": COUNT, "accepted": COUNT, "refused": 0}, (protocol, done.stdout)
        expected[name] += COUNT
        grpc_sink.wait_count(signals.BY_NAME[name], expected[name])
    assert {name: grpc_sink.count(one) for name, one in signals.BY_NAME.items()} == expected


def spans_of(sink) -> list:
    requests = sink.requests(signals.TRACES)
    scopes = (scope for request in requests for resource in request.resource_spans for scope in resource.scope_spans)
    return [span for scope in scopes for span in scope.spans]


@pytest.mark.parametrize("protocol", [protocol for name, protocol in WAYS if name == "traces"])
def test_traces_are_whole_by_every_protocol(endpoints, grpc_sink, protocol):
    more = ["--rate=0", "--count=200", "--services=3", "--seed=1"]
    generate("traces", f"--protocol={protocol}", f"--endpoint={endpoints[protocol]}", *more)
    grpc_sink.wait_count(signals.TRACES, 200)
    spans = spans_of(grpc_sink)
    known = {(span.trace_id, span.span_id) for span in spans}
    assert len(known) == 200
    assert all((span.trace_id, span.parent_span_id) in known for span in spans if span.parent_span_id)


def test_log_records_of_the_same_seed_belong_to_the_traces(endpoints, grpc_sink):
    for name in ("traces", "logs"):
        generate(name, f"--endpoint={endpoints['otlp']}", "--rate=0", "--count=400", "--seed=7")
    grpc_sink.wait_count(signals.LOGS, 400)
    traces = {span.trace_id for span in spans_of(grpc_sink)}
    resources = (resource for request in grpc_sink.requests(signals.LOGS) for resource in request.resource_logs)
    records = [record for resource in resources for scope in resource.scope_logs for record in scope.log_records]
    # There are fewer records than spans in a story, so the log reaches further.
    assert len([record for record in records if record.trace_id in traces]) > 200


def test_a_refusal_is_told_with_its_reason(grpc_sink):
    def decide(attempt, context):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "nothing like that")

    grpc_sink.decide = decide
    done = generate("logs", f"--endpoint={grpc_sink.endpoint}", "--rate=0", "--count=200")
    assert done.returncode == 1
    assert summary(done.stdout) == {"sent": 200, "accepted": 0, "refused": 200}
    why = "the backend refused the data for good: rpc error: code = InvalidArgument desc = nothing like that"
    assert f"200: {why}\n" in done.stdout


def test_what_is_busy_is_asked_again(grpc_sink):
    def decide(attempt, context):
        if attempt % 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")

    grpc_sink.decide = decide
    done = generate("metrics", f"--endpoint={grpc_sink.endpoint}", "--rate=0", "--count=300")
    assert done.returncode == 0, done.stdout
    assert summary(done.stdout) == {"sent": 300, "accepted": 300, "refused": 0}
    assert (grpc_sink.attempts, grpc_sink.count(signals.METRICS)) == (6, 300)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_it_with_the_summary(grpc_sink, number):
    command = [binary(), "generate", "traces", f"--endpoint={grpc_sink.endpoint}", "--rate=500", "--batch=10"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        grpc_sink.wait_count(signals.TRACES, 50)
        child.send_signal(number)
        out, error = child.communicate(timeout=20)
    finally:
        child.kill()
    told = summary(out)
    assert child.returncode == 0, error
    assert told["sent"] == told["accepted"] == grpc_sink.count(signals.TRACES)


def test_a_backend_that_is_away_does_not_hold_up_the_end():
    command = [binary(), "generate", "traces", f"--endpoint=127.0.0.1:{ports.free_one()}", "--duration=1s"]
    # Alone, it would try again for 30 seconds.
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    told = summary(done.stdout)
    assert told["sent"] == told["refused"] > 0 and "connection refused" in done.stdout


@pytest.mark.parametrize("name", ["metrics", "logs"])
def test_zipkin_and_jaeger_are_for_traces(name):
    done = generate(name, "--protocol=zipkin")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Zipkin and Jaeger take traces only" in done.stderr
