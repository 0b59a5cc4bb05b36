"""One target, scraped by Prometheus itself and by a sender into a second Prometheus: what each of the two stores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from . import waiting
from .prometheus import EITHER, Prometheus
from .remote_write import Sample, bits

# A series is `name{a="b"}`; what it has at a scrape is text, so that `1`, a stale marker and nothing are three things.
Stored = dict[str, dict[str, str]]


class Twice:
    """`start` makes the sender: it gets a folder, the version of the protocol, scrape configurations and a URL."""

    def __init__(self, directory: Path, server: str, start, jobs: list[dict]):
        kind = EITHER[server]
        version = 1 if kind is Prometheus else 2
        self.second = kind(directory)
        self.second.wait_ready()
        self.direct = kind(directory, [known(kind, job) for job in jobs])
        # Another path: a scripted target tells the two apart by it.
        marked = [{**job, "params": {**job.get("params", {}), "through": ["sender"]}} for job in jobs]
        self.sender = start(directory, version, [known(kind, job) for job in marked], [self.second.url])
        self.direct.wait_ready()

    def wait(self, job: str, scrapes: int, seconds: float = 40.0):
        """Until both servers have so many scrapes of a job."""

        def enough() -> bool:
            return all(len(ups(server, job)) >= scrapes for server in (self.direct, self.second))

        waiting.until(enough, lambda: f"{scrapes} scrapes of {job} by both: {self.sender.log()[-2000:]}", seconds)

    def close(self):
        for each in (self.sender, self.direct, self.second):
            each.kill()


def known(kind: type[Prometheus], job: dict) -> dict:
    """What this version knows of a scrape configuration: 2.42 has a flag for native histograms."""
    return job if kind is not Prometheus else {key: job[key] for key in job if key != "scrape_native_histograms"}


def ups(server: Prometheus, job: str) -> list[int]:
    """The timestamps of a job's scrapes. It has one target."""
    found = list(server.read(__name__="up", job=job).values())
    return [sample.at for sample in found[0]] if found else []


def stored(server: Prometheus, job: str, scrapes: int, ignore: Iterable[str] = ()) -> Stored:
    """The first scrapes of a job: by series, and by number of the scrape; with a target's own timestamps by those."""
    number = {at: f"{index:02}" for index, at in enumerate(ups(server, job))}
    end = list(number)[scrapes] if len(number) > scrapes else None
    tree: Stored = {}
    for labels, samples in server.read(job=job).items():
        name = dict(labels)["__name__"]
        if name in ignore:
            continue
        text = ",".join(f"{key}={value!r}" for key, value in labels if key not in ("__name__", "job", "instance"))
        series = tree.setdefault(f"{name}{{{text}}}", {})
        for sample in samples:
            at = sample.at if isinstance(sample, Sample) else sample.timestamp
            if at in number and end is not None and at >= end:
                continue
            series[number.get(at, f"at {at}")] = told(sample)
    return {series: samples for series, samples in tree.items() if samples}


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
