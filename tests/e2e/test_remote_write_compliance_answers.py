"""What prometheus/compliance asks of a sender about answers: retries, backoff, broken servers, the older version.

One sender scrapes one target and writes to a receiver for each case, all at once; Prometheus is asked the same.
"""

from __future__ import annotations

import time

import pytest

from harness import ports, senders, waiting
from harness.remote_write import V2, Received, RemoteWriteSink
from harness.serving import reply
from harness.targets import Target

# `count` tells a scrape by its timestamp; the others make it one of some size.
PAGE = "# TYPE count counter\ncount 1\n"
OTHERS = "# TYPE other gauge\n" + "".join(f'other{{number="{number}"}} 1\n' for number in range(20))

FINAL = (400, 401, 403, 404, 409)
RETRIED = (500, 502, 503, 504)
LONG = b"because " * 1_000_000
BECAUSE = b"out of order sample: this is <why>"


def always(status: int, content: bytes = b"", **headers: str):
    return lambda number, handler: reply(handler, status, content, "text/plain", **headers)


def first(count: int, answer):
    """Only the first requests are answered so; the others succeed."""
    return lambda number, handler: answer(number, handler) if number <= count else None


def raw(content: bytes):
    """Exactly these bytes, and then the connection ends."""

    def answer(_, handler):
        handler.wfile.write(content)
        handler.wfile.flush()
        handler.close_connection = True
        return True

    return answer


def late(_, handler):
    """Longer than the sender waits; then nothing."""
    time.sleep(2)
    handler.close_connection = True
    return True


BROKEN = {
    "no answer": raw(b""),
    "half an answer": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n"),
    "not HTTP": raw(b"\x00\xff garbage\r\n\r\n"),
    "no number": raw(b"HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n"),
    "too late": late,
}
CASES = {
    "200": always(200, b"ignored"),
    "204": always(204),
    **{str(status): always(status, BECAUSE) for status in (*FINAL, 413)},
    **{str(status): first(2, always(status)) for status in RETRIED},
    "backoff": first(5, always(503)),
    "503 with a delay": first(1, always(503, retry_after="1")),
    "a long text": always(400, LONG),
    "a long success": always(200, LONG),
    **{name: first(2, answer) for name, answer in BROKEN.items()},
}
# What only sluice does: Prometheus gives up on 429 unless it is told otherwise, and knows no older version.
OURS = {"429": first(1, always(429, retry_after="1"))}


def _fallback(_, handler):
    return reply(handler, 415, b"", "text/plain") if handler.headers["content-type"] == V2 else None


class Way:
    """A sender, its version, and a sink for each case."""

    def __init__(self, name: str, directory):
        self.sender, self.version = name[:-2], int(name[-1])
        self.target = Target(PAGE + OTHERS).__enter__()
        cases = CASES if self.sender == "prometheus" else CASES | OURS
        if self.sender == "sluice" and self.version == 2:
            cases |= {"415": _fallback}
        self.sinks = {case: RemoteWriteSink() for case in cases}
        for case, sink in self.sinks.items():
            sink.decide = cases[case]
            sink.__enter__()
        # Starts to listen when a test asks for it.
        self.down = RemoteWriteSink()
        nowhere = f"http://does-not-exist.invalid:{ports.free_one()}/api/v1/write"
        urls = [*(sink.url for sink in self.sinks.values()), self.down.url, nowhere]
        jobs = senders.jobs(target=self.target)
        if self.sender == "sluice":
            # One lane, as Prometheus has one shard: a scrape is one request.
            more = {"timeout": "1s", "max_batch_request_parallelism": 1}
            self.running = senders.sluice(directory, self.version, jobs, urls, **more)
        else:
            self.running = senders.prometheus(directory, self.version, jobs, urls, remote_timeout="1s")

    def with_series(self, case: str) -> list[Received]:
        """Requests of metadata alone are left out."""
        return [request for request in self.sinks[case].received if request.series]

    def sent(self, case: str) -> list[list[int]]:
        """The timestamps of `count` in each request that has it."""
        found = [
            [sample.at for one in request.series if one.name == "count" for sample in one.samples]
            for request in self.with_series(case)
        ]
        return [each for each in found if each]

    def wait_sent(self, case: str, requests: int) -> list[list[int]]:
        return waiting.until(
            lambda: self.sent(case) if len(self.sent(case)) >= requests else None,
            lambda: f"{requests} requests, {case}: {self.sent(case)}",
            30,
        )

    def close(self):
        self.running.kill()
        for each in [self.target, *self.sinks.values()]:
            each.__exit__(None, None, None)


WAYS = [f"{sender} {version}" for sender in senders.BY_NAME for version in (1, 2)]


