"""What prometheus/compliance asks of a sender of remote write, row by row, in both versions of the protocol.

Each row is asked of Prometheus too: a row that it does not pass would be a row that is told wrong.
"""

from __future__ import annotations

import math
import re
import struct
import time

import pytest

from harness import idl, pages, senders
from harness.remote_write import V1, V2, RemoteWriteSink
from harness.targets import Target
from harness.twice import expand

NAME = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
LABEL = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_]*$")
# Scrapes that are waited for, so that what repeats has repeated.
ENOUGH = 3


class Way:
    """A sender and a version of the protocol, with everything that it sent of three targets."""

    def __init__(self, name: str, directory):
        self.sender, self.version = name[:-2], int(name[-1])
        self._directory = directory

    def __enter__(self):
        self.text = pages.text()
        self._open = [Target(pages.open_metrics()), Target(self.text), Target(pages.native()), RemoteWriteSink()]
        om, text, proto, self.sink = [each.__enter__() for each in self._open]
        jobs = senders.jobs(om=om, text=text, proto=(proto, {"scrape_native_histograms": True}))
        self.running = senders.BY_NAME[self.sender](self._directory, self.version, jobs, [self.sink.url])
        return self

    def wait(self):
        for job in ("om", "text", "proto"):
            self.sink.wait_for("up", ENOUGH, job=job)
        self.sink.wait(lambda sink: sink.series("native_seconds"), "the native histogram")
        self.sink.wait(lambda sink: "requests" in str(sink.metadata()), "metadata")

    def __exit__(self, *_):
        self.running.kill()
        for each in self._open:
            each.__exit__(None, None, None)

    @property
    def sluice(self) -> bool:
        return self.sender == "sluice"


WAYS = [f"{sender} {version}" for sender in senders.BY_NAME for version in (1, 2)]


@pytest.fixture(scope="module", params=WAYS)
def way(request, tmp_path_factory):
    with Way(request.param, tmp_path_factory.mktemp("way")) as way:
        way.wait()
        yield way


@pytest.fixture(scope="module")
def received(way):
    return way.sink.received


@pytest.fixture(scope="module")
def series(received):
    return [one for request in received for one in request.series]


def named(series, name, **labels):
    return [one for one in series if one.name == name and one.has(**labels)]


def one(series, name, **labels):
    """The first of a series with anything but exemplars; there is one."""
    return next(each for each in named(series, name, **labels) if each.samples or each.histograms)


# protocol


def test_protocol_a_post_of_protobuf_that_says_its_version(way, received):
    for request in received:
        assert request.headers["content-type"].startswith(V1)
        assert request.headers["content-encoding"] == "snappy"
        version = request.headers["x-prometheus-remote-write-version"]
        if way.version == 2:
            assert request.headers["content-type"] == V2
            assert re.fullmatch(r"2\.0\.\d+", version), version
        else:
            assert request.headers["content-type"] in (V1, f"{V1};proto=prometheus.WriteRequest")
            assert version == "0.1.0"


def test_protocol_the_user_agent_tells_who_sends(way, received):
    for request in received:
        assert request.headers["user-agent"].strip()
    if way.sluice:
        assert all("sluice" in request.headers["user-agent"].lower() for request in received)


def test_protocol_the_body_is_a_snappy_block_of_the_message(received):
    for request in received:
        assert not request.body.startswith(b"\xff\x06\x00\x00sNaPpY"), "the framed format"
        # Decodes, and nothing in it is unknown to the message.
        known = type(request.message).FromString(idl.unpack(request.body))
        known.DiscardUnknownFields()
        assert known.ByteSize() == request.message.ByteSize()


# labels


def test_labels_are_sorted_unique_and_never_without_a_name(series):
    for each in series:
        names = [name for name, _ in each.labels]
        assert names == sorted(names, key=str.encode), names
        assert len(names) == len(set(names)), names
        assert all(names)
        assert "__name__" in names


def test_labels_have_names_that_prometheus_takes(series):
    for each in series:
        assert NAME.match(each.name), each.name
        for name, _ in each.labels:
            assert LABEL.match(name), name
            assert name == "__name__" or not name.startswith("__"), name


