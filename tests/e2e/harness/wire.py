"""Protobuf by hand, for messages that no encoder would write."""

from __future__ import annotations


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, body: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def nested(path: list[int], body: bytes) -> bytes:
    """`body` inside one message per field number, the outermost first."""
    for number in reversed(path):
        body = field(number, body)
    return body


RESOURCE, SCOPE, ITEM = 1, 2, 2


def request(item: bytes) -> bytes:
    """One resource, one scope, one item of any signal."""
    return nested([RESOURCE, SCOPE, ITEM], item)


def span(trace_id: bytes = b"\x01" * 16, span_id: bytes = b"\x02" * 8, name: bytes = b"span", more: bytes = b"") -> bytes:
    return field(1, trace_id) + field(2, span_id) + field(5, name) + more


def attribute(key: bytes, value: bytes) -> bytes:
    """A span's attribute; `value` is an encoded AnyValue."""
    return field(9, field(1, key) + field(2, value))


def text(value: bytes) -> bytes:
    return field(1, value)


def nested_arrays(depth: int) -> bytes:
    """An AnyValue of `depth` arrays in each other, and a number in the innermost. Built from inside out with
    lengths first, so that a million levels take linear time."""
    lengths = [2]  # int_value: tag and one byte
    for _ in range(depth):
        inner = lengths[-1]
        array = 1 + len(varint(inner)) + inner
        lengths.append(1 + len(varint(array)) + array)
    out = bytearray()
    for level in range(depth, 0, -1):
        inner = lengths[level - 1]
        array = 1 + len(varint(inner)) + inner
        out += b"\x2a" + varint(array) + b"\x0a" + varint(inner)
    return bytes(out + b"\x18\x01")
