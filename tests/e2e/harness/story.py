"""The known set: what every client of Jaeger and Zipkin is told to record.

A story is plain JSON, so that a client in any language can follow it: spans in the order in which they start,
times in microseconds since the epoch. Each client adds what only its own interface has, and says which identifiers
it gave.
"""

from __future__ import annotations

import os
import time

# What a text must survive: scripts, a character outside of the basic plane, quotes and control characters.
UNICODE = 'grüße, 世界 🚰\n\t"quoted" \\ </script>'
TYPED = {
    "text": UNICODE,
    "empty": "",
    "yes": True,
    "no": False,
    "negative": -42,
    "large": 2**53 - 1,
    "double": 0.1,
    "small": -1.5e-9,
    # Texts that look like something else stay texts.
    "digits": "42",
    "truth": "true",
}


def remote() -> dict[str, str]:
    """A span of another process. Every half has its highest bit set: signed numbers must not show through."""
    trace, span = os.urandom(16), os.urandom(8)
    trace = bytes([trace[0] | 0x80, *trace[1:8], trace[8] | 0x80, *trace[9:]])
    return {"trace": trace.hex(), "span": bytes([span[0] | 0x80, *span[1:]]).hex()}


def spans() -> list[dict]:
    start = (int(time.time()) - 60) * 1_000_000 + 123_456
    return [
        {
            "name": "root",
            "kind": "server",
            "start": start,
            "duration": 1_000_001,
            "tags": TYPED,
            "events": [
                {"at": start + 10, "name": "started", "fields": {}},
                {"at": start + 20, "name": "grüße", "fields": TYPED},
            ],
        },
        {
            "name": "GET /Städte",
            "kind": "client",
            "parent": "root",
            "start": start + 100,
            "duration": 500,
            "tags": {"peer.service": "backend", "http.status_code": 503},
            "events": [{"at": start + 599, "name": "failed", "fields": {"message": "it failed: ü"}}],
            "error": "it failed: ü",
        },
        {"name": "publish", "kind": "producer", "parent": "root", "start": start + 700, "duration": 1},
        {"name": "consume", "kind": "consumer", "parent": "publish", "start": start + 800, "duration": 2_000_000},
        {"name": "compute", "parent": "root", "start": start + 900, "duration": 17, "tags": {"step": "last"}},
    ]


def texts(tags: dict) -> dict[str, str]:
    """Tags as a client records them whose tags are texts."""
    return {key: text(value) for key, value in tags.items()}


def text(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
