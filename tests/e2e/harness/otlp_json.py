"""OTLP/JSON to and from the SDK's protobuf classes.

protobuf's own JSON differs from OTLP's in one thing that matters here: IDs are hex, not base64.
"""

from __future__ import annotations

import base64
import json

from google.protobuf import json_format
from google.protobuf.message import Message

IDS = ("traceId", "spanId", "parentSpanId")


def dumps(message: Message) -> bytes:
    tree = json_format.MessageToDict(message, use_integers_for_enums=True)
    return json.dumps(_ids(tree, lambda text: base64.b64decode(text).hex())).encode()


def loads(text: bytes, message: type[Message]) -> Message:
    # Python reads `-0` as an integer, which has no sign; JSON's number is a negative zero.
    whole = json.loads(text, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits))
    tree = _ids(whole, lambda hexed: base64.b64encode(bytes.fromhex(hexed)).decode())
    return json_format.ParseDict(tree, message())


def _ids(tree, convert):
    if isinstance(tree, dict):
        return {key: convert(value) if key in IDS else _ids(value, convert) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_ids(value, convert) for value in tree]
    return tree
