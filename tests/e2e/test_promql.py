"""What applications with an OpenTelemetry SDK count is what PromQL says on a real server, written to it or pulled."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from harness import application, config, ports
from harness.collector import Collector
from harness.prometheus import EITHER

# How the data comes to a server, and to which.
WAYS = {
    "written as 1.0": "2.42",
    "written as 2.0": "3",
    "pulled by 2.42": "2.42",
    "pulled by 3": "3",
}
APPLICATIONS = ["python", "python-delta", "node"]


class Shop:
    """Three applications, sluice, and a server for each way."""

    def __init__(self, folder, stack: ExitStack):
        pull, utf8 = ports.free(2)
        job = {
            "job_name": "sluice",
            # The applications' own `job` and `instance` stay.
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{pull}"]}],
        }
        if_utf8 = {"job_name": "utf8", "static_configs": [{"targets": [f"127.0.0.1:{utf8}"]}]}
        self.servers = {}
        for way, version in WAYS.items():
            jobs = [] if way.startswith("written") else [job, if_utf8] if version == "3" else [job]
            self.servers[way] = EITHER[version](folder, jobs)
            stack.callback(self.servers[way].kill)
        for server in self.servers.values():
            server.wait_ready()
        write = {"protobuf_message": "io.prometheus.write.v2.Request", "endpoint": self.servers["written as 2.0"].url}
        pipe = config.Pipe({}, processors={})
        pipe.config["exporters"] = {
            "prometheus_remote_write/1": {"endpoint": self.servers["written as 1.0"].url},
            "prometheus_remote_write/2": write,
            "prometheus_remote_write/utf8": {
                **write, "translation_strategy": "NoTranslation", "external_labels": {"via": "utf8"},
            },
            "prometheus_remote_write/nhcb": {
                **write, "convert_histograms_to_nhcb": True, "external_labels": {"via": "nhcb"},
            },
            "prometheus": {"endpoint": f"127.0.0.1:{pull}", "enable_open_metrics": True},
            "prometheus/utf8": {
                "endpoint": f"127.0.0.1:{utf8}", "enable_open_metrics": True, "translation_strategy": "NoTranslation",
            },
        }  # fmt: skip
        metrics = {"receivers": ["otlp"], "exporters": list(pipe.config["exporters"])}
        pipe.config["service"]["pipelines"] = {"metrics": metrics}
        self.collector = Collector(pipe.config, folder).start()
        stack.callback(self.collector.kill)
        for way, server in self.servers.items():
            if way.startswith("pulled"):
                server.wait_value('up{job="sluice"}', 1)
        self.traces = application.python(pipe.grpc, "python")
        application.python(pipe.grpc, "python-delta", delta=True)
        application.node(pipe.http, "node")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with ExitStack() as stack:
        yield Shop(tmp_path_factory.mktemp("shop"), stack)


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture
def server(shop, way):
    return shop.servers[way]


@pytest.fixture(params=APPLICATIONS)
def told(request, server):
    """Labels that choose one application's series; its last export has arrived."""
    labels = f'job="shop/{request.param}",instance="one",via=""'
    server.wait_value(f"http_server_requests_total{{{labels}}}", application.STEPS * application.REQUESTS_A_STEP)
    return labels


def test_the_rate_of_a_counter(server, told):
    counter = f'http_server_requests_total{{{told},http_route="/cart",status="200"}}'
    rate = server.value(f"rate({counter}[1m])")
    # Never more than it does in the shortest step, never less than over the whole window.
    assert application.REQUESTS_A_STEP * 2 / 60 < rate <= application.REQUESTS_A_STEP / 0.1
    assert server.value(f"resets({counter}[1m])") == 0
    assert server.value(f"increase({counter}[1m])") > application.REQUESTS_A_STEP


def test_the_quantile_of_a_classic_histogram(server, told):
    buckets = f"http_server_duration_seconds_bucket{{{told}}}"
    assert len(server.query(buckets)) == len(application.BOUNDARIES) + 1
    # Three quarters: the middle of the second bucket.
    assert server.value(f"histogram_quantile(0.75, {buckets})") == pytest.approx(0.3)
    count = application.STEPS * len(application.DURATIONS)
    assert server.value(f"http_server_duration_seconds_count{{{told}}}") == count
    total = application.STEPS * sum(application.DURATIONS)
    assert server.value(f"http_server_duration_seconds_sum{{{told}}}") == pytest.approx(total)
    assert server.value(f"histogram_quantile(0.75, rate({buckets}[1m]))") == pytest.approx(0.3, rel=0.01)


