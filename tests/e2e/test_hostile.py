"""Hostile input costs its sender: refused, bounded in memory, and the neighbours pass."""

from __future__ import annotations

import gzip
import random
import struct
import zlib

import pytest
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from harness import config, otlp_json, python_sdk, raw, signals, wire
from harness.collector import Collector
from harness.sink import GrpcSink

MIB = 1 << 20
JSON = "application/json"
GOOD = wire.request(wire.span())
# What both transports take at most, after decompression.
LIMIT = 20 * MIB
# What reading up to there takes: a buffer that doubles, the old half beside the new whole at its last step, and what the
# allocator has not given back yet.
TO_THE_LIMIT = 2 * LIMIT + 4 * MIB


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with GrpcSink() as sink:
        # Room for what a test sends at once, so that only the rule under test refuses.
        limits = {"grpc": {"max_recv_msg_size_mib": 20}}
        pipe = config.Pipe(config.to_grpc(sink.endpoint, compression="none"), **limits)
        collector = Collector(pipe.config, tmp_path_factory.mktemp("collector")).start()
        # Connections, buffers and threads that every process pays for once.
        for body in (GOOD, wire.request(wire.span(name=b"x" * MIB))):
            assert raw.http_post(pipe.http_port, "/v1/traces", body).status == 200
            assert raw.grpc(pipe.grpc_port, signals.TRACES.method, raw.frame(body)).status == "OK"
        try:
            yield pipe, collector, sink
        finally:
            collector.kill()


@pytest.fixture
def hostile(served):
    """The pipe, inside a test that ends with a collector that runs, serves, and has even accounts."""
    pipe, collector, sink = served
    yield pipe, collector, sink
    assert collector.is_running(), collector.log()
    assert "panicked" not in collector.log()
    before = sink.count(signals.TRACES)
    assert raw.http_post(pipe.http_port, "/v1/traces", GOOD).status == 200
    sink.wait_count(signals.TRACES, before + 1)
    collector.settled_ledger()


class Growth:
    """Resident memory that a block costs at its highest."""

    def __init__(self, collector: Collector, limit: int):
        self._collector, self._limit = collector, limit

    def __enter__(self):
        self._collector.forget_peak()
        self._before = self._collector.memory("VmRSS")

    def __exit__(self, kind, *_):
        if kind is None:
            grown = self._collector.memory("VmHWM") - self._before
            assert grown < self._limit, f"{grown / MIB:.1f} MiB, the limit is {self._limit / MIB:.0f} MiB"


# i1: bodies above the limit.


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_i1_a_body_above_the_limit_is_not_read_to_its_end(hostile, chunked):
    pipe, collector, _ = hostile
    payload = b"\x0a" * 65536
    if chunked:
        head, chunk = "transfer-encoding: chunked\r\n", b"%x\r\n%b\r\n" % (len(payload), payload)
    else:
        head, chunk = "content-length: 1073741824\r\n", payload
    with Growth(collector, TO_THE_LIMIT if chunked else 2 * MIB):
        sent, answer = raw.endless(pipe.http_port, "/v1/traces", head, chunk, most=1 << 30)
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:100]
    # The limit is 20 MiB; the rest is what fits into socket buffers.
    assert sent < (32 * MIB if chunked else 12 * MIB)


def test_i1_a_grpc_message_above_the_limit_is_refused_by_its_prefix(hostile):
    pipe, collector, _ = hostile
    with Growth(collector, 2 * MIB):
        answer = raw.grpc(pipe.grpc_port, signals.TRACES.method, raw.frame(bytes(LIMIT + 1)))
    assert answer.status == "RESOURCE_EXHAUSTED"


# i2: bombs.


def snappy_bomb() -> bytes:
    """Declares 4 GiB in five bytes."""
    return wire.varint((1 << 32) - 1) + b"\x00"


def zstd_bomb(size: int) -> bytes:
    """A frame of blocks that repeat one byte."""
    block = 128 * 1024
    blocks = size // block
    head = b"\x28\xb5\x2f\xfd" + bytes([0x00, 0x58])
    run = [struct.pack("<I", (block << 3 | 1 << 1 | (n == blocks - 1)))[:3] + b"\0" for n in range(blocks)]
    return head + b"".join(run)


BOMBS = {
    "gzip": lambda: gzip.compress(bytes(256 * MIB), 1),
    "deflate": lambda: zlib.compress(bytes(256 * MIB), 1),
    "zstd": lambda: zstd_bomb(256 * MIB),
    "snappy": snappy_bomb,
}


