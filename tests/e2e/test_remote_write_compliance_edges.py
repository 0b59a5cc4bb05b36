"""What prometheus/compliance asks of a sender about batches and edges: many series, none, and what is hardly a page."""

from __future__ import annotations

import subprocess

import pytest

from harness import senders, waiting
from harness.collector import binary
from harness.remote_write import RemoteWriteSink
from harness.targets import Target

MANY = 12_000
WAYS = [f"{sender} {version}" for sender in senders.BY_NAME for version in (1, 2)]


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture
def sink():
    with RemoteWriteSink() as sink:
        yield sink


@pytest.fixture
def send(way, sink, tmp_path):
    """Starts a sender that scrapes these pages, a job each, and writes to `sink`."""
    started = []

    def send(interval: str = "200ms", **pages):
        targets = {job: Target(page) for job, page in pages.items()}
        for target in targets.values():
            started.append(target.__enter__())
        running = senders.BY_NAME[way[:-2]](tmp_path, int(way[-1]), senders.jobs(interval, **targets), [sink.url])
        started.append(running)
        return running

    yield send
    for one in started:
        if isinstance(one, Target):
            one.__exit__(None, None, None)
        else:
            one.kill()


def test_batching_many_series_come_in_few_requests_of_at_most_10000(send, sink, way):
    page = "# TYPE many gauge\n" + "".join(f'many{{number="{number}"}} {number}\n' for number in range(MANY))
    send("2s", many=page)

    def all_there():
        found = {dict(one.labels)["number"] for one in sink.series("many")}
        return len(found) == MANY

    waiting.until(all_there, "every series", 40)
    requests = [request for request in sink.received if any(one.name == "many" for one in request.series)]
    for request in requests:
        assert len(request.series) <= 10_000
        assert len({one.key for one in request.series}) == len(request.series), "a series twice"
        if request.version == 2:
            symbols = list(request.message.symbols)
            assert len(symbols) == len(set(symbols))
    assert sum(len(request.series) for request in requests) / len(requests) >= 100


def test_symbols_of_a_small_scrape_are_few(send, sink, way):
    if way[-1] == "1":
        pytest.skip("version 1 has none")
    page = "# HELP a Some.\n# TYPE a counter\n" + "".join(f'a_total{{x="{x}"}} 1\n' for x in "123")
    send(small=page)
    sink.wait_for("up", 3)
    assert max(len(request.message.symbols) for request in sink.received) <= 30


def test_edge_cases_a_scrape_of_nothing_is_a_scrape(send, sink):
    running = send(nothing="")
    assert [sample.value for sample in sink.wait_for("up", 3)][:3] == [1, 1, 1]
    assert sink.samples("scrape_samples_scraped")[0].value == 0
    assert running.is_running()


def test_edge_cases_what_is_no_page_is_down_and_sends_nothing_else(send, sink):
    running = send(word="good 1\nstale StaleNaN\n", good="good 1\n")
    assert [sample.value for sample in sink.wait_for("up", 3, job="word")][:3] == [0, 0, 0]
    sink.wait_for("good", 3, job="good")
    assert not sink.series("good", job="word") and not sink.series("stale")
    assert running.is_running()


def test_edge_cases_a_sample_of_1970_costs_nobody_else(send, sink, way):
    running = send(old="old 1 0\nnew 1\n")
    sink.wait_for("new", 3)
    if way.startswith("sluice"):
        assert {sample.at for sample in sink.samples("old")} <= {0}
    assert running.is_running()


# What only sluice says.


@pytest.mark.parametrize("version", [1, 2])
def test_a_url_with_a_scheme_that_is_none_is_refused_with_its_line(tmp_path, version):
    file = tmp_path / "bad.yaml"
    file.write_text(
        "receivers: {otlp: {protocols: {grpc: {endpoint: localhost:1}}}}\nexporters:\n  prometheus_remote_write:\n"
        f"    endpoint: ftp://localhost/write\n    protobuf_message: {senders.MESSAGES[version]}\n"
        "service: {pipelines: {metrics: {receivers: [otlp], exporters: [prometheus_remote_write]}}}\n"
    )
    done = subprocess.run([binary(), "validate", "--config", str(file)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "exporters.prometheus_remote_write.endpoint" in done.stderr and "bad.yaml:4" in done.stderr, done.stderr


@pytest.mark.parametrize("told", [None, 3])
def test_what_a_server_says_it_has_written_is_what_counts(tmp_path, told):
    """Of version 2.0. Without the headers it is nothing: an old server may have read another message."""
    page = "".join(f'few{{number="{number}"}} 1\n' for number in range(10))
    with Target(page) as target, RemoteWriteSink() as sink:

        def answer(_, handler):
            handler.send_response(204)
            if told is not None:
                handler.send_header("x-prometheus-remote-write-samples-written", str(told))
            handler.end_headers()
            handler.wfile.flush()
            return True

        sink.decide = answer
        running = senders.sluice(tmp_path, 2, senders.jobs(few=target), [sink.url], max_batch_request_parallelism=1)
        try:
            sink.wait_for("few", 3, number="1")

            def rejected():
                (branch,) = running.ledger().values()
                return branch.items["rejected"] and branch.items

            items = waiting.until(rejected, "rejected items")
            # Of 15 samples of a scrape.
            assert items["rejected"] / (items["rejected"] + items["sent"]) == (1 if told is None else 0.8), dict(items)
            running.assert_balanced()
        finally:
            running.kill()
