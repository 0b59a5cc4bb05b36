"""One target, scraped by Prometheus itself and by a sender into a second Prometheus: what each of the two stores."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from . import senders, waiting
from . import stored as trees
from .prometheus import EITHER, Prometheus
from .remote_write import Sample, bits

# A series is `name{a="b"}`; what it has at a scrape is text, so that `1`, a stale marker and nothing are three things.
Stored = dict[str, dict[str, str]]


class Twice:
    """`name` is the sender's, `server` the version of both Prometheus servers."""

    def __init__(self, directory: Path, server: str, name: str, jobs: list[dict]):
        self.name, self.server, kind = name, server, EITHER[server]
        version = 1 if kind is Prometheus else 2
        self.second = kind(directory)
        self.second.wait_ready()
        self.direct = kind(directory, jobs)
        # Another query: a scripted target tells the two apart by it.
        marked = [{**job, "params": {**job.get("params", {}), "through": ["sender"]}} for job in jobs]
        self.sender = (senders.BY_NAME | {"relay": senders.Relay})[name](directory, version, marked, [self.second.url])
        self.direct.wait_ready()

    def wait(self, job: str, scrapes: int, seconds: float = 40.0):
        """Until both servers have so many scrapes of a job."""

        def enough() -> bool:
            return all(len(ups(server.read(__name__="up", job=job))) >= scrapes for server in (self.direct, self.second))

        waiting.until(enough, lambda: f"{scrapes} scrapes of {job} by both: {self.sender.log()[-2000:]}", seconds)

    def assert_same(self, job: str, scrapes: int, expected: dict[str, str], ignore: Iterable[str] = ()) -> Stored:
        """Both store the same of the first scrapes, but for what is expected. What the first server has is returned."""
        self.wait(job, scrapes + 1)
        deadline = time.monotonic() + 30
        while True:
            direct, second = (stored(server, job, scrapes, ignore) for server in (self.direct, self.second))
            try:
                trees.assert_same_but_for(direct, second, expected)
                return direct
            except AssertionError:
                # Requests of other series may still be on their way.
                if time.monotonic() > deadline:
                    raise

    def close(self):
        for each in (self.sender, self.direct, self.second):
            each.kill()


def ups(series: dict[tuple, list]) -> list[int]:
    """The timestamps of a job's scrapes. It has one target."""
    return next(([sample.at for sample in series[key]] for key in series if ("__name__", "up") in key), [])


def stored(server: Prometheus, job: str, scrapes: int, ignore: Iterable[str] = ()) -> Stored:
    """The first scrapes of a job, after which there was another: by series, and by number of the scrape.
    Bounds of buckets and quantiles are numbers here: how they are written is another question."""
    found = server.read(job=job)
    times = ups(found)
    number = {at: f"{index:02}" for index, at in enumerate(times[:scrapes])}
    tree: Stored = {}
    for labels, samples in found.items():
        name = dict(labels)["__name__"]
        if name in ignore:
            continue
        shown = ((key, bound(value) if key in ("le", "quantile") else value) for key, value in labels)
        text = ",".join(f"{key}={value!r}" for key, value in shown if key not in ("__name__", "job", "instance"))
        series = tree.setdefault(f"{name}{{{text}}}", {})
        for sample in samples:
            at = sample.at if isinstance(sample, Sample) else sample.timestamp
            if at < times[scrapes]:
                series[number.get(at, f"at {at}")] = told(sample)
    return {series: samples for series, samples in tree.items() if samples}


def bound(value: str) -> str:
    """The number, however it is written: `1`, `1.0`, `1e0`."""
    try:
        return repr(float(value))
    except ValueError:
        return value


def told(sample) -> str:
    if isinstance(sample, Sample):
        return "stale" if sample.stale else f"{sample.value!r} {bits(sample.value):016x}"
    if Sample(0, sample.sum).stale:
        return "stale histogram"
    count, zero = (
        getattr(sample, sample.WhichOneof(one)) if sample.WhichOneof(one) else 0 for one in ("count", "zero_count")
    )
    positive = expand(sample.positive_spans, sample.positive_deltas, sample.positive_counts)
    negative = expand(sample.negative_spans, sample.negative_deltas, sample.negative_counts)
    return (
        f"count {count:g} sum {sample.sum!r} schema {sample.schema} zero {zero:g} to {sample.zero_threshold!r} "
        f"positive {positive} negative {negative} custom {list(sample.custom_values)}"
    )


def expand(spans, deltas, counts=()) -> dict[int, float]:
    """Observations by absolute index, empty buckets left out: how they are laid out may differ."""
    out, index, count, left, absolute = {}, 0, 0, list(deltas), list(counts)
    for span in spans:
        index += span.offset
        for _ in range(span.length):
            count = absolute.pop(0) if absolute else count + left.pop(0)
            out[index] = count
            index += 1
    assert not left and not absolute, "more buckets than the spans have"
    return {index: count for index, count in out.items() if count}
