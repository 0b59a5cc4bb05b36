"""What real Prometheus servers scrape and write to sluice, in either version of remote write, is OTLP as it should be."""

from __future__ import annotations

import pytest

from harness import config, ports, senders, signals, waiting
from harness.prometheus import EITHER
from harness.targets import Target

MESSAGES = {"2.42": senders.MESSAGES[1], "3": senders.MESSAGES[2]}
TRACE = "0123456789abcdef0123456789abcdef"
GONE = "# HELP queue_length How many wait.\n# TYPE queue_length gauge\nqueue_length 3\n"
PAGE = f"""# HELP jobs Done.
# TYPE jobs counter
jobs_total{{kind="a"}} 7 # {{trace_id="{TRACE}"}} 1
# TYPE took_seconds histogram
took_seconds_bucket{{le="0.5"}} 1
took_seconds_bucket{{le="+Inf"}} 3
took_seconds_sum 2.5
took_seconds_count 3
# TYPE size_bytes summary
size_bytes{{quantile="0.5"}} 10
size_bytes_sum 30
size_bytes_count 3
# TYPE target info
target_info{{host_name="h1"}} 1
"""


@pytest.fixture(params=EITHER)
def writing(request, tmp_path, collector, grpc_sink):
    """A target, a Prometheus that scrapes it and writes to sluice, and where sluice exports to."""
    port = ports.free_one()
    collector(
        {
            "receivers": {"prometheusremotewrite": {"endpoint": f"127.0.0.1:{port}"}},
            "exporters": {"otlp": config.to_grpc(grpc_sink.endpoint)},
            "service": {"pipelines": {"metrics": {"receivers": ["prometheusremotewrite"], "exporters": ["otlp"]}}},
        }
    )
    with Target(f"{PAGE}{GONE}# EOF\n") as target:
        job = {"job_name": "shop/app", "static_configs": [{"targets": [target.address]}]}
        remote = {"url": f"http://127.0.0.1:{port}/api/v1/write", "send_exemplars": True,
                  "queue_config": {"batch_send_deadline": "200ms"}}  # fmt: skip
        if request.param == "3":
            remote["protobuf_message"] = MESSAGES[request.param]
        else:
            remote["metadata_config"] = {"send_interval": "500ms"}
        server = EITHER[request.param](tmp_path, [job], {"remote_write": [remote]})
        try:
            server.wait_ready()
            yield target, server, grpc_sink
        finally:
            server.kill()


def metrics(sink):
    """Resource attributes and metric, all that arrived."""
    for request in sink.requests(signals.METRICS):
        for resource in request.resource_metrics:
            attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    yield attributes, metric


def wait_for(sink, name: str, kind: str):
    """The resource of a metric, and its last points of that kind."""

    def found():
        all = [(attributes, getattr(metric, kind)) for attributes, metric in metrics(sink)
               if metric.name == name and metric.WhichOneof("data") == kind]  # fmt: skip
        return all and all[-1]

    return waiting.until(found, lambda: f"{name} as {kind}: {sorted({m.name for _, m in metrics(sink)})}", 30)


def test_each_type_arrives_as_what_it_is(writing):
    _, server, sink = writing
    attributes, counter = wait_for(sink, "jobs_total", "sum")
    assert counter.is_monotonic and counter.aggregation_temporality == 2
    assert attributes["service.namespace"] == "shop" and attributes["service.name"] == "app"
    assert attributes["service.instance.id"].startswith("127.0.0.1:")
    (point,) = counter.data_points[-1:]
    assert point.as_double == 7
    assert {each.key: each.value.string_value for each in point.attributes} == {"kind": "a"}
    (point,) = wait_for(sink, "took_seconds", "histogram")[1].data_points[-1:]
    assert (point.count, point.sum, list(point.explicit_bounds), list(point.bucket_counts)) == (3, 2.5, [0.5], [1, 2])
    (point,) = wait_for(sink, "size_bytes", "summary")[1].data_points[-1:]
    assert (point.count, point.sum) == (3, 30)
    assert [(each.quantile, each.value) for each in point.quantile_values] == [(0.5, 10)]
    assert wait_for(sink, "up", "gauge")[1].data_points[-1].as_double == 1
    # Its labels describe the resource.
    waiting.until(lambda: any("host_name" in attributes for attributes, _ in metrics(sink)), "target_info")
    assert not any(metric.name == "target_info" for _, metric in metrics(sink))
    # None was refused.
    failed = server.value("sum(prometheus_remote_storage_samples_failed_total)")
    assert failed in (None, 0), server.log()[-2000:]


def test_a_series_that_ends_is_told_so(writing):
    target, _, sink = writing
    wait_for(sink, "queue_length", "gauge")
    target.show(f"{PAGE}# EOF\n")

    def ended():
        return any(point.flags == 1 and point.WhichOneof("value") is None for _, metric in metrics(sink)
                   if metric.name == "queue_length" for point in metric.gauge.data_points)  # fmt: skip

    waiting.until(ended, "a stale marker", 20)


def test_exemplars_arrive_with_their_trace(writing):
    _, _, sink = writing

    def found():
        # Prometheus sends an exemplar once, by version 1.0 perhaps before it tells the type: then it is a gauge's.
        points = [point for _, metric in metrics(sink) if metric.name == "jobs_total"
                  for point in getattr(metric, metric.WhichOneof("data")).data_points]  # fmt: skip
        return any(exemplar.trace_id.hex() == TRACE for point in points for exemplar in point.exemplars)

    waiting.until(found, "an exemplar", 30)
