"""What a server or a sink holds of a trace, as plain trees by span name, and how two of them differ.

A value is `[type, value]`, so that `1`, `1.0`, `"1"` and `true` are four things. Identifiers are hex, times are in
microseconds (Jaeger, Zipkin) or nanoseconds (OTLP).
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from .signals import TRACES

Tree = dict[str, dict]


def jaeger(traces: list[dict]) -> Tree:
    """Of the JSON of Jaeger's query service."""
    spans: Tree = {}
    for trace in traces:
        for span in trace["spans"]:
            process = trace["processes"][span["processID"]]
            _add(
                spans,
                span["operationName"],
                {
                    "trace": span["traceID"],
                    "span": span["spanID"],
                    "references": {
                        f"{ref['refType']} {ref['traceID']} {ref['spanID']}": True for ref in span["references"]
                    },
                    "flags": span.get("flags", 0),
                    "start": span["startTime"],
                    "duration": span["duration"],
                    "service": process["serviceName"],
                    "process": _tags(process.get("tags", [])),
                    "tags": _tags(span["tags"]),
                    "logs": {
                        f"{number:02}": {"at": log["timestamp"], "fields": _tags(log["fields"])}
                        for number, log in enumerate(sorted(span["logs"], key=lambda log: log["timestamp"]))
                    },
                    "warnings": span.get("warnings") or [],
                },
            )
    return spans


def _tags(tags: list[dict]) -> dict:
    """A key's second value gets a key of its own: what is stored twice must not look as if it were stored once."""
    out: dict = {}
    for tag in tags:
        key = tag["key"]
        while key in out:
            key += " again"
        out[key] = [tag["type"], tag["value"]]
    return out


def zipkin(spans: list[dict]) -> Tree:
    """Of the JSON of Zipkin's API."""
    out: Tree = {}
    for span in spans:
        known = {
            "traceId", "id", "parentId", "kind", "name", "timestamp", "duration", "localEndpoint", "remoteEndpoint",
            "annotations", "tags", "debug", "shared",
        }  # fmt: skip
        assert set(span) <= known, set(span) - known
        annotations = sorted(span.get("annotations", []), key=lambda each: (each["timestamp"], each["value"]))
        _add(
            out,
            span.get("name", ""),
            {
                "trace": span["traceId"],
                "span": span["id"],
                "parent": span.get("parentId"),
                "kind": span.get("kind"),
                "start": span.get("timestamp"),
                "duration": span.get("duration"),
                "local": span.get("localEndpoint", {}),
                "remote": span.get("remoteEndpoint", {}),
                "tags": {key: ["string", value] for key, value in span.get("tags", {}).items()},
                "annotations": {f"{number:02}": each for number, each in enumerate(annotations)},
                "debug": span.get("debug", False),
                "shared": span.get("shared", False),
            },
        )
    return out


def otlp(requests: list, traces: set[str]) -> Tree:
    """Of the requests that a sink has recorded, only the named traces."""
    out: Tree = {}
    for request in requests:
        for resource in getattr(request, TRACES.resources):
            for scope in getattr(resource, TRACES.scopes):
                for span in getattr(scope, TRACES.items):
                    if span.trace_id.hex() not in traces:
                        continue
                    _add(
                        out,
                        span.name,
                        {
                            "trace": span.trace_id.hex(),
                            "span": span.span_id.hex(),
                            "parent": span.parent_span_id.hex() or None,
                            "kind": span.kind,
                            "start": span.start_time_unix_nano,
                            "end": span.end_time_unix_nano,
                            "flags": span.flags,
                            "state": span.trace_state,
                            "status": [span.status.code, span.status.message],
                            "tags": _attributes(span.attributes),
                            "events": {
                                f"{number:02}": {
                                    "at": event.time_unix_nano,
                                    "name": event.name,
                                    "fields": _attributes(event.attributes),
                                }
                                for number, event in enumerate(span.events)
                            },
                            "links": {
                                f"{link.trace_id.hex()} {link.span_id.hex()}": _attributes(link.attributes)
                                for link in span.links
                            },
                            "resource": _attributes(resource.resource.attributes),
                            "scope": [scope.scope.name, scope.scope.version],
                        },
                    )
    return out


_TYPES = {"string_value": "string", "bool_value": "bool", "int_value": "int64", "double_value": "float64"}


def _attributes(attributes) -> dict:
    return _tags(
        [
            {
                "key": each.key,
                "type": _TYPES[each.value.WhichOneof("value")],
                "value": getattr(each.value, each.value.WhichOneof("value")),
            }
            for each in attributes
        ]
    )


def _add(spans: Tree, name: str, span: dict):
    assert name not in spans, f"{name!r} is stored twice: {spans.get(name)} and {span}"
    spans[name] = span


def differences(one: Tree, other: Tree) -> list[tuple[str, object, object]]:
    """Every leaf in which two trees differ: its path, and what each says (`None`: nothing)."""
    mine, others = dict(_leaves("", one)), dict(_leaves("", other))
    paths = sorted(mine.keys() | others.keys())
    return [(path, mine.get(path), others.get(path)) for path in paths if mine.get(path) != others.get(path)]


def _leaves(path: str, tree):
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves(f"{path}/{key}" if path else key, value)
    elif tree not in ({}, None):
        yield path, tree


def expected_of(name: str, table: list[tuple[str, str, str]]) -> dict[str, str]:
    """The rows of a table of differences that are for `name`: `(patterns of names, pattern of paths, why)`."""
    return {path: why for names, path, why in table if any(fnmatchcase(name, each) for each in names.split())}


def assert_same_but_for(one: Tree, other: Tree, expected: dict[str, str]):
    """`expected`: patterns of paths and why they differ. A pattern that no difference needs is stale and fails."""
    assert one, "nothing is stored: the comparison would prove nothing"
    found = differences(one, other)
    unexplained = [each for each in found if not any(fnmatchcase(each[0], pattern) for pattern in expected)]
    lines = "\n".join(f"{path}: {mine!r} -> {others!r}" for path, mine, others in unexplained)
    assert not unexplained, f"{len(unexplained)} differences that nothing explains:\n{lines}"
    stale = [pattern for pattern in expected if not any(fnmatchcase(path, pattern) for path, _, _ in found)]
    assert not stale, f"no longer different: {stale}"
