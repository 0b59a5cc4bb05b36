"""The same target scraped by Prometheus and by sluice into a second Prometheus: both store the same.

Prometheus in the place of sluice is asked as well: what differs then does not come from sluice.
"""

from __future__ import annotations

import re
import time
import urllib.request
from contextlib import ExitStack

import pytest

from harness import pages, senders, waiting, stored as trees
from harness.prometheus import Prometheus
from harness.targets import OPEN_METRICS, TEXT, NodeExporter, PythonClient, Redis, RedisExporter, Target, status
from harness.twice import Twice, bound, stored

# `relay`: Prometheus scrapes and writes to sluice, which writes on.
SENDERS = [*senders.BY_NAME, "relay"]
# Room for a slow machine: a scrape that times out is another scrape.
INTERVAL = "500ms"
# How long a scrape took is never the same twice.
DURATIONS = ("scrape_duration_seconds",)


def page(counter: int, *more: str, gauge: str = "1.5") -> str:
    """What an application exposes, with a counter that goes on."""
    return "\n".join(
        [
            "# HELP requests_total Requests.",
            "# TYPE requests_total counter",
            f'requests_total{{code="200",path="/a b\\"c"}} {counter}',
            "# TYPE temperature gauge",
            f"temperature {gauge}",
            "# TYPE latency_seconds histogram",
            f'latency_seconds_bucket{{le="0.25"}} {counter}',
            f'latency_seconds_bucket{{le="2.5"}} {2 * counter}',
            f'latency_seconds_bucket{{le="+Inf"}} {2 * counter + 1}',
            f"latency_seconds_sum {counter * 0.75}",
            f"latency_seconds_count {2 * counter + 1}",
            "# TYPE size summary",
            'size{quantile="0.5"} 17',
            f"size_sum {counter * 17}",
            f"size_count {counter}",
            "untyped_one 1",
            *more,
            "",
        ]
    )


SCRIPT = [
    page(1),
    page(2, "comes_and_goes 1", 'labelled{job="other",instance="here",le="x"} 1'),
    # A series vanishes, NaN is no stale marker, infinities.
    page(3, "infinite{sign=\"-\"} -Inf", gauge="NaN"),
    page(4, "comes_and_goes 2", 'labelled{job="other",instance="here",le="x"} 2'),
    # A reset.
    page(1),
    status(500),
    page(2, "comes_and_goes 3"),
    # One bad line: nothing of the page counts.
    page(3, "this is not a sample"),
    page(4, "dropped_by_name 1", 'kept{old_name="renamed",secret="x"} 1'),
    # The same series again, with another value.
    page(5, "twice 1", "twice 2"),
    "",
    page(6),
    # Another format, as when an application is updated.
    page(7, "# EOF").replace("TYPE requests_total", "TYPE requests").replace("HELP requests_total", "HELP requests"),
    status(200, page(8).encode(), "text/html"),
    page(9),
    page(10),
]
RELABEL = [
    {"source_labels": ["__name__"], "regex": "dropped_by_.*", "action": "drop"},
    {"source_labels": ["old_name"], "target_label": "new_name", "regex": "(re).*", "replacement": "${1}d"},
    {"regex": "secret|old_name", "action": "labeldrop"},
]
@pytest.fixture(scope="module", params=["2.42", "3"])
def server(request):
    return request.param


@pytest.fixture(params=SENDERS)
def twice(request, server, tmp_path):
    """Starts everything for these jobs."""
    started = []

    def start(jobs: list[dict]) -> Twice:
        started.append(Twice(tmp_path, server, request.param, jobs))
        return started[0]

    yield start
    for each in started:
        each.close()


# What differs, by sender and server: `(both, series and number of the scrape, why)`.
EXPECTED = [
    ("sluice-*", "*/07", "after a bad line, Prometheus ends only series that it had not read before the line; sluice all"),
    ("sluice-*", "scrape_series_added{}/11", "an empty page is a page without series: they are new when they come again"),
    ("sluice-2.42", "*/13", "a page in HTML is none, as in 3.x; 2.42 reads it"),
    ("relay-2.42", "twice{}/09", "2.42 writes both samples of a page that has a series twice; of two, sluice sends the later"),
]


