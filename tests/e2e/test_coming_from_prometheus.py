"""The page for users of Prometheus: what it shows is run, against real servers and exporters."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from harness import application, ports, senders, signals, waiting
from harness.collector import Collector
from harness.prometheus import Prometheus, Prometheus3
from harness.remote_write import RemoteWriteSink
from harness.targets import Redis, RedisExporter, Target

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coming-from-prometheus.md").read_text()
CONFIGS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
OF_PROMETHEUS = re.findall(r"```yaml prometheus\n(.*?)```", PAGE, re.DOTALL)
QUERY = re.search(r"```promql\n(.*?)```", PAGE, re.DOTALL)[1]
EXAMPLE = ROOT / "examples" / "prometheus-agent-replacement.yaml"


@pytest.fixture
def start(tmp_path):
    """Starts servers; they are gone after the test."""
    started = []

    def start(kind, *more, **named):
        one = kind(tmp_path, *more, **named)
        started.append(one)
        one.wait_ready()
        return one

    yield start
    for one in started:
        one.kill()


def shown(number: int, directory: Path) -> Path:
    file = directory / f"shown-{number}.yaml"
    file.write_text(CONFIGS[number])
    return file


def known_port_is_free(port: int):
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError as error:
            pytest.fail(f"the page says port {port}, and somebody else listens there: {error}. Stop it, and run again")


def test_the_tutorials_scrape_jobs_run_as_they_are_written(start, run, tmp_path):
    """On the page and in the example, with the ports that everybody knows."""
    for port in (9090, 9121):
        known_port_is_free(port)
    jobs = re.search(r" +scrape_configs:\n(?: {8}.*\n)+", CONFIGS[0])[0]
    assert "'localhost:9090'" in jobs and "'localhost:9121'" in jobs
    assert jobs in EXAMPLE.read_text(), "the example has the same jobs"
    start(Prometheus, port=9090)
    start(RedisExporter, start(Redis), port=9121)
    # The page is of version 2.0, the example of 1.0.
    page, example = start(Prometheus3), start(Prometheus)
    health = ports.free_one()
    at = "--set=exporters.prometheus_remote_write.endpoint="
    run(Collector(shown(0, tmp_path), tmp_path, args=(at + page.url,)))
    moved = f"--set=extensions.health_check.endpoint=127.0.0.1:{health}"
    run(Collector(EXAMPLE, tmp_path, env={"REMOTE_WRITE_URL": example.url}, args=(moved,)))
    for server in (page, example):
        # A scrape may be the whole interval away, 15 s.
        server.wait_value('up{job="prometheus",instance="localhost:9090"}', 1, 40)
        server.wait_value('up{job="redis_exporter",instance="localhost:9121"}', 1, 40)
        server.wait_value('redis_up{job="redis_exporter"}', 1)
        assert server.wait_value('prometheus_build_info{job="prometheus"}', 1) == 1
        # Nothing was added.
        assert server.query("target_info") == []
        names = {name for one in server.series('{job="prometheus"}') for name in one}
        assert not any(name.startswith("otel_") for name in names)


OF_AN_SDK = """# TYPE target_info gauge
target_info{team="shop"} 1
# TYPE one gauge
one{otel_scope_name="first"} 1
one{otel_scope_name="second"} 2
# TYPE last gauge
last 3
"""
LEFT_OUT = {"target_info": {"enabled": True}, "disable_scope_info": False}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("switches", [{}, LEFT_OUT], ids=["as shown", "left out"])
def test_the_switches_take_what_a_target_says_of_its_resource_and_scopes(tmp_path, version, switches):
    with Target(OF_AN_SDK) as target, RemoteWriteSink() as sink:
        running = senders.sluice(tmp_path, version, senders.jobs(app=target), [sink.url], **switches)
        try:
            sink.wait_for("last", 3)
            found = {(dict(each.labels).get("otel_scope_name"), each.samples[0].value) for each in sink.series("one")}
            assert found == ({("first", 1), ("second", 2)} if switches else {(None, 2)})
            teams = {dict(each.labels)["team"] for each in sink.series("target_info")}
            assert teams == ({"shop"} if switches else set())
            (branch,) = running.ledger().values()
            assert bool(branch.items["dropped"]) == (not switches), "which of two series is not sent is counted"
        finally:
            running.kill()


def test_what_is_scraped_from_here_is_what_applications_count(start, run, tmp_path):
    pull, grpc, http = ports.free(3)
    at = [
        f"--set=receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{grpc}",
        f"--set=receivers.otlp.protocols.http.endpoint=127.0.0.1:{http}",
        f"--set=exporters.prometheus.endpoint=127.0.0.1:{pull}",
    ]
    run(Collector(shown(1, tmp_path), tmp_path, args=tuple(at)))
    server = start(Prometheus3, text=OF_PROMETHEUS[0].replace("localhost:8889", f"127.0.0.1:{pull}"))
    application.python(f"127.0.0.1:{grpc}", "shown")
    total = application.STEPS * application.REQUESTS_A_STEP
    server.wait_value('http_server_requests_total{job="shop/shown",instance="one"}', total)
    joined = QUERY
    assert server.value(joined) > 0
    assert server.query(joined)[0]["metric"]["deployment_environment_name"] == application.RESOURCE["deployment.environment.name"]
    assert server.value('histogram_count(payload_size_bytes{job="shop/shown"})') == application.SIZES


def test_what_prometheus_writes_arrives_as_otlp(start, run, tmp_path, grpc_sink):
    write = ports.free_one()
    at = [
        f"--set=receivers.prometheus_remote_write.endpoint=127.0.0.1:{write}",
        f"--set=exporters.otlp_grpc.endpoint={grpc_sink.endpoint}",
        "--set=exporters.otlp_grpc.tls.insecure=true",
    ]
    run(Collector(shown(2, tmp_path), tmp_path, args=tuple(at)))
    port = ports.free_one()
    itself = f"scrape_configs:\n- job_name: itself\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    text = itself + OF_PROMETHEUS[1].replace("localhost:19090", f"127.0.0.1:{write}")
    start(Prometheus3, text=text, port=port)

    def found(name: str):
        return [
            metric
            for request in grpc_sink.requests(signals.METRICS)
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]

    up = waiting.until(lambda: found("up"), "up", 30)
    assert up[0].gauge.data_points[0].as_double == 1
    # Types came with the samples.
    waiting.until(lambda: any(metric.sum.is_monotonic for metric in found("prometheus_http_requests_total")), "a counter")
    name = "prometheus_http_request_duration_seconds"
    waiting.until(lambda: any(metric.exponential_histogram.data_points for metric in found(name)), "a native histogram")
