"""The pull exporter, read by parsers that are not ours and scraped by real Prometheus servers."""

from __future__ import annotations

import gzip
import json
import urllib.request

import pytest
from google.protobuf.internal.decoder import _DecodeVarint
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from harness import config, idl, ports, python_sdk, waiting
from harness.collector import Collector
from harness.prometheus import EITHER

OPEN_METRICS = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
MANY = 5000


class Pull:
    """A collector that is scraped at `address`."""

    def __init__(self, directory, **settings):
        self.address = f"127.0.0.1:{ports.free_one()}"
        exporter = {"endpoint": self.address, "enable_open_metrics": True, **settings}
        self.pipe = config.Pipe(exporter, name="prometheus")
        self.pipe.config["service"]["pipelines"] = {"metrics": self.pipe.config["service"]["pipelines"]["metrics"]}
        self.collector = Collector(self.pipe.config, directory).start()

    def send(self, metrics):
        exporter = OTLPMetricExporter(endpoint=self.pipe.grpc, insecure=True)
        assert exporter.export(metrics).name == "SUCCESS"
        exporter.shutdown()
        self.collector.settled_ledger()

    def send_json(self, metrics: list):
        body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()
        headers = {"content-type": "application/json"}
        post = urllib.request.Request(f"{self.pipe.http}/v1/metrics", body, headers)
        with urllib.request.urlopen(post, timeout=20) as answer:
            assert answer.status == 200
        self.collector.settled_ledger()

    def scrape(self, accept: str = "text/plain") -> tuple[str, bytes]:
        headers = {"accept": accept, "accept-encoding": "gzip"}
        request = urllib.request.Request(f"http://{self.address}/metrics", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            return answer.headers["content-type"], gzip.decompress(answer.read())


@pytest.fixture
def pull(tmp_path):
    started = []

    def start(**settings) -> Pull:
        started.append(Pull(tmp_path, **settings))
        return started[-1]

    yield start
    for one in started:
        one.collector.kill()


def families(body: bytes) -> list:
    """Length-delimited messages."""
    found, at = [], 0
    while at < len(body):
        length, at = _DecodeVarint(body, at)
        found.append(idl.MetricFamily.FromString(body[at : at + length]))
        at += length
    return found


def many() -> dict:
    point = lambda number: {  # noqa: E731
        "asInt": str(number),
        "timeUnixNano": "1700000000000000000",
        "attributes": [{"key": "number", "value": {"stringValue": f"the number {number}"}}],
    }
    return {"name": "many", "gauge": {"dataPoints": [point(number) for number in range(MANY)]}}


def test_every_kind_of_the_sdk_is_read_by_prometheus_clients_parsers(pull):
    pull = pull()
    pull.send(python_sdk.metrics("pull"))

    kind, body = pull.scrape()
    assert kind == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    text = {family.name: family for family in parse_text(body.decode())}
    kind, body = pull.scrape(OPEN_METRICS)
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    opened = {family.name: family for family in parse_openmetrics(body.decode())}

    kinds = {
        "counter": "counter",
        "up_down": "gauge",
        "gauge_celsius": "gauge",
        "histogram_milliseconds": "histogram",
        "observable_counter_bytes": "counter",
        "observable_up_down": "gauge",
        "observable_gauge": "gauge",
        "target_info": "gauge",
    }
    assert {name: family.type for name, family in text.items()} == kinds
    assert {name: family.type for name, family in opened.items()} == kinds
    for name, family in opened.items():
        same = lambda samples: {(each.name, frozenset(each.labels.items())): each.value for each in samples}  # noqa: E731
        if kinds[name] != "histogram":
            assert same(family.samples) == same(text[name].samples), name

    [counter] = opened["counter"].samples
    assert counter.value == pytest.approx(4018.503 + 1e9)
    assert counter.labels["text"] == python_sdk.ATTRIBUTES["text"] and counter.labels["job"] == "python-e2e"
    assert counter.labels["otel_scope_name"] == "meter" and counter.labels["otel_scope_scope"] == "attribute"
    assert len(counter.exemplar.labels["trace_id"]) == 32 and opened["counter"].documentation == "counts ünicode"
    assert opened["observable_counter_bytes"].unit == "bytes"
    [target] = opened["target_info"].samples
    assert target.labels["test_id"] == "pull" and "service_name" not in target.labels


def test_protobuf_has_native_histograms_and_starts_and_a_large_family_is_several_messages(pull):
    pull = pull()
    pull.send(python_sdk.metrics("pull"))
    pull.send_json([many()])
    kind, body = pull.scrape(PROTOBUF)
    assert kind.startswith("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily")
    found = families(body)
    messages = [family for family in found if family.name == "many"]
    assert len(messages) > 1 and sum(len(message.metric) for message in messages) == MANY
    by_name = {family.name: family for family in found}
    [exponential] = by_name["exponential_milliseconds"].metric
    native = exponential.histogram
    assert (native.sample_count, native.zero_count) == (6, 1)
    buckets = []
    for delta in native.positive_delta:
        buckets.append((buckets or [0])[-1] + delta)
    assert sum(buckets) == 5 and sum(span.length for span in native.positive_span) == len(buckets)
    assert native.start_timestamp.seconds > 1_600_000_000
    [classic] = by_name["histogram_milliseconds"].metric
    assert classic.histogram.bucket[-1].cumulative_count == 6


@pytest.mark.parametrize("version", EITHER)
def test_prometheus_scrapes_every_series(pull, tmp_path, version):
    pull = pull(send_timestamps=False)
    pull.send(python_sdk.metrics("pull"))
    pull.send_json([many()])
    job = {"job_name": "sluice", "honor_labels": True, "scrape_timeout": "2s", "scrape_interval": "2s"}
    prometheus = EITHER[version](tmp_path, [{**job, "static_configs": [{"targets": [pull.address]}]}])
    try:
        prometheus.wait_ready()
        prometheus.wait_value('up{job="sluice"}', 1)
        prometheus.wait_value("count(many)", MANY)
        prometheus.wait_value("sum(many)", MANY * (MANY - 1) / 2)
        # Both of them ask for protobuf first, where histograms are native.
        prometheus.wait_value('histogram_count(exponential_milliseconds{job="python-e2e"})', 6)
        assert prometheus.value('histogram_quantile(0.99, exponential_milliseconds{job="python-e2e"})') > 4000
        assert prometheus.value("histogram_quantile(0.5, histogram_milliseconds_bucket)") > 0
        joined = 'counter_total * on(job) group_left(test_id) target_info{test_id="pull"}'
        assert prometheus.value(joined) == pytest.approx(4018.503 + 1e9)
        waiting.until(lambda: prometheus.exemplars("counter_total"), "an exemplar")
    finally:
        prometheus.kill()


def test_series_are_scraped_without_a_copy_of_them(pull):
    """Resident memory while a scraper reads slowly stays at what the series take."""
    pull = pull(max_series=0)
    part = many()
    points = part["gauge"]["dataPoints"]
    # 200,000 series: the proportions are those of a million, the time is not.
    for batch in range(40):
        for point in points:
            point["attributes"][0]["value"]["stringValue"] = f"{batch}-{point['asInt']}"
        pull.send_json([part])
    before = pull.collector.memory("VmRSS")
    pull.collector.forget_peak()
    _, body = pull.scrape()
    assert body.count(b"\nmany{") == 40 * MANY
    peak = pull.collector.memory("VmHWM")
    assert peak - before < 8 << 20, f"{(peak - before) >> 20} MiB more for {len(body) >> 20} MiB of text"