def test_a_script_of_everything_that_happens_is_stored_the_same(twice):
    with Target(*SCRIPT) as target:
        both = twice(senders.jobs(INTERVAL, script=(target, {"metric_relabel_configs": RELABEL})))
        direct = both.assert_same("script", len(SCRIPT), trees.expected_of(f"{both.name}-{both.server}", EXPECTED), DURATIONS)
    # The script has shown what it is for.
    assert list(direct["up{}"].values()).count("0.0 0000000000000000") >= 2
    assert "stale" in direct["comes_and_goes{}"].values()
    assert direct["kept{new_name='red'}"]
    assert "labelled{exported_instance='here',exported_job='other',le='x'}" in direct


NATIVE = [pages.native(1), pages.native(2), status(500), pages.native(3), (b"", pages.PROTOBUF), pages.native(1)]
UTF8 = [
    f'# TYPE "requests.served" counter\n{{"requests.served","http.route"="/ü"}} {count}\n{{"größe"}} 1\n# EOF\n'
    for count in (1, 2, 3)
]


def test_native_histograms_are_stored_the_same(twice, server):
    if server == "2.42":
        pytest.skip("its remote read has no histograms")
    with Target(*NATIVE, NATIVE[0]) as target:
        both = twice(senders.jobs(INTERVAL, native=(target, {"scrape_native_histograms": True})))
        expected = {"scrape_series_added{}/05": "after an empty page"} if both.name == "sluice" else {}
        direct = both.assert_same("native", len(NATIVE), expected, DURATIONS)
    ((name, samples),) = ((name, samples) for name, samples in direct.items() if name.startswith("native_seconds"))
    assert name == "native_seconds{route='/a'}"
    assert list(samples.values()).count("stale histogram") == 2 and "count 63" in samples["03"]


def test_names_in_utf8_are_stored_the_same(twice, server):
    if server != "3":
        pytest.skip("2.42 does not know them")
    with Target(*UTF8, UTF8[0]) as target:
        both = twice(senders.jobs(INTERVAL, utf8=target))
        direct = both.assert_same("utf8", len(UTF8), {}, DURATIONS)
    assert direct["requests.served{http.route='/ü'}"].keys() == {"00", "01", "02"} and direct["größe{}"]


ODD = """# TYPE whole histogram
whole_bucket{le="1"} 1
whole_bucket{le="+Inf"} 2
whole_sum 3
whole_count 2
# TYPE uncounted histogram
uncounted_bucket{le="1"} 1
uncounted_bucket{le="+Inf"} 2
uncounted_sum 3
# TYPE falling histogram
falling_bucket{le="1"} 5
falling_bucket{le="2"} 3
falling_bucket{le="+Inf"} 5
falling_sum 3
falling_count 5
# TYPE unsummed histogram
unsummed_bucket{le="1"} 1
unsummed_bucket{le="+Inf"} 2
unsummed_count 2
# TYPE unended histogram
unended_bucket{le="1"} 1
unended_sum 3
unended_count 2
# TYPE quantiles summary
quantiles{quantile="0.5"} 1
# TYPE counted summary
counted_sum 1
counted_count 1
# TYPE negative counter
negative -1
no_type 1
"""


def test_what_has_no_form_in_otlp_is_all_that_is_missing(server, tmp_path):
    """Histograms of which something is missing."""
    with Target(ODD) as target:
        both = Twice(tmp_path, server, "sluice", senders.jobs(INTERVAL, odd=target))
        try:
            expected = {
                "falling_*": "a bucket that holds less than a smaller one is none",
                "uncounted_*": "a histogram in OTLP has a count",
                "quantiles{*": "a summary in OTLP has a count",
                "unended_bucket{le='inf'}*": "the count is the last bucket",
            }
            both.assert_same("odd", 3, expected, DURATIONS)
            lost = re.findall(r"^sluice_receiver_rejected_items(?:_total)?{(.*)} (\S+)$", both.sender.metrics(), re.MULTILINE)
            assert sum(float(count) for _, count in lost) >= 3, lost
        finally:
            both.close()