@pytest.mark.parametrize("kind", pages.LABELS)
def test_labels_values_arrive_as_they_are(series, kind):
    assert dict(one(series, "labels", kind=kind).labels)["value"] == pages.LABELS[kind]


def test_labels_fifty_of_them_arrive(series):
    labels = dict(one(series, "many").labels)
    assert {name: labels[name] for name in labels if name.startswith("label_")} == {
        f"label_{number:02}": str(number) for number in range(50)
    }


def test_labels_names_sort_by_their_bytes(series):
    names = [name for name, _ in one(series, "order").labels]
    assert names == ["Middle", "__name__", "_under", "apple", "instance", "job", "le", "quantile", "zebra"]


def test_labels_an_empty_value_is_no_label(series):
    assert dict(one(series, "empty").labels).keys() == {"__name__", "instance", "job", "kept"}


def test_labels_a_name_of_500_characters_arrives(series):
    assert one(series, "n" * 500).samples


# samples


@pytest.mark.parametrize("kind", pages.VALUES)
def test_samples_values_arrive_with_every_bit(series, kind):
    value, wanted = one(series, "value", kind=kind).samples[0].value, float(pages.VALUES[kind])
    if math.isnan(wanted):
        assert struct.pack(">d", value).hex() == "7ff8000000000001"
    else:
        assert struct.pack(">d", value) == struct.pack(">d", wanted)


def test_samples_tell_their_target(series):
    for each in series:
        labels = dict(each.labels)
        assert labels["job"] in ("om", "text", "proto")
        assert re.fullmatch(r"127\.0\.0\.1:\d+", labels["instance"])


def test_samples_of_a_series_are_in_order_within_and_across_requests(series):
    last: dict = {}
    for each in series:
        for sample in [*each.samples, *each.histograms]:
            at = sample.at if hasattr(sample, "at") else sample.timestamp
            before = last.get(each.key)
            # A timestamp of the target's own comes again with each scrape.
            own = each.name in ("stamped", "later")
            assert before is None or at > before or (own and at == before), each.labels
            last[each.key] = at
    assert len(last) > 50


# symbols


def test_symbols_start_with_nothing_and_are_used_and_unique(way, received):
    if way.version == 1:
        pytest.skip("version 1 has none")
    for request in received:
        symbols = list(request.message.symbols)
        assert symbols[0] == ""
        assert len(symbols) == len(set(symbols))
        used = {0}
        for each in request.message.timeseries:
            refs = [*each.labels_refs, *(ref for exemplar in each.exemplars for ref in exemplar.labels_refs)]
            assert len(each.labels_refs) % 2 == 0
            assert max(refs) < len(symbols)
            used |= {*refs, each.metadata.help_ref, each.metadata.unit_ref}
        assert used == set(range(len(symbols)))


# timestamps


def test_timestamps_are_milliseconds_of_now(series):
    now = time.time() * 1000
    for each in series:
        if each.name in ("stamped", "later"):
            continue
        for sample in each.samples:
            assert 0 <= now - sample.at < 300_000, each.labels


def test_timestamps_of_the_target_are_kept(way, series):
    wanted = dict(re.findall(r"^(stamped|later) \d+ (\d+)$", way.text, re.MULTILINE))
    for name, at in wanted.items():
        assert {sample.at for sample in one(series, name).samples} == {int(at)}


def test_timestamps_of_creation_become_start_timestamps(way, series):
    if not (way.sluice and way.version == 2):
        pytest.skip("version 1 has none; Prometheus sends them with a feature flag")
    for code in ("200", "500"):
        assert {each.start for each in one(series, "requests_total", code=code).samples} == {int(pages.CREATED * 1000)}
    assert {each.start for each in one(series, "temperature_celsius").samples} == {0}


# histograms


def test_histograms_are_whole(series):
    buckets = {
        float(dict(each.labels)["le"]): each.samples[0].value
        for each in named(series, "latency_seconds_bucket")
        if each.samples
    }
    assert buckets == {0.1: 10, 1.0: 15, math.inf: 17}
    assert one(series, "latency_seconds_sum").samples[0].value == 21.5
    assert one(series, "latency_seconds_count").samples[0].value == 17
    assert len({one(series, f"latency_seconds_{part}").samples[0].at for part in ("bucket", "sum", "count")}) == 1