@pytest.mark.parametrize("encoding", BOMBS)
def test_i2_a_bomb_is_refused_at_the_cap(hostile, encoding):
    pipe, collector, _ = hostile
    bomb = BOMBS[encoding]()
    with Growth(collector, TO_THE_LIMIT):
        assert raw.http_post(pipe.http_port, "/v1/traces", bomb, content_encoding=encoding).status == 413
    if encoding == "deflate":
        return  # gRPC has no such encoding here; see the status table for unknown ones
    with Growth(collector, TO_THE_LIMIT):
        frame = raw.frame(bomb, compressed=True)
        answer = raw.grpc(pipe.grpc_port, signals.TRACES.method, frame, grpc_encoding=encoding)
    assert answer.status == "RESOURCE_EXHAUSTED"
    assert answer.retry_delay() is None


def test_i2_stacked_truncated_and_unknown_encodings(hostile):
    pipe, _, _ = hostile
    twice = gzip.compress(BOMBS["gzip"]())
    refused = raw.http_post(pipe.http_port, "/v1/traces", twice, content_encoding="gzip, gzip").status
    assert refused in (400, 413, 415)
    assert raw.http_post(pipe.http_port, "/v1/traces", gzip.compress(GOOD)[:-4], content_encoding="gzip").status == 400
    assert raw.http_post(pipe.http_port, "/v1/traces", GOOD, content_encoding="gzip").status == 400
    assert raw.http_post(pipe.http_port, "/v1/traces", GOOD, content_encoding="x-unknown").status == 415


def test_i2_concatenated_gzip_members_are_one_body(hostile):
    pipe, _, sink = hostile
    before = sink.count(signals.TRACES)
    body = gzip.compress(GOOD) + gzip.compress(GOOD)
    assert raw.http_post(pipe.http_port, "/v1/traces", body, content_encoding="gzip").status == 200
    sink.wait_count(signals.TRACES, before + 2)


# i3: many empty elements, whose decoded form would be a hundred times as large.

METRIC = [1, 2, 2]
BOMB_FIELDS = {
    # name: signal, path of the messages around, the repeated element, times
    "resource_spans": (signals.TRACES, [], wire.field(1, b"")),
    "scope_spans": (signals.TRACES, [1], wire.field(2, b"")),
    "spans": (signals.TRACES, [1, 2], wire.field(2, b"")),
    "span attributes": (signals.TRACES, [1, 2, 2], wire.field(9, b"")),
    "span events": (signals.TRACES, [1, 2, 2], wire.field(11, b"")),
    "span links": (signals.TRACES, [1, 2, 2], wire.field(13, b"")),
    "event attributes": (signals.TRACES, [1, 2, 2, 11], wire.field(3, b"")),
    "link attributes": (signals.TRACES, [1, 2, 2, 13], wire.field(4, b"")),
    "array values": (signals.TRACES, [1, 2, 2, 9, 2, 5], wire.field(1, b"")),
    "kvlist values": (signals.TRACES, [1, 2, 2, 9, 2, 6], wire.field(1, b"")),
    "entity refs": (signals.TRACES, [1, 1], wire.field(3, b"")),
    "entity id keys": (signals.TRACES, [1, 1, 3], wire.field(3, b"")),
    "entity description keys": (signals.TRACES, [1, 1, 3], wire.field(4, b"")),
    "resource attributes": (signals.TRACES, [1, 1], wire.field(1, b"")),
    "scope attributes": (signals.TRACES, [1, 2, 1], wire.field(3, b"")),
    "metrics": (signals.METRICS, [1, 2], wire.field(2, b"")),
    "metric metadata": (signals.METRICS, METRIC, wire.field(12, b"")),
    "gauge points": (signals.METRICS, [*METRIC, 5], wire.field(1, b"")),
    "sum points": (signals.METRICS, [*METRIC, 7], wire.field(1, b"")),
    "histogram points": (signals.METRICS, [*METRIC, 9], wire.field(1, b"")),
    "exponential points": (signals.METRICS, [*METRIC, 10], wire.field(1, b"")),
    "summary points": (signals.METRICS, [*METRIC, 11], wire.field(1, b"")),
    "exemplars": (signals.METRICS, [*METRIC, 5, 1], wire.field(5, b"")),
    "exemplar attributes": (signals.METRICS, [*METRIC, 5, 1, 5], wire.field(7, b"")),
    "log records": (signals.LOGS, [1, 2], wire.field(2, b"")),
    "log attributes": (signals.LOGS, [1, 2, 2], wire.field(6, b"")),
    "log array values": (signals.LOGS, [1, 2, 2, 5, 5], wire.field(1, b"")),
}
# Numbers of eight bytes for each byte on the wire at most, as honest histograms have them: no bombs.
NUMBER_FIELDS = {
    "quantiles": (signals.METRICS, [*METRIC, 11, 1], wire.field(6, b"") * 2_000_000),
    "bucket counts": (signals.METRICS, [*METRIC, 9, 1], wire.field(6, bytes(4_000_000))),
    "bucket counts, unpacked": (signals.METRICS, [*METRIC, 9, 1], (b"\x31" + bytes(8)) * 440_000),
    "explicit bounds": (signals.METRICS, [*METRIC, 9, 1], wire.field(7, bytes(4_000_000))),
    "positive buckets": (signals.METRICS, [*METRIC, 10, 1, 8], wire.field(2, bytes(4_000_000))),
    "negative buckets": (signals.METRICS, [*METRIC, 10, 1, 9], wire.field(2, bytes(4_000_000))),
    "buckets, unpacked": (signals.METRICS, [*METRIC, 10, 1, 8], b"\x10\x00" * 2_000_000),
}


