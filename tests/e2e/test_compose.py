"""The stack of examples/compose, as run-local starts it: five services in three languages, sluice, and real backends.

One checkout is followed into each backend; the services' metrics come to Prometheus in each way, and lead back to a trace.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

from harness import ledger, signals, waiting
from harness.collector import UNEVEN, binary, http_get
from harness.sink import GrpcSink

RUN_LOCAL = Path(__file__).parents[2] / "examples" / "compose" / "run-local"
# Service by service, whose spans a checkout has, and who called them.
CALLERS = {
    ("shop", None), ("shop", "shop"), ("stock", "shop"), ("stock", "stock"), ("warehouse", "stock"),
    ("warehouse", "warehouse"), ("payment", "shop"), ("payment", "payment"), ("fraud", "payment"), ("fraud", "fraud"),
}  # fmt: skip
SPANS = 11


class Demo:
    """run-local, as a person starts it, but on any ports, and with the test's own backend for logs."""

    def __init__(self, folder: Path, logs: GrpcSink):
        self.folder, self.logs = folder, logs
        self._said = folder / "said.txt"
        env = {**os.environ, "SLUICE_BIN": binary(), "LOGS": logs.endpoint}
        with self._said.open("wb") as said:
            self._child = subprocess.Popen(
                [sys.executable, RUN_LOCAL, "--free-ports", "--folder", folder], env=env, stdout=said, stderr=subprocess.STDOUT
            )
        self.urls: dict[str, str] = {}

    def wait_shown(self):
        waiting.until(lambda: "Ctrl-C stops it" in self.said() or self._child.poll() is not None, self.said, 240)
        assert self._child.poll() is None, self.said()
        self.urls = json.loads((self.folder / "urls.json").read_text())

    def said(self) -> str:
        return self._said.read_text(errors="replace")

    def stop(self, number: int = signal.SIGINT) -> int:
        if self._child.poll() is None:
            self._child.send_signal(number)
        return self._child.wait(180)

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text(errors="replace")

    def ask(self, service: str, path: str, **query):
        """What a service answers as JSON; None if it is not found."""
        status, body = http_get(f"{self.urls[service]}{path}?{urllib.parse.urlencode(query)}", 20)
        assert status in (200, 402, 404), body
        return None if status == 404 else json.loads(body)

    def own_metrics(self) -> str:
        return http_get(f"{self.urls['sluice']}/metrics")[1].decode()

    def query(self, promql: str) -> list[dict]:
        return self.ask("prometheus", "/api/v1/query", query=promql)["data"]["result"]

    def wait_query(self, promql: str) -> list[dict]:
        return waiting.until(lambda: self.query(promql), promql, 30)

    def jaeger(self, trace: str) -> dict[str, tuple]:
        """By span: the service and the parent."""
        found = self.ask("jaeger", f"/api/traces/{trace}", raw="true")
        (whole,) = found["data"] if found else ({"spans": []},)
        return {
            span["spanID"]: (
                whole["processes"][span["processID"]]["serviceName"],
                next((one["spanID"] for one in span["references"]), None),
            )
            for span in whole["spans"]
        }

    def zipkin(self, trace: str) -> dict[str, tuple]:
        found = self.ask("zipkin", f"/api/v2/trace/{trace}") or []
        return {span["id"]: (span["localEndpoint"]["serviceName"], span.get("parentId")) for span in found}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with GrpcSink() as logs:
        demo = Demo(tmp_path_factory.mktemp("compose"), logs)
        try:
            demo.wait_shown()
            yield demo
        finally:
            demo.stop()


@pytest.fixture(scope="module")
def trace(demo) -> str:
    """Of one checkout."""
    done = demo.ask("shop", "/checkout")
    assert done["result"] in ("paid", "declined"), done
    return done["trace_id"]


def whole(spans) -> dict[str, tuple]:
    """A trace, once it is all there."""

    def complete():
        found = spans()
        return found if len(found) >= SPANS else None

    return waiting.until(complete, lambda: f"{SPANS} spans: {spans()}", 30)


def callers(spans: dict[str, tuple]) -> set[tuple]:
    assert len(spans) == SPANS
    return {(service, parent and spans[parent][0]) for service, parent in spans.values()}


def test_a_trace_runs_through_every_service_in_jaeger_and_in_zipkin(demo, trace):
    in_jaeger = whole(lambda: demo.jaeger(trace))
    in_zipkin = whole(lambda: demo.zipkin(trace))
    assert callers(in_jaeger) == CALLERS
    # The same spans, below the same parents.
    assert in_zipkin == in_jaeger


