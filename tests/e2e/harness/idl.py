"""Prometheus's messages as classes made of the IDL in formats/proto, so that none of our own code judges itself."""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import Path

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

_FOLDER = Path(__file__).parents[3] / "formats" / "proto" / "prometheus"
_FILES = ("remote.proto", "types.proto", "io/prometheus/write/v2/types.proto", "io/prometheus/client/metrics.proto")


def _pool() -> descriptor_pool.DescriptorPool:
    """Two files are named `types.proto`: each name is relative to the folder."""
    pool = descriptor_pool.DescriptorPool()
    well_known = resources.files("grpc_tools") / "_proto"
    with tempfile.NamedTemporaryFile() as out:
        arguments = ["protoc", f"-I{_FOLDER}", f"-I{well_known}", "--include_imports", f"--descriptor_set_out={out.name}"]
        assert protoc.main([*arguments, *_FILES]) == 0, "the IDL does not compile"
        for file in descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes()).file:
            pool.Add(file)
    return pool


_POOL = _pool()


def _message(name: str):
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


WriteRequest = _message("prometheus.WriteRequest")
ReadRequest = _message("prometheus.ReadRequest")
ReadResponse = _message("prometheus.ReadResponse")
Request2 = _message("io.prometheus.write.v2.Request")
MetricFamily = _message("io.prometheus.client.MetricFamily")

COUNTER, GAUGE, HISTOGRAM, GAUGE_HISTOGRAM, SUMMARY, INFO, STATE_SET = range(1, 8)


def unpack(body: bytes) -> bytes:
    """Snappy's block format; its framed one is refused."""
    return bytes(cramjam.snappy.decompress_raw(body))


def pack(message) -> bytes:
    return bytes(cramjam.snappy.compress_raw(message.SerializeToString()))