REFUSED = [413, "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"]
TAKEN = [200, "OK", "OK"]


def three_ways(pipe: config.Pipe, collector: Collector, signal: signals.Signal, body: bytes) -> list:
    """The same request as gzip over HTTP and gRPC, and as it is over gRPC: what is answered. Each takes less than
    8 MiB, its own bytes included."""
    compressed = gzip.compress(body, 1)
    frame = raw.frame(compressed, compressed=True)
    answers = []
    for send in (
        lambda: raw.http_post(pipe.http_port, signal.path, compressed, content_encoding="gzip"),
        lambda: raw.grpc(pipe.grpc_port, signal.method, frame, grpc_encoding="gzip"),
        lambda: raw.grpc(pipe.grpc_port, signal.method, raw.frame(body)),
    ):
        with Growth(collector, 8 * MIB):
            answer = send()
            collector.settled_ledger()
        assert isinstance(answer, raw.HttpAnswer) or answer.retry_delay() is None
        answers.append(answer.status)
    return answers


@pytest.mark.parametrize("name", BOMB_FIELDS)
def test_i3_element_bomb_is_refused_before_allocation(hostile, name):
    """Two million empty elements: 4 MB of protobuf, and from 64 MB to half a gigabyte of structs if anybody decoded
    them."""
    pipe, collector, _ = hostile
    signal, path, element = BOMB_FIELDS[name]
    assert three_ways(pipe, collector, signal, wire.nested(path, element * 2_000_000)) == REFUSED


@pytest.mark.parametrize("name", NUMBER_FIELDS)
def test_i3_lists_of_numbers_are_refused_or_cost_their_bytes(hostile, name):
    pipe, collector, _ = hostile
    signal, path, numbers = NUMBER_FIELDS[name]
    assert three_ways(pipe, collector, signal, wire.nested(path, numbers)) in (TAKEN, REFUSED)


def test_i3_an_element_bomb_in_json_is_refused(hostile):
    """Three bytes each, and what the decoder holds meanwhile is in the memory budget: four times the text."""
    pipe, collector, _ = hostile
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * 1_999_999 + b"{}]}]}]}"
    with Growth(collector, 4 * len(body) + 8 * MIB):
        assert raw.http_post(pipe.http_port, "/v1/traces", gzip.compress(body, 1), content_type=JSON, content_encoding="gzip").status == 413


# i3: few bytes to which much is added.


@pytest.fixture(scope="module")
def editing(tmp_path_factory):
    """A collector that gives each resource and each record an attribute, within a memory budget of 6 MiB."""
    with GrpcSink() as sink:
        action = {"key": "tenant", "from_context": "metadata.x-tenant", "default_value": "nobody", "action": "insert"}
        processors = {"resource": {"attributes": [action]}, "attributes": {"actions": [action]}}
        pipe = config.Pipe(
            config.to_grpc(sink.endpoint), processors=processors, http={"include_metadata": True}
        )
        # The tightest limiter bounds the budget of all pipelines. In its own it would refuse for what is resident.
        pipe.config["processors"]["memory_limiter"] = {"check_interval": "1s", "limit_mib": 6}
        pipe.config["receivers"]["nop"] = pipe.config["exporters"]["nop"] = None
        pipe.config["service"]["pipelines"]["traces/limit"] = {
            "receivers": ["nop"], "processors": ["memory_limiter"], "exporters": ["nop"],
        }
        collector = Collector(pipe.config, tmp_path_factory.mktemp("editing")).start()
        assert raw.http_post(pipe.http_port, "/v1/traces", GOOD, x_tenant="t").status == 200
        try:
            yield pipe, collector, sink
        finally:
            collector.kill()


