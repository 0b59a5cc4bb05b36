"""Row i16: what a scrape target does to a scraper costs its own scrapes, and nothing else."""

from __future__ import annotations

import gzip
import time
from contextlib import ExitStack

import pytest

from harness import config, signals, waiting
from harness.serving import reply
from harness.targets import TEXT, Target, status

MIB = 1 << 20
PAGE = "# TYPE good gauge\ngood 1\n"


def endless(handler, chunk: bytes, encoding: str | None = None, pause: float = 0.0):
    """Goes on until the scraper has had enough of it."""
    handler.send_response(200)
    handler.send_header("content-type", TEXT)
    if encoding:
        handler.send_header("content-encoding", encoding)
    handler.end_headers()
    handler.close_connection = True
    try:
        while True:
            handler.wfile.write(chunk)
            handler.wfile.flush()
            time.sleep(pause)
    except OSError:
        return


def without_end_of_line(handler):
    endless(handler, b"x" * 65536)


def with_many_lines(handler):
    endless(handler, b"".join(b'endless{number="%d"} 1\n' % number for number in range(2000)))


def a_byte_at_a_time(handler):
    endless(handler, b"a", pause=0.05)


def a_head_that_does_not_end(handler):
    handler.close_connection = True
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"x-more: %s\r\n" % (b"y" * 1000))
            handler.wfile.flush()
    except OSError:
        return


BOMB = gzip.compress(bytes(256 * MIB), 9)
SPACES = gzip.compress(b"good 1\n" + b" " * (256 * MIB), 9)


def bomb(handler):
    reply(handler, 200, BOMB, TEXT, content_encoding="gzip")


def bomb_of_spaces(handler):
    reply(handler, 200, SPACES, TEXT, content_encoding="gzip")


def torn(handler):
    reply(handler, 200, gzip.compress(PAGE.encode() * 100)[:-20], TEXT, content_encoding="gzip")


def half(handler):
    handler.send_response(200)
    handler.send_header("content-type", TEXT)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(PAGE.encode())
    handler.close_connection = True


def in_a_circle(handler):
    reply(handler, 302, b"", "text/plain", location="/metrics")


HOSTILE = {
    "endless line": (without_end_of_line, {}),
    "endless lines": (with_many_lines, {}),
    "trickle": (a_byte_at_a_time, {}),
    "endless head": (a_head_that_does_not_end, {}),
    "bomb": (bomb, {}),
    "bomb of spaces": (bomb_of_spaces, {}),
    "torn gzip": (torn, {}),
    "half": (half, {}),
    "circle": (in_a_circle, {}),
    "redirect": (status(302, location="/other"), {"follow_redirects": False}),
    "page for people": (status(200, PAGE.encode(), "text/html"), {}),
    "body over its limit": (PAGE * 1000, {"body_size_limit": "10KB"}),
    "bomb over its limit": (bomb, {"body_size_limit": "1MB"}),
    "samples over their limit": ("".join(f"many{{n=\"{n}\"}} 1\n" for n in range(11)), {"sample_limit": 10}),
    "labels over their limit": ('many{a="1",b="2",c="3"} 1\n', {"label_limit": 4}),
    "label value over its limit": (f'long{{a="{"x" * 101}"}} 1\n', {"label_value_length_limit": 100}),
    "not found": (status(404, PAGE.encode(), TEXT), {}),
    "garbage": ("\x00\xff\x7f{{{ not a page\n", {}),
}


class Scraped:
    """Every hostile target beside a good one, scraped until each has been asked several times."""

    def __init__(self, folder, sink, collector, stack: ExitStack):
        self._sink = sink
        self.targets = {job: stack.enter_context(Target(page)) for job, (page, _) in HOSTILE.items()}
        self.good = stack.enter_context(Target(PAGE))
        jobs = [
            {
                "job_name": job,
                "scrape_interval": "1s",
                "scrape_timeout": "500ms",
                "static_configs": [{"targets": [target.address]}],
                **HOSTILE.get(job, (None, {}))[1],
            }
            for job, target in {**self.targets, "good": self.good}.items()
        ]
        self.running = collector(
            {
                "receivers": {"prometheus": {"config": {"scrape_configs": jobs}}},
                "processors": {"memory_limiter": {"check_interval": "1s", "limit_mib": 256}},
                "exporters": {"otlp": config.to_grpc(sink.endpoint)},
                "service": {
                    # Every line, not the first ten.
                    "telemetry": {"logs": {"sampling": {"enabled": False}}},
                    "pipelines": {
                        "metrics": {"receivers": ["prometheus"], "processors": ["memory_limiter"], "exporters": ["otlp"]}
                    },
                },
            }
        )

    def values(self, name: str, job: str) -> list[float]:
        out = []
        for request in self._sink.requests(signals.METRICS):
            for resource in request.resource_metrics:
                names = {each.key: each.value.string_value for each in resource.resource.attributes}
                if names.get("service.name") != job:
                    continue
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == name:
                            out += [point.as_double for point in metric.gauge.data_points]
        return out

    def wait(self, job: str, scrapes: int) -> list[float]:
        return waiting.until(
            lambda: ups if len(ups := self.values("up", job)) >= scrapes else None,
            lambda: f"{scrapes} scrapes of {job}: {self.running.log()[-2000:]}",
            40,
        )


@pytest.fixture
def scraped(tmp_path, grpc_sink, collector):
    with ExitStack() as stack:
        yield Scraped(tmp_path, grpc_sink, collector, stack)


def test_i16_a_hostile_target_is_down_and_its_neighbours_are_up(scraped):
    for job in HOSTILE:
        ups = scraped.wait(job, 3)
        assert set(ups) == {0.0}, job
        assert scraped.values("scrape_samples_scraped", job)[0] in (0.0, 11.0, 1.0), job
    ups = scraped.wait("good", 5)
    assert set(ups) == {1.0}
    assert set(scraped.values("good", "good")) == {1.0}
    # Nothing of a failed page counts.
    for job in HOSTILE:
        for name in ("good", "endless", "many", "long"):
            assert not scraped.values(name, job), (job, name)
    # A page may be a quarter of the budget; all together may be all of it, beside what the process itself takes.
    assert scraped.running.memory("VmHWM") < (256 + 64) * MIB
    assert scraped.running.is_running()
    said = [line for line in scraped.running.log().splitlines() if "Failed to scrape Prometheus endpoint" in line]
    assert len(said) >= len(HOSTILE)


def test_i16_credentials_do_not_follow_a_redirect_to_another_host(collector, grpc_sink):
    with Target(PAGE) as other, Target(lambda handler: reply(handler, 302, b"", TEXT, location=f"{other.endpoint}/metrics")) as one:
        job = {
            "job_name": "redirected",
            "scrape_interval": "200ms",
            "static_configs": [{"targets": [one.address]}],
            "basic_auth": {"username": "user", "password": "secret"},
        }
        collector(
            {
                "receivers": {"prometheus": {"config": {"scrape_configs": [job]}}},
                "exporters": {"otlp": config.to_grpc(grpc_sink.endpoint)},
                "service": {"pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["otlp"]}}},
            }
        )
        other.wait_asked(2)
        assert all("authorization" in asked for asked in one.asked())
        assert not any("authorization" in asked for asked in other.asked())