def test_histograms_that_are_native_arrive_native(series):
    histogram = one(series, "native_seconds", route="/a").histograms[0]
    assert (histogram.count_int, histogram.sum, histogram.schema) == (21, 33.25, 3)
    assert histogram.zero_count_int == 2
    assert expand(histogram.positive_spans, histogram.positive_deltas) == {-1: 4, 0: 5, 3: 3, 4: 2}
    assert expand(histogram.negative_spans, histogram.negative_deltas) == {2: 5}


def test_histograms_and_samples_are_never_in_one_series(series):
    for each in series:
        assert not (each.samples and each.histograms), each.labels


# exemplars


def exemplars(series, name, **labels):
    return [exemplar for each in named(series, name, **labels) for exemplar in each.exemplars]


def test_exemplars_of_counters_and_buckets_arrive_with_their_ids(series):
    for found in (exemplars(series, "requests_total", code="200"), exemplars(series, "latency_seconds_bucket", le="0.1")):
        assert found
        assert found[0].labels == {"trace_id": pages.TRACE, "span_id": pages.SPAN, "user": "ü"}
        assert found[0].at == int(pages.CREATED * 1000)
    assert exemplars(series, "requests_total", code="200")[0].value == 7.5


def test_exemplars_without_a_timestamp_have_that_of_the_scrape(series):
    found = exemplars(series, "latency_seconds_bucket", le="+Inf")
    assert found[0].value == 3.0
    assert 0 <= time.time() * 1000 - found[0].at < 300_000


def test_exemplars_are_only_where_they_were_exposed(series):
    names = {each.name for each in series if each.exemplars}
    assert names == {"requests_total", "latency_seconds_bucket"}


# metadata


def test_metadata_tells_type_help_and_unit(way, series):
    told = way.sink.metadata()
    if way.version == 1:
        # By family; Prometheus leaves `_total` away.
        counter = told.get("requests", told.get("requests_total"))
        histogram, summary = told["latency_seconds"], told["size_bytes"]
    else:
        # Prometheus forgets it for what comes after a `_created`.
        counter = one(series, "requests_total", code="200").metadata
        histogram, summary = told["latency_seconds_bucket"], told["size_bytes_sum"]
    assert counter == (idl.COUNTER, 'Requests, with "quotes" and a back\\slash.', "")
    assert histogram == (idl.HISTOGRAM, "How long it takes.", "seconds")
    assert summary == (idl.SUMMARY, "", "bytes")
    assert told["temperature_celsius"] == (idl.GAUGE, "", "celsius")
    assert told["value"][0] == idl.GAUGE
    assert told["native_seconds"] == (idl.HISTOGRAM, "A native histogram.", "")


def test_metadata_is_the_same_for_all_series_of_a_family(way, series):
    if way.version == 1:
        pytest.skip("version 1 tells it by family")
    families = ["latency_seconds_(bucket|sum|count)", "size_bytes(_sum|_count|)", *(["requests_total"] if way.sluice else [])]
    for family in families:
        assert len({each.metadata for each in series if re.fullmatch(family, each.name)}) == 1, family


def test_metadata_of_the_other_types(way):
    told = way.sink.metadata()
    assert told["build_info" if way.version == 2 or "build_info" in told else "build"][0] == idl.INFO
    assert told["mood"][0] == idl.STATE_SET


# edge cases


def test_edge_cases_colons_in_names_arrive(series):
    assert one(series, "job:rule:sum").samples[0].value == 7


def test_edge_cases_a_state_set_an_info_an_unknown_and_a_summary_arrive_side_by_side(series):
    assert one(series, "build_info", version="1.2.3").samples[0].value == 1
    assert one(series, "mood", mood="good").samples[0].value == 1
    assert one(series, "mood", mood="bad").samples[0].value == 0
    assert one(series, "something").samples[0].value == 5
    assert one(series, "untyped_one").samples[0].value == 1
    assert one(series, "size_bytes", quantile="0.99").samples[0].value == 900
    assert one(series, "size_bytes_sum").samples[0].value == 12345.5
    assert one(series, "size_bytes_count").samples[0].value == 67