ONE_SPAN = wire.nested([1, 2], wire.field(2, b""))
ONE_POINT = wire.nested([*METRIC, 5], wire.field(1, b""))
# A request without any item would not get as far as the processors.
EDITED_FIELDS = {
    "resource_spans": (signals.TRACES, wire.field(1, b"") * 20_000 + ONE_SPAN),
    "spans": (signals.TRACES, wire.nested([1, 2], wire.field(2, b"") * 10_000)),
    "resource_metrics": (signals.METRICS, wire.field(1, b"") * 20_000 + ONE_POINT),
    "gauge points": (signals.METRICS, wire.nested([*METRIC, 5], wire.field(1, b"") * 10_000)),
    "resource_logs": (signals.LOGS, wire.field(1, b"") * 20_000 + ONE_SPAN),
    "log records": (signals.LOGS, wire.nested([1, 2], wire.field(2, b"") * 10_000)),
}


@pytest.mark.parametrize("name", EDITED_FIELDS)
def test_i3_what_is_added_to_empty_elements_is_refused_within_the_budget(editing, name):
    """20 to 40 KB of empty elements, each of which would get 1000 bytes."""
    pipe, collector, sink = editing
    signal, body = EDITED_FIELDS[name]
    with Growth(collector, 8 * MIB):
        answer = raw.http_post(pipe.http_port, signal.path, body, x_tenant="t" * 1000)
        assert answer.status == 503
        collector.settled_ledger()
    before = sink.count(signals.TRACES)
    assert raw.http_post(pipe.http_port, "/v1/traces", GOOD).status == 200
    sink.wait_count(signals.TRACES, before + 1)
    assert collector.is_running() and "panicked" not in collector.log()


# i4: nesting.


def nested_json(depth: int) -> bytes:
    value = b'{"arrayValue":{"values":[' * depth + b'{"intValue":"1"}' + b"]}}" * depth
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%b","spanId":"%b","name":"deep","attributes":[{"key":"deep","value":%b},{"key":"flat","value":{"intValue":1}}]}]}]}]}' % (
        b"01" * 16,
        b"02" * 8,
        value,
    )


def nested_proto(depth: int) -> bytes:
    attributes = wire.attribute(b"deep", wire.nested_arrays(depth)) + wire.attribute(b"flat", b"\x18\x01")
    return wire.request(wire.span(name=b"deep", more=attributes))


@pytest.mark.parametrize("depth", [63, 65, 10_000, 1_000_000])
@pytest.mark.parametrize("encoding", ["proto", "json"])
def test_i4_nesting_is_kept_up_to_64_and_cut_beyond(collector, grpc_sink, encoding, depth):
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint, compression="none"))
    running = collector(pipe.config)
    body = nested_json(depth) if encoding == "json" else nested_proto(depth)
    content_type = JSON if encoding == "json" else "application/x-protobuf"
    answer = raw.http_post(pipe.http_port, "/v1/traces", body, content_type=content_type)
    if len(body) > 20 * MIB:
        assert answer.status == 413
    else:
        assert answer.status == 200, answer
        running.settled_ledger()
        # The SDK's own decoder stops at a depth of 100 messages, so the bytes are looked at.
        (arrived,) = grpc_sink.bodies(signals.TRACES)
        assert b"flat" in arrived, "the neighbour of a deep attribute was cut with it"
        assert (wire.nested_arrays(depth) in arrived) == (depth <= 64)
        assert bool(answer.body.strip(b'{}"partialSuccess:')) == (depth > 64), "a cut is told, and nothing else"
    assert running.is_running()


# i5: invalid UTF-8.