@pytest.fixture(scope="module", params=WAYS)
def way(request, tmp_path_factory):
    way = Way(request.param, tmp_path_factory.mktemp("way"))
    yield way
    way.close()


@pytest.fixture
def sluice(way):
    if way.sender != "sluice":
        pytest.skip("only of sluice")
    return way


def is_alive(way: Way) -> bool:
    return way.running.is_running()


@pytest.mark.parametrize("status", ["200", "204"])
def test_response_a_success_is_one_whatever_it_says(way, status):
    requests = way.wait_sent(status, 5)
    times = [at for each in requests for at in each]
    assert len(times) == len(set(times)), "sent again after a success"
    assert times == sorted(times)
    assert {request.version for request in way.sinks[status].received} == {way.version}, "another version after a success"


@pytest.mark.parametrize("status", FINAL)
def test_retry_a_final_answer_is_final(way, status):
    requests = way.wait_sent(str(status), 5)
    times = [at for each in requests for at in each]
    assert len(times) == len(set(times)), "sent again"


def test_retry_what_is_too_large_is_not_sent_again_as_it_is(way):
    way.wait_sent("413", 5)
    received = [request.body for request in way.with_series("413")]
    assert len(received) == len(set(received))


@pytest.mark.parametrize("status", RETRIED)
def test_retry_a_server_in_need_gets_it_again(way, status):
    requests = way.wait_sent(str(status), 5)
    assert requests[0][0] == requests[1][0] == requests[2][0], requests
    _in_order_but_for_retries(requests)


def _in_order_but_for_retries(requests: list[list[int]]):
    """Each request is the one before again, or later than it."""
    for before, after in zip(requests, requests[1:]):
        assert after == before or after[0] > before[-1] or set(before) <= set(after), (before, after)


def test_backoff_grows(way):
    way.wait_sent("backoff", 6)
    at = [request.at for request in way.sinks["backoff"].received if any(one.name == "count" for one in request.series)]
    gaps = [later - earlier for earlier, later in zip(at[:6], at[1:6])]
    assert all(0.001 <= gap <= 60 for gap in gaps), gaps
    ratios = [later / earlier for earlier, later in zip(gaps, gaps[1:])]
    assert sum(ratios) / len(ratios) >= 0.8, gaps
    assert sum(gaps[3:]) > sum(gaps[:2]), gaps


def test_backoff_a_delay_that_the_server_asks_for_is_kept(way):
    if (way.sender, way.version) == ("prometheus", 1):
        pytest.skip("2.42 keeps it only with 429")
    way.wait_sent("503 with a delay", 2)
    one, other = way.with_series("503 with a delay")[:2]
    assert other.at - one.at >= 1


@pytest.mark.parametrize("case", BROKEN)
def test_error_handling_a_broken_answer_costs_a_retry(way, case):
    requests = way.wait_sent(case, 5)
    assert requests[0][0] == requests[1][0], requests
    _in_order_but_for_retries(requests)
    assert is_alive(way)


def test_error_handling_a_server_that_is_not_there_gets_it_when_it_is(way):
    way.wait_sent("204", 10)
    with way.down as sink:
        samples = sink.wait_for("count", 10)
        assert len({sample.at for sample in samples}) == len(samples)
        # From the start on: what was scraped while there was nobody is not lost.
        assert samples[0].at == way.sent("204")[0][0]
    assert is_alive(way)


def test_error_handling_a_name_that_does_not_resolve_costs_nobody_else(way):
    way.wait_sent("204", 20)
    assert is_alive(way)


def test_response_the_text_of_an_error_is_in_the_log(sluice):
    waiting.until(lambda: BECAUSE.decode() in sluice.running.log(), "the text in the log")


def test_response_a_long_text_is_cut(way):
    way.wait_sent("a long text", 3)
    way.wait_sent("a long success", 3)
    longest = max(len(line) for line in way.running.log().splitlines())
    assert longest < 64 * 1024 + 4096


def test_retry_too_many_requests_are_sent_again_when_the_server_says(sluice):
    requests = sluice.wait_sent("429", 2)
    assert requests[0] == requests[1]
    one, other = sluice.with_series("429")[:2]
    assert other.at - one.at >= 1


def test_fallback_a_server_that_knows_only_version_1_gets_it(sluice):
    if sluice.version == 1:
        pytest.skip("it is version 1")
    requests = sluice.wait_sent("415", 5)
    versions = [request.version for request in sluice.sinks["415"].received]
    assert versions[:2] == [2, 1] and set(versions[1:]) == {1}, "remembered"
    assert requests[0] == requests[1], "the same samples"