def test_exemplars_are_stored_the_same(server, tmp_path):
    """By sluice alone: Prometheus parts exemplars from samples on the way, and loses some."""
    with Target(pages.open_metrics(exemplars_at=time.time() - 10)) as target:
        both = Twice(tmp_path, server, "sluice", senders.jobs(INTERVAL, om=target))
        try:
            both.wait("om", 3)
            for name in ("requests_total", "latency_seconds_bucket"):
                direct = waiting.until(lambda name=name: exemplars(both.direct, name), "exemplars")
                waiting.until(lambda name=name, direct=direct: exemplars(both.second, name) == direct, f"{direct}")
        finally:
            both.close()


def exemplars(server, name: str) -> set:
    return {
        (bound(each["seriesLabels"].get("le", "")), one["value"], frozenset(one["labels"].items()))
        for each in server.exemplars(f'{name}{{job="om"}}')
        for one in each["exemplars"]
    }


# Real exporters. Live ones never say quite the same twice; a page of theirs that is kept does.


@pytest.fixture(scope="module", params=SENDERS)
def real(request, server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    with ExitStack() as stack:

        def start(kind, *more):
            one = kind(folder, *more)
            stack.callback(one.kill)
            one.wait_ready()
            return one

        live = {
            "node": start(NodeExporter),
            "redis_exporter": start(RedisExporter, start(Redis)),
            "prometheus": start(Prometheus),
            "python": stack.enter_context(PythonClient()),
        }
        live["python_text"] = live["python"]
        kept = {f"{job}_kept": stack.enter_context(Target(kept_page(live[job], accept))) for job, accept in KEPT.items()}
        live["python_text"] = (live["python"], {"scrape_protocols": ["PrometheusText0.0.4"]})
        both = Twice(folder, server, request.param, senders.jobs(INTERVAL, **live, **kept))
        stack.callback(both.close)
        yield both


# In which format a page is kept.
KEPT = {"node": TEXT, "redis_exporter": TEXT, "prometheus": TEXT, "python": OPEN_METRICS, "python_text": TEXT}
SCRAPES = 4


def kept_page(exporter, accept: str) -> tuple[bytes, str]:
    request = urllib.request.Request(f"http://{exporter.address}/metrics", headers={"accept": accept.removesuffix("; charset=utf-8")})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["content-type"].split(";")[0] == accept.split(";")[0]
        return answer.read(), answer.headers["content-type"]


def is_created(series: str) -> bool:
    """In OpenMetrics, what was created when is the start of a series to sluice, not another series."""
    return "_created{" in series


@pytest.mark.parametrize("job", KEPT)
def test_a_real_exporter_has_the_same_series(real, job):
    real.wait(job, SCRAPES + 1)
    direct, second = (
        {series for series in stored(server, job, SCRAPES) if not is_created(series)}
        for server in (real.direct, real.second)
    )
    assert len(direct) > 20
    assert direct == second


@pytest.mark.parametrize("job", KEPT)
def test_a_real_page_is_stored_the_same_to_the_last_bit(real, job):
    expected = {}
    if real.name == "sluice" and KEPT[job] == OPEN_METRICS:
        expected = dict.fromkeys(("*_created{*", "scrape_samples_*", "scrape_series_added{}/00"), is_created.__doc__)
    direct = real.assert_same(f"{job}_kept", SCRAPES, expected, DURATIONS)
    assert len(direct) > 20


def test_bounds_are_numbers_in_otlp_and_written_as_such(real):
    """Prometheus 3 writes `1.0` whatever was exposed, 2.42 what was exposed, here `1.0`; from OTLP it is `1`."""
    if real.name == "relay":
        pytest.skip("a histogram that comes in pieces keeps its texts")
    real.wait("python_kept", SCRAPES)
    for server, wanted in ((real.direct, "1.0"), (real.second, "1" if real.name == "sluice" else "1.0")):
        found = server.read(__name__="latency_seconds_bucket", job="python_kept")
        assert {bound for labels in found for name, bound in labels if name == "le"} >= {wanted, "0.1", "+Inf"}