def test_i5_invalid_utf8_is_repaired_and_the_neighbours_are_intact(hostile):
    pipe, collector, sink = hostile
    poison = wire.span(name=b"bad \xff name", more=wire.attribute(b"k\xfe", wire.text(b"v\xc3")))
    neighbour = wire.span(name="gut ü".encode(), span_id=b"\x03" * 8)
    body = wire.nested([1, 2], wire.field(2, poison) + wire.field(2, neighbour))
    before = sink.count(signals.TRACES)
    answer = raw.grpc(pipe.grpc_port, signals.TRACES.method, raw.frame(body))
    assert answer.status == "OK"
    assert signals.TRACES.response.FromString(answer.message).partial_success.rejected_spans == 0
    sink.wait_count(signals.TRACES, before + 2)
    spans = sink.requests(signals.TRACES)[-1].resource_spans[0].scope_spans[0].spans
    assert [span.name for span in spans] == ["bad \ufffd name", "gut ü"]
    (attribute,) = spans[0].attributes
    assert (attribute.key, attribute.value.string_value) == ("k\ufffd", "v\ufffd")


# i6: damage.

SDK_MADE = {
    "traces": lambda: encode_spans(python_sdk.spans("damage")),
    "metrics": lambda: encode_metrics(python_sdk.metrics("damage")),
    "logs": lambda: encode_logs(python_sdk.logs("damage")),
}


@pytest.mark.parametrize("encoding", ["proto", "json"])
@pytest.mark.parametrize("signal", signals.ALL, ids=lambda signal: signal.name)
def test_i6_damaged_requests_are_refused_or_repaired(hostile, signal, encoding):
    pipe, _, _ = hostile
    message = SDK_MADE[signal.name]()
    original = otlp_json.dumps(message) if encoding == "json" else message.SerializeToString()
    content_type = JSON if encoding == "json" else "application/x-protobuf"
    chance = random.Random(20_000 + len(original))
    seen = set()
    for _ in range(300):
        body = bytearray(original)
        for _ in range(chance.choice((1, 2, 8))):
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        if chance.random() < 0.2:
            del body[chance.randrange(len(body)) :]
        answer = raw.http_post(pipe.http_port, signal.path, bytes(body), content_type=content_type)
        seen.add(answer.status)
    assert seen <= {200, 400}, seen
    assert 400 in seen, "nothing was refused: was anything damaged?"


JSON_EDGES = {
    # body: status
    b"": 400,
    b"null": 400,
    b"[]": 400,
    b"\xef\xbb\xbf{}": 400,
    b'{"resourceSpans":1e999}': 400,
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abc"}]}]}]}': 400,
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abcd"}]}]}]}': 200,
    b'{"resourceSpans":null}': 200,
    b'{"resource_spans":[]}': 200,
    b'{"unknown":{"deep":[1,2,{"x":null}]}}': 200,
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"99999999999999999999"}]}]}]}': 400,
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}': 200,
    b'{"resourceSpans":[]} trailing': 400,
}


@pytest.mark.parametrize("body", JSON_EDGES, ids=lambda body: body.decode(errors="replace")[:40] or "empty")
def test_i6_json_edges(hostile, body):
    pipe, _, _ = hostile
    answer = raw.http_post(pipe.http_port, "/v1/traces", body, content_type=JSON)
    assert answer.status == JSON_EDGES[body], answer


PROTO_EDGES = {
    "field number 0": b"\x02\x00",
    "group end without start": b"\x0c",
    "wire type 6": b"\x0e",
    "wire type 7": b"\x0f",
    "length past the end": b"\x0a\x05\x00",
    "length of 2^63": b"\x0a" + b"\xff" * 8 + b"\x7f",
    "varint of 11 bytes": b"\x08" + b"\xff" * 10 + b"\x01",
    "known field with a wrong wire type": b"\x08\x01",
}


@pytest.mark.parametrize("name", PROTO_EDGES)
def test_i6_proto_edges(hostile, name):
    pipe, _, _ = hostile
    assert raw.http_post(pipe.http_port, "/v1/traces", PROTO_EDGES[name]).status == 400
    answer = raw.grpc(pipe.grpc_port, signals.TRACES.method, raw.frame(PROTO_EDGES[name]))
    assert answer.status == "INVALID_ARGUMENT"


def test_i6_broken_grpc_frames(hostile):
    pipe, _, _ = hostile
    refused = {"INVALID_ARGUMENT", "INTERNAL", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED"}
    for body in (b"", b"\0", b"\0\0\0\0", struct.pack(">BI", 0, 100) + b"short", b"\x02" + raw.frame(GOOD)[1:]):
        assert raw.grpc(pipe.grpc_port, signals.TRACES.method, body).status in refused, body
