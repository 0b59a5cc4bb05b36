"""Row i14: a flood of names, labels, services and clients costs a bounded number of series, told and counted."""

from __future__ import annotations

import http.client
import random
import time

from harness import config, ports, raw, signals
from harness.collector import http_get
from harness.remote_write import RemoteWriteSink

MAX, FLOOD, STEP = 1000, 20_000, 2000
MIB = 1 << 20


def flood(kind: str, start: int):
    """`STEP` series that differ in their `kind`: metric names, values of a label, or services."""
    request = signals.METRICS.request()
    now = time.time_ns()
    metrics = None
    for number in range(start, start + STEP):
        if metrics is None or kind == "service":
            resource = request.resource_metrics.add()
            name = f"service-{number}" if kind == "service" else "one"
            resource.resource.attributes.add(key="service.name").value.string_value = name
            metrics = resource.scope_metrics.add().metrics
        if kind != "label" or not metrics:
            metrics.add(name=f"name.{number}" if kind == "name" else "same")
        point = metrics[-1].gauge.data_points.add(time_unix_nano=now, as_double=number)
        if kind == "label":
            point.attributes.add(key="user").value.string_value = f"user-{number}"
    return request


def send(pipe, message):
    assert raw.http_post(pipe.http_port, "/v1/metrics", message.SerializeToString()).status == 200


def only_metrics(pipe: config.Pipe) -> config.Pipe:
    pipe.config["service"]["pipelines"] = {"metrics": pipe.config["service"]["pipelines"]["metrics"]}
    return pipe


def test_i14_the_pull_endpoint_holds_max_series_and_tells_the_rest_in_one(collector):
    pull = ports.free_one()
    settings = {"endpoint": f"127.0.0.1:{pull}", "max_series": MAX}
    pipe = only_metrics(config.Pipe(settings, name="prometheus", processors={}))
    running = collector(pipe.config)
    total = 0
    for kind in ("name", "label", "service"):
        for start in range(0, FLOOD, STEP):
            send(pipe, flood(kind, start))
            total += STEP
    (branch,) = running.settled_ledger(30).values()
    page = http_get(f"http://127.0.0.1:{pull}/metrics", 20)[1].decode()
    series = [line for line in page.splitlines() if line and not line.startswith("#")]
    assert len(series) <= MAX + 2, len(series)
    (overflow,) = [line for line in series if line.startswith("sluice_exporter_overflow_points_total")]
    assert float(overflow.rsplit(" ", 1)[1]) == branch.items["dropped"] > 0
    assert branch.items["sent"] + branch.items["dropped"] == total
    # A series that is there goes on.
    again = flood("name", 0)
    for metric in again.resource_metrics[0].scope_metrics[0].metrics:
        metric.gauge.data_points[0].as_double = 7
        metric.gauge.data_points[0].time_unix_nano = time.time_ns()
    send(pipe, again)
    running.settled_ledger()
    assert "name_0{" in page and 'name_0{job="one"' in http_get(f"http://127.0.0.1:{pull}/metrics")[1].decode()
    own = [line for line in running.metrics().splitlines() if line.startswith("sluice_exporter_unconverted_points")]
    assert 0 < len(own) <= 101
    assert running.memory("VmHWM") < 256 * MIB


def test_i14_deltas_are_added_up_for_a_bounded_number_of_series(collector):
    with RemoteWriteSink() as sink:
        settings = {"endpoint": sink.url, "accumulate_deltas": {"max_streams": MAX}}
        pipe = only_metrics(config.Pipe(settings, name="prometheus_remote_write", processors={}))
        running = collector(pipe.config)
        message = flood("label", 0)
        (metric,) = message.resource_metrics[0].scope_metrics[0].metrics
        points = list(metric.gauge.data_points)
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = 1, True
        metric.sum.data_points.extend(points)
        send(pipe, message)
        (branch,) = running.settled_ledger(30).values()
        assert branch.items["sent"] == MAX and branch.items["dropped"] == STEP - MAX, dict(branch.items)
        assert len({one.key for one in sink.series("same_total")}) == MAX
        assert 'reason="delta_limit"' in running.metrics()


def test_i14_own_metrics_do_not_grow_with_what_clients_say_of_themselves(collector, grpc_sink):
    write = ports.free_one()
    pipe = only_metrics(config.Pipe(config.to_grpc(grpc_sink.endpoint), processors={}))
    pipe.config["receivers"]["prometheus_remote_write"] = {"endpoint": f"127.0.0.1:{write}"}
    pipe.config["service"]["pipelines"]["metrics"]["receivers"].append("prometheus_remote_write")
    running = collector(pipe.config)

    def ask(port: int, number: int):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        method = "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=8)) if number % 2 else "POST"
        headers = {"user-agent": f"agent-{random.random()}", "host": f"host-{number}.example", "content-type": f"a/{number}"}
        connection.request(method, f"/v1/metrics?{number}" if number % 3 else f"/{random.random()}", b"x", headers)
        connection.getresponse().read()
        connection.close()

    def series() -> set[str]:
        return {line.rsplit(" ", 1)[0] for line in running.metrics().splitlines() if line and line[0] != "#"}

    for number in range(12):
        ask(pipe.http_port, number), ask(write, number)
    # The asking itself is a request that is measured.
    series()
    before = series()
    for number in range(12, 400):
        ask(pipe.http_port, number), ask(write, number)
    grown = series() - before
    assert len(grown) <= 5, sorted(grown)[:20]