def test_the_quantile_of_a_native_histogram(server, told):
    histogram = f"payload_size_bytes{{{told}}}"
    sizes = application.SIZES
    assert server.value(f"histogram_count({histogram})") == sizes
    assert server.value(f"histogram_sum({histogram})") == sizes * (sizes + 1) / 2
    for quantile in (0.1, 0.5, 0.9):
        found = server.value(f"histogram_quantile({quantile}, {histogram})")
        # Within a bucket: 2^(1/16) at the least of these scales.
        assert found == pytest.approx(quantile * sizes, rel=0.05), quantile
    assert server.value(f"histogram_quantile(0.5, rate({histogram}[1m]))") > 0


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_quantile_of_a_histogram_with_custom_buckets(shop, name):
    """What an SDK counts with explicit bounds, sent as a native histogram (NHCB): the classic one's answers."""
    server = shop.servers["written as 2.0"]
    labels = f'job="shop/{name}",instance="one",via="nhcb"'
    histogram = f"http_server_duration_seconds{{{labels}}}"
    server.wait_value(f"histogram_count({histogram})", application.STEPS * len(application.DURATIONS))
    total = application.STEPS * sum(application.DURATIONS)
    assert server.value(f"histogram_sum({histogram})") == pytest.approx(total)
    assert server.value(f"histogram_quantile(0.75, {histogram})") == pytest.approx(0.3)
    assert server.value(f"histogram_quantile(0.75, rate({histogram}[1m]))") == pytest.approx(0.3, rel=0.01)
    ((_, stored),) = server.read(__name__="~http_server_duration_seconds.*", job=f"shop/{name}", via="nhcb").items()
    assert {each.schema for each in stored} == {-53}, "one series, and no classic buckets"
    assert {tuple(each.custom_values) for each in stored} == {tuple(application.BOUNDARIES)}


def test_a_sum_that_is_no_counter_is_a_gauge(server, told):
    assert server.value(f"queue_length{{{told}}}") == application.QUEUE


def test_a_join_with_target_info(server, told):
    joined = server.query(
        f"http_server_requests_total{{{told}}} * on (job, instance) "
        f"group_left (deployment_environment_name) target_info{{{told}}}"
    )
    (one,) = joined
    assert one["metric"]["deployment_environment_name"] == application.RESOURCE["deployment.environment.name"]
    assert float(one["value"][1]) == application.STEPS * application.REQUESTS_A_STEP


def test_the_scope_is_told(server, told):
    (one,) = server.query(f"queue_length{{{told}}}")
    assert one["metric"]["otel_scope_name"] == "shop.meter"
    assert one["metric"]["otel_scope_version"] == "1.2.3"


def test_exemplars_lead_to_traces(shop, server, way):
    labels = 'job="shop/python",instance="one",via=""'
    server.wait_value(f"http_server_requests_total{{{labels}}}", application.STEPS * application.REQUESTS_A_STEP)
    names = ["http_server_duration_seconds_bucket", "http_server_requests_total"]
    if way.startswith("written"):
        # Of native histograms, 2.42 stores none that it scrapes.
        names.append("payload_size_bytes")
    for name in names:
        found = server.exemplars(f"{name}{{{labels}}}")
        ids = {one["labels"]["trace_id"] for each in found for one in each["exemplars"]}
        assert ids and ids <= shop.traces, name


def test_what_is_scraped_is_up(shop, way, server):
    if way.startswith("pulled"):
        assert server.wait_value('up{job="sluice"}', 1) == 1


def test_types_and_help_are_told(server, way):
    if way.startswith("written"):
        pytest.skip("a server tells only of what it scrapes")
    server.wait_value('http_server_requests_total{job="shop/python",via=""}', lambda value: value > 0)
    counter = server.metadata("http_server_requests") or server.metadata("http_server_requests_total")
    assert (counter["type"], counter["help"]) == ("counter", "Requests served.")
    assert server.metadata("http_server_duration_seconds")["type"] == "histogram"
    assert server.metadata("payload_size_bytes")["type"] == "histogram"
    assert server.metadata("queue_length")["type"] == "gauge"


@pytest.mark.parametrize("way, labels", [("written as 2.0", 'via="utf8"'), ("pulled by 3", 'exported_instance="one"')])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_names_in_utf8(shop, way, labels, name):
    server = shop.servers[way]
    total = application.STEPS * application.REQUESTS_A_STEP
    job = "job" if way.startswith("written") else "exported_job"
    chosen = f'{labels},{job}="shop/{name}"'
    server.wait_value(f'{{"http.server.requests","http.route"="/cart",{chosen}}}', total)
    assert server.value(f'histogram_count({{"payload.size",{chosen}}})') == application.SIZES
