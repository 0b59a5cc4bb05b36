"""The same target scraped by Prometheus and by sluice into a second Prometheus: both store the same.

Prometheus in the place of sluice is asked as well: what differs then does not come from sluice.
"""

from __future__ import annotations

from contextlib import ExitStack

import prometheus_client
import pytest

from harness import senders, stored as trees
from harness.prometheus import Prometheus
from harness.serving import reply
from harness.targets import TEXT, NodeExporter, PythonClient, Redis, RedisExporter, Target, status
from harness.twice import Twice, stored

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
SENDERS = {
    "prometheus": lambda *arguments: senders.prometheus(*arguments),
}


@pytest.fixture(scope="module", params=["2.42", "3"])
def server(request):
    return request.param


@pytest.fixture(params=SENDERS)
def twice(request, server, tmp_path):
    """Starts everything for these jobs."""
    started = []

    def start(jobs: list[dict]) -> Twice:
        started.append(Twice(tmp_path, server, SENDERS[request.param], jobs))
        return started[0]

    yield start
    for each in started:
        each.close()


def assert_stored_the_same(both: Twice, job: str, scrapes: int, but: dict[str, str] | None = None):
    both.wait(job, scrapes + 1)
    direct, second = (stored(server, job, scrapes, DURATIONS) for server in (both.direct, both.second))
    trees.assert_same_but_for(direct, second, but or {})
    return direct


def test_a_script_of_everything_that_happens_is_stored_the_same(twice):
    with Target(*SCRIPT) as target:
        both = twice(senders.jobs(script=(target, {"metric_relabel_configs": RELABEL})))
        direct = assert_stored_the_same(both, "script", len(SCRIPT))
    # The script has shown what it is for.
    assert list(direct["up{}"].values()).count("0.0 0000000000000000") >= 2
    assert "stale" in direct["comes_and_goes{}"].values()
    assert direct["kept{new_name='red'}"]
    assert "labelled{exported_instance='here',exported_job='other',le='x'}" in direct


# Real exporters, which never say quite the same twice.


@pytest.fixture(scope="module", params=SENDERS)
def real(request, server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    with ExitStack() as stack:

        def start(kind, *more):
            one = kind(folder, *more)
            stack.callback(one.kill)
            one.wait_ready()
            return one

        python, other = stack.enter_context(PythonClient()), PythonClient()
        text = Target(lambda handler: reply(handler, 200, prometheus_client.generate_latest(other.registry), TEXT))
        targets = {
            "node": start(NodeExporter),
            "redis_exporter": start(RedisExporter, start(Redis)),
            "prometheus": start(Prometheus),
            "python": python,
            "python_text": stack.enter_context(text),
        }
        both = Twice(folder, server, SENDERS[request.param], senders.jobs(**targets))
        stack.callback(both.close)
        yield both


SCRAPES = 4
# Series that come and go with what the machine does.
RESTLESS = ("scrape_duration_seconds", "scrape_series_added")


@pytest.mark.parametrize("job", ["node", "redis_exporter", "prometheus", "python", "python_text"])
def test_real_exporters_have_the_same_series_and_values_that_rest_are_equal(real, job):
    real.wait(job, SCRAPES + 1)
    direct, second = (stored(server, job, SCRAPES, RESTLESS) for server in (real.direct, real.second))
    assert len(direct) > 20, direct
    missing, more = direct.keys() - second.keys(), second.keys() - direct.keys()
    assert not missing and not more, (missing, more)
    for series, samples in direct.items():
        mine, others = set(samples.values()), set(second[series].values())
        if len(mine) == 1 or len(others) == 1:
            assert mine & others, (series, samples, second[series])
