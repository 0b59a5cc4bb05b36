"""What OTLP spans become on their way out: the tables of the translations, applied to a `stored.otlp` tree."""

from __future__ import annotations

import json
import re

KINDS = {0: None, 1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
STATUS = {1: "OK", 2: "ERROR"}


def jaeger(tree: dict) -> dict:
    """As Jaeger stores it: parents and links are references, kind and status are tags."""
    return {name: _jaeger_span(span) for name, span in tree.items()}


def _jaeger_span(span: dict) -> dict:
    trace = span["trace"][-16:] if span["trace"].startswith("0" * 16) else span["trace"]
    references = {f"CHILD_OF {trace} {span['parent']}": True} if span["parent"] else {}
    for link, attributes in span["links"].items():
        other, linked = link.split()
        other = other[-16:] if other.startswith("0" * 16) else other
        kind = "CHILD_OF" if attributes.get("opentracing.ref_type") == ["string", "child_of"] else "FOLLOWS_FROM"
        # A link to the parent says what kind of parent it is.
        if (other, linked) == (trace, span["parent"]):
            references = {}
        references[f"{kind} {other} {linked}"] = True
    tags = dict(span["tags"])
    for key, value in zip(("otel.scope.name", "otel.scope.version"), span["scope"], strict=True):
        if value:
            tags[key] = ["string", value]
    if KINDS[span["kind"]]:
        tags["span.kind"] = ["string", KINDS[span["kind"]]]
    code, message = span["status"]
    if code in STATUS:
        tags["otel.status_code"] = ["string", STATUS[code]]
    if code == 2:
        # Beside an attribute of the key, as Jaeger's own translator has it.
        tags["error again" if "error" in tags else "error"] = ["bool", True]
    if message:
        tags["otel.status_description"] = ["string", message]
    if span["state"]:
        tags["w3c.tracestate"] = ["string", span["state"]]
    logs = {}
    for number, event in span["events"].items():
        fields = {"event": ["string", event["name"]]} if event["name"] else {}
        logs[number] = {"at": event["at"] // 1000, "fields": fields | event["fields"]}
    process = dict(span["resource"])
    return {
        "trace": trace,
        "span": span["span"],
        "references": references,
        "flags": span["flags"] & 1,
        "start": span["start"] // 1000,
        "duration": (span["end"] - span["start"]) // 1000,
        "service": process.pop("service.name", ["string", "OTLPResourceNoServiceName"])[1],
        "process": process,
        "tags": tags,
        "logs": logs,
        "warnings": [],
    }


ENDPOINTS = {
    "local": (None, "network.local.address", "net.host.port"),
    "remote": ("service.peer.name", "network.peer.address", "net.peer.port"),
}
# Names that endpoints had before.
OLDER = {
    "network.local.address": "net.host.ip",
    "network.peer.address": "net.peer.ip",
    "service.peer.name": "peer.service",
}


def zipkin(tree: dict) -> dict:
    """As Zipkin stores it: everything is text, names are in lower case."""
    return {name.lower(): _zipkin_span(span) for name, span in tree.items()}


def _zipkin_span(span: dict) -> dict:
    resource, attributes = dict(span["resource"]), dict(span["tags"])
    service = resource.pop("service.name", ["string", "<missing service name>"])[1]
    for key, value in zip(("otel.scope.name", "otel.scope.version"), span["scope"], strict=True):
        if value:
            resource[key] = ["string", value]
    tags = resource | attributes
    ends: dict[str, dict] = {"local": {"serviceName": service.lower()}, "remote": {}}
    for end, (name, address, port) in ENDPOINTS.items():
        for key, field in ((name, "serviceName"), (address, _family), (port, "port")):
            older = OLDER.get(key)
            value = tags.pop(key, None) or tags.get(older)
            if value:
                # The older name stays a tag where it says something else.
                if tags.get(older) == value:
                    tags.pop(older)
                field = field(value[1]) if callable(field) else field
                ends[end][field] = value[1].lower() if field == "serviceName" else value[1]
    if set(ends["remote"]) == {"port"}:
        ends["remote"] = {}
    code, message = span["status"]
    # An `error` that says more than yes or no stays, unless the status is Ok.
    error = tags.pop("error", None)
    if error and error[0] == "string" and error[1] not in ("true", "false") and code != 1:
        tags["error"] = error
    elif code == 2:
        tags["error"] = ["bool", True]
    if code in STATUS:
        tags["otel.status_code"] = ["string", f"STATUS_CODE_{STATUS[code]}"]
    if message:
        tags["otel.status_description"] = ["string", message]
    if span["state"]:
        tags["w3c.tracestate"] = ["string", span["state"]]
    if span["kind"] == 1:
        tags["span.kind"] = ["string", "internal"]
    for number, (link, values) in enumerate(span["links"].items()):
        tags[f"otlp.link.{number}"] = ["string", "|".join((*link.split(), "", _json(values), "0"))]
    events = []
    for event in span["events"].values():
        value = f"{event['name']}|{_json(event['fields'])}|0" if event["fields"] else event["name"]
        events.append({"timestamp": _microseconds(event["at"]), "value": value})
    events.sort(key=lambda each: (each["timestamp"], each["value"]))
    trace = span["trace"][-16:] if span["trace"].startswith("0" * 16) else span["trace"]
    return {
        "trace": trace,
        "span": span["span"],
        "parent": span["parent"],
        "kind": KINDS[span["kind"]].upper() if span["kind"] > 1 else None,
        "start": _microseconds(span["start"]),
        "duration": _microseconds(span["end"] - span["start"]) or None,
        **ends,
        "tags": {key: ["string", _text(value)] for key, value in tags.items()},
        "annotations": {f"{number:02}": each for number, each in enumerate(events)},
        "debug": False,
        "shared": False,
    }


def _family(address: str) -> str:
    return "ipv6" if ":" in address else "ipv4"


def _microseconds(nanoseconds: int) -> int:
    return (nanoseconds + 500) // 1000


def _text(value: list) -> str:
    kind, raw = value
    return _shortest(raw) if kind == "float64" else str(raw).lower() if kind == "bool" else str(raw)


def _json(attributes: dict) -> str:
    tree = {key: _whole(value) for key, (_, value) in attributes.items()}
    return _shortest(json.dumps(tree, ensure_ascii=False, separators=(",", ":")))


def _shortest(value) -> str:
    """Go writes whole numbers without a point, and exponents without the zero that Python puts before one digit."""
    return re.sub(r"(\d)e-0(\d)", r"\1e-\2", str(_whole(value)))


def _whole(value):
    return int(value) if isinstance(value, float) and value.is_integer() else value
