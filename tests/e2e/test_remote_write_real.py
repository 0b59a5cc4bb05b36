"""Remote write to real servers when things go wrong: order, refusals, targets that end, deltas."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

import pytest

from harness import config, ports, raw, senders, serving, signals
from harness.prometheus import EITHER
from harness.remote_write import Received
from harness.serving import HttpServer, reply
from harness.targets import Target, status

SERIES, TIMES = 100, 60
VERSIONS = {"2.42": 1, "3": 2}


@pytest.fixture(params=VERSIONS)
def server(request, tmp_path):
    server = EITHER[request.param](tmp_path)
    server.wait_ready()
    yield server
    server.kill()


def version_of(server) -> int:
    return 2 if server.name == "prometheus3" else 1


class Flaky(HttpServer):
    """In front of a server: every third request gets no further, in one way or another."""

    def __init__(self, server):
        super().__init__()
        self._behind = server
        self.requests = 0
        self.refused: list[tuple[int, bytes]] = []

    def post(self, handler):
        one = Received(time.monotonic(), handler.path, serving.headers(handler), serving.body(handler))
        self.requests += 1
        if self.requests % 3 == 0:
            if self.requests % 2:
                handler.close_connection = True
            else:
                reply(handler, 503, b"", "text/plain")
            return
        headers = {key: value for key, value in one.headers.items() if key not in ("host", "content-length")}
        request = urllib.request.Request(self._behind.url, one.body, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                written = {key: value for key, value in answer.headers.items() if key.lower().endswith("-written")}
                reply(handler, answer.status, b"", "text/plain", **written)
        except urllib.error.HTTPError as error:
            content = error.read()
            self.refused.append((error.code, content))
            reply(handler, error.code, content, "text/plain")


def request(at_ms: int, value: float, series: int = SERIES, name: str = "ordered"):
    """A gauge with a point for each series."""
    request = signals.METRICS.request()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "ordered"
    metric = resource.scope_metrics.add().metrics.add(name=name)
    for number in range(series):
        point = metric.gauge.data_points.add(time_unix_nano=at_ms * 1_000_000, as_double=value)
        point.attributes.add(key="number").value.string_value = str(number)
    return request


def writing(server, url: str, **more) -> config.Pipe:
    settings = {
        "endpoint": url,
        "protobuf_message": senders.MESSAGES[version_of(server)],
        "retry_on_failure": {"initial_interval": "20ms", "max_interval": "100ms"},
        **more,
    }
    pipe = config.Pipe(settings, name="prometheus_remote_write", processors={})
    pipe.config["service"]["pipelines"] = {"metrics": pipe.config["service"]["pipelines"]["metrics"]}
    return pipe


def send(pipe: config.Pipe, message):
    answer = raw.http_post(pipe.http_port, "/v1/metrics", message.SerializeToString())
    assert answer.status == 200, answer


def test_e17_no_sample_is_out_of_order_whatever_has_to_be_sent_again(server, collector):
    began = int(time.time() * 1000) - TIMES * 1000
    with Flaky(server) as flaky:
        # Small requests, many lanes: as much at once as there can be.
        pipe = writing(server, f"{flaky.endpoint}/api/v1/write", max_batch_size_bytes=4000,
                       remote_write_queue={"num_consumers": 10})  # fmt: skip
        running = collector(pipe.config)
        for number in range(TIMES):
            send(pipe, request(began + number * 1000, number))
        ledger = running.settled_ledger(60)
    (branch,) = ledger.values()
    assert branch.items["sent"] == SERIES * TIMES, dict(branch.items)
    assert branch.items["rejected"] == branch.items["dropped"] == 0
    assert not flaky.refused
    assert flaky.requests > TIMES
    stored = server.read(__name__="ordered")
    assert len(stored) == SERIES
    for samples in stored.values():
        assert [sample.at for sample in samples] == [began + number * 1000 for number in range(TIMES)]
        assert [sample.value for sample in samples] == list(range(TIMES))


def test_e17_what_a_client_sends_out_of_order_is_refused_once_and_counted(server, collector):
    now = int(time.time() * 1000)
    pipe = writing(server, server.url, max_batch_request_parallelism=1)
    running = collector(pipe.config)
    for at in (now - 2000, now - 1000):
        send(pipe, request(at, 1, series=5))
    running.settled_ledger()
    send(pipe, request(now - 5000, 7, series=5))
    (branch,) = running.settled_ledger().values()
    assert branch.items["sent"] == 10 and branch.items["sent"] + branch.items["rejected"] + branch.items["dropped"] == 15
    said = [line for line in running.log().splitlines() if "out of order" in line.lower()]
    assert len(said) == 1, running.log()
    failed = [line for line in running.metrics().splitlines() if line.startswith("otelcol_exporter_send_failed_metric_points")]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in failed) == 5, failed
    # It goes on.
    send(pipe, request(now, 3, series=5))
    (branch,) = running.settled_ledger().values()
    assert branch.items["sent"] == 15
    assert {sample.value for samples in server.read(__name__="ordered").values() for sample in samples} == {1, 3}


def test_a_target_that_ends_is_down_and_its_series_are_gone_at_once(server, tmp_path):
    page = "# TYPE jobs_total counter\njobs_total 7\n"
    with Target(page) as target:
        running = senders.sluice(tmp_path, version_of(server), senders.jobs(app=target), [server.url])
        try:
            server.wait_value('up{job="app"}', 1)
            server.wait_value('jobs_total{job="app"}', 7)
            target.show(status(500))
            server.wait_value('up{job="app"}', 0)
            server.wait_value('absent(jobs_total{job="app"})', 1)
            # Not for lack of samples: five minutes are not over.
            assert server.value('count_over_time(jobs_total{job="app"}[1m])') >= 1
            target.show(page)
            server.wait_value('jobs_total{job="app"}', 7)
            assert server.value('up{job="app"}') == 1
        finally:
            running.kill()


def test_replicas_with_the_same_series_do_not_end_each_other(server, tmp_path):
    page = "# TYPE jobs_total counter\njobs_total 7\n"
    with Target(page) as one, Target(page) as other:
        (job,) = senders.jobs(app=one)
        job["static_configs"] = [{"targets": [one.address, other.address]}]
        running = senders.sluice(tmp_path, version_of(server), [job], [server.url])
        try:
            server.wait_value('count(jobs_total{job="app"})', 2)
            one.show("# nothing\n")
            server.wait_value('count(jobs_total{job="app"})', 1)
            asked = len(other.asked())
            other.wait_asked(asked + 3)
            (left,) = server.query('jobs_total{job="app"}')
            assert left["metric"]["instance"] == other.address
            stored = server.read(__name__="jobs_total", instance=other.address)
            assert not any(sample.stale for samples in stored.values() for sample in samples)
            assert server.value('sum(up{job="app"})') == 2
        finally:
            running.kill()


def test_a_collision_costs_itself_and_not_the_scrape(tmp_path, collector):
    pull = ports.free_one()
    pipe = config.Pipe({"endpoint": f"127.0.0.1:{pull}"}, name="prometheus", processors={})
    pipe.config["service"]["pipelines"] = {"metrics": pipe.config["service"]["pipelines"]["metrics"]}
    running = collector(pipe.config)
    message = request(int(time.time() * 1000), 1, series=2)
    # Two names that are one when they are escaped, and one of them again with another type.
    for name, kind in (("same.name", "gauge"), ("same_name", "gauge"), ("same_name", "sum"), ("fine", "gauge")):
        metric = message.resource_metrics[0].scope_metrics[0].metrics.add(name=name)
        points = getattr(metric, kind).data_points
        points.add(time_unix_nano=int(time.time() * 1e9), as_double=len(name))
        if kind == "sum":
            metric.sum.aggregation_temporality = 2
            metric.sum.is_monotonic = True
    send(pipe, message)
    (branch,) = running.settled_ledger().values()
    server = EITHER["3"](tmp_path, [{"job_name": "sluice", "static_configs": [{"targets": [f"127.0.0.1:{pull}"]}]}])
    try:
        server.wait_ready()
        server.wait_value('up{job="sluice"}', 1)
        assert server.wait_value("fine", 4) == 4
        assert server.value("same_name") == 9
        assert server.value("count(ordered)") == 2
    finally:
        server.kill()
    lost = branch.items["dropped"]
    assert lost >= 1 and branch.items["sent"] + lost == 6, dict(branch.items)
    assert 'sluice_exporter_unconverted_points' in running.metrics()


def test_a_counter_that_starts_again_is_a_reset_and_not_a_gap(server, collector):
    pipe = writing(server, server.url)
    running = collector(pipe.config)
    now = int(time.time() * 1000)
    for number, value in enumerate([10, 20, 30, 4, 8]):
        message = request(now - 60_000 + number * 10_000, value, series=1, name="jobs")
        metric = message.resource_metrics[0].scope_metrics[0].metrics[0]
        points = list(metric.gauge.data_points)
        metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, 2
        metric.sum.data_points.extend(points)
        send(pipe, message)
    running.settled_ledger()
    assert server.value('resets(jobs_total{job="ordered"}[5m])') == 1
    # 10 to 30, and 8 after the reset; over a minute and a half, as PromQL reaches beyond the samples.
    assert server.value('increase(jobs_total{job="ordered"}[5m])') == pytest.approx(28 * 1.25, rel=0.3)