@pytest.mark.parametrize(
    "way", ['receiver="jaeger",transport="udp_thrift_compact"', 'receiver="zipkin",transport="http_v2_json"']
)
def test_the_older_clients_send_in_their_own_formats(demo, trace, way):
    assert f"otelcol_receiver_accepted_spans{{{way}}}" in demo.own_metrics()


@pytest.mark.parametrize("via", ["remote_write", "pull"])
class TestMetrics:
    @pytest.mark.parametrize("job", ["demo/shop", "demo/stock", "demo/payment"])
    def test_the_services_latency_answers_promql(self, demo, via, job):
        buckets = f'http_server_request_duration_seconds_bucket{{via="{via}",job="{job}"}}'
        (quantile,) = demo.wait_query(f"histogram_quantile(0.9, sum by (le) ({buckets})) > 0")
        assert 0 < float(quantile["value"][1]) < 2.5

    def test_what_is_scraped_answers_promql(self, demo, via):
        for target in ("shop", "warehouse", "fraud"):
            demo.wait_query(f'up{{via="{via}",job="services",service="{target}"}} == 1')
        for job in ("prometheus", "sluice"):
            demo.wait_query(f'up{{via="{via}",job="{job}"}} == 1')
        for promql in ("shop_orders_total", "warehouse_goods", "fraud_check_seconds_count", "prometheus_build_info"):
            demo.wait_query(f'{promql}{{via="{via}"}} > 0')

    @pytest.mark.parametrize(
        "buckets",
        [
            'http_server_request_duration_seconds_bucket{job="demo/shop"',
            'http_server_request_duration_seconds_bucket{job="demo/payment"',
            # Scraped by sluice as OpenMetrics, of services that know nothing of OpenTelemetry.
            'warehouse_take_seconds_bucket{job="services"',
            'fraud_check_seconds_bucket{job="services"',
        ],
    )
    def test_an_exemplar_leads_to_its_trace(self, demo, via, buckets):
        def exemplars():
            found = demo.ask(
                "prometheus", "/api/v1/query_exemplars", query=f'{buckets},via="{via}"}}', start="0", end="4102444800"
            )
            return [one for series in found["data"] for one in series["exemplars"]]

        exemplar = waiting.until(exemplars, f"exemplars of {buckets}", 30)[-1]
        assert callers(whole(lambda: demo.jaeger(exemplar["labels"]["trace_id"]))) == CALLERS


    def test_every_graph_of_the_dashboard_has_data(self, demo, via):
        dashboard = json.loads((RUN_LOCAL.parent / "grafana" / "dashboards" / "shop.json").read_text())
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"] if "expr" in target]
        assert len(asked) >= 8
        for promql in asked:
            promql = promql.replace("$via", via).replace("$__rate_interval", "1m")
            if "dropped|rejected" in promql:
                assert demo.query(promql) == [], "nothing is lost"
            else:
                demo.wait_query(promql)


def test_logs_reach_a_backend_and_a_file(demo, trace):
    def services(request: dict) -> set[str]:
        """Those with a log record of this trace."""
        return {
            attribute["value"]["stringValue"]
            for resource in request["resourceLogs"]
            for attribute in resource["resource"]["attributes"]
            if attribute["key"] == "service.name"
            for scope in resource["scopeLogs"]
            if any(record.get("traceId") == trace for record in scope["logRecords"])
        }

    def in_file() -> set[str]:
        lines = (demo.folder / "logs.jsonl").read_text().splitlines(keepends=True)
        # The last one may be half written.
        return set().union(*(services(json.loads(line)) for line in lines if line.endswith("\n")))

    def at_backend() -> set[str]:
        return {
            attribute.value.string_value
            for request in demo.logs.requests(signals.LOGS)
            for resource in request.resource_logs
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
            if any(record.trace_id.hex() == trace for scope in resource.scope_logs for record in scope.log_records)
        }

    for found in (in_file, at_backend):
        waiting.until(lambda found=found: found() == {"shop", "stock", "payment"}, f"logs of trace {trace}: {found()}", 30)


def test_it_stops_without_a_loss_and_with_even_accounts(demo):
    waiting.until(
        lambda: all(branch.unbooked == 0 for branch in ledger.parse(demo.own_metrics()).values()), demo.own_metrics
    )
    assert demo.stop() == 0, demo.said()
    assert UNEVEN not in demo.log("sluice")
    assert "sluice has ended with 0" in demo.said()
    last = demo.log("sluice").splitlines()[-1]
    assert "Shutdown complete" in last and '"lost_items": 0' in last
