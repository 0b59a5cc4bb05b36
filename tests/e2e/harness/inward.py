"""What a story becomes in OTLP when it comes as Jaeger or Zipkin: the tables of the translations, as trees of `stored`."""

from __future__ import annotations

from . import expected
from .clients import Client

KINDS = {None: 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
# What becomes of the process tags that depend on the machine.
OF_THE_MACHINE = {"host.name", "opencensus.exporterversion", "ip", "client-uuid"}


def jaeger(client: Client, spans: list[dict], ids: dict, remote: dict) -> dict:
    tree = {}
    for told in spans:
        own = ids[told["name"]]
        tags = expected.jaeger_tags(client, told)
        kind = tags.pop("span.kind", ["string", None])[1]
        scope = ["", ""]
        if client.port == "grpc":
            scope = [tags.pop("otel.scope.name")[1], tags.pop("otel.scope.version")[1]]
        status = [0, ""]
        if tags.pop("error", None):
            status = [2, tags.pop("otel.status_description", ["string", ""])[1]]
        if tags.pop("otel.status_code", ["string", ""])[1] == "OK":
            status = [1, ""]
        start, end = told["start"] * 1000, (told["start"] + told["duration"]) * 1000
        tree[told["name"]] = {
            "trace": own["trace"],
            "span": own["span"],
            "parent": own["parent"],
            "kind": KINDS[kind],
            "start": start,
            "end": end,
            # `sampled`; there is no bit for `debug`.
            "flags": 1,
            "state": "",
            "status": status,
            "tags": tags,
            "events": {
                f"{number:02}": _event(client, event) for number, event in enumerate(told.get("events", []))
            },
            "links": _links(told, ids, remote),
            "resource": {"service.name": ["string", client.service]} | expected.jaeger_process(client),
            "scope": scope,
        }
    return tree


def _event(client: Client, event: dict) -> dict:
    fields = expected.jaeger_fields(client, event)
    name = fields.pop("event", ["string", ""])[1]
    # Of a key that is there twice, the last value holds.
    if "message again" in fields:
        fields["message"] = fields.pop("message again")
    return {"at": event["at"] * 1000, "name": name, "fields": fields}


def _links(told: dict, ids: dict, remote: dict) -> dict:
    """Every reference but the child-of that names the parent."""
    links = {}
    references = told.get("references", []) + [["follows_from", name] for name in told.get("links", [])]
    for kind, name in references:
        other = remote if name == "remote" else ids[name]
        if kind == "child_of" and other["span"] == ids[told["name"]]["parent"]:
            continue
        links[f"{other['trace']} {other['span']}"] = {"opentracing.ref_type": ["string", kind]}
    return links


def without_machine(client: Client, tree: dict) -> dict:
    """A tree without what depends on the machine, which must be there."""
    if client.api == "opentracing":
        for span in tree.values():
            there = OF_THE_MACHINE & span["resource"].keys()
            assert there >= {"host.name", "opencensus.exporterversion", "ip"}, span["resource"]
            for key in there:
                assert span["resource"].pop(key)[0] == "string"
    return tree


# The kind of a v1 span is in its annotations, and its service in their endpoints.
VERSION_1 = ("py-zipkin-v1-json", "py-zipkin-v1-thrift", "node-zipkin-v1", "brave-v1-json", "brave-v1-thrift", "python-otel-zipkin-v1")


def zipkin(client: Client, spans: list[dict], ids: dict) -> dict:
    tree = {}
    for told in spans:
        own = ids[told["name"]]
        first = client.name in VERSION_1
        tags = expected.zipkin_tags(client, told)
        resource = {"service.name": ["string", tags.pop("service.name", ["", client.service])[1]]}
        scope = ["", ""]
        if client.name.startswith("python-otel"):
            # Both names of it mean the same.
            scope = ["tracer", "1.2.3"]
            for key in ("otel.library.name", "otel.library.version", "otel.scope.name", "otel.scope.version"):
                tags.pop(key)
        status = [0, ""]
        code = tags.pop("otel.status_code", ["", ""])[1]
        if code:
            status = [{"OK": 1, "ERROR": 2}[code], ""]
        local, remote = expected.zipkin_local(client), expected.zipkin_remote(told)
        address = local.get("ipv6") or local.get("ipv4")
        if address:
            tags |= {"network.local.address": ["string", address], "net.host.port": ["int64", local["port"]]}
        if remote:
            tags |= {
                "service.peer.name": ["string", remote["serviceName"]],
                "network.peer.address": ["string", remote["ipv4"]],
                "net.peer.port": ["int64", remote["port"]],
            }
        kind = KINDS[told.get("kind")]
        name = told["name"].lower() if client.name.startswith(("node-zipkin", "brave-v1")) else told["name"]
        tree[name] = {
            "trace": own["trace"].zfill(32),
            "span": own["span"],
            "parent": own.get("parent"),
            "kind": kind,
            "start": told["start"] * 1000,
            "end": (told["start"] + told["duration"]) * 1000,
            "flags": 0,
            "state": "",
            "status": status,
            "tags": tags,
            "events": {
                f"{number:02}": {"at": event["at"] * 1000, "name": expected.zipkin_event(client, event), "fields": {}}
                for number, event in enumerate(told.get("events", []))
            },
            "links": {},
            "resource": resource,
            "scope": scope,
        }
        if first:
            _version_1(client, told, tree[name])
    return tree


def _version_1(client: Client, told: dict, span: dict):
    """What v1 says otherwise, or what becomes of it otherwise, as in otelcol."""
    tags = span["tags"]
    address, port = tags.pop("network.local.address"), tags.pop("net.host.port")
    # An `error` says that it failed, and why; a status of HTTP says that it failed.
    if "error" in tags:
        span["status"] = [2, tags.pop("error")[1]]
    elif span["status"][0] == 0 and "http.status_code" in tags:
        span["status"] = [2, ""]
    if client.name == "python-otel-zipkin-v1":
        # It writes no annotations, so there is no kind; and scopes of v1 are tags like any other.
        span["kind"], span["scope"] = 0, ["", ""]
        for prefix in ("otel.library", "otel.scope"):
            tags |= {f"{prefix}.name": ["string", "tracer"], f"{prefix}.version": ["string", "1.2.3"]}
        tags["service.name"] = span["resource"]["service.name"]
        return
    # Where a span was recorded is said by its annotations, and becomes the resource. Without any only the service is.
    if told.get("kind"):
        span["resource"] |= {"ipv4": address, "port": ["string", str(port[1])]}
    # The other side is an address annotation, which also stays a tag.
    if told.get("remote"):
        tags["sa"] = ["bool", True]
    # Of a producer the end is an ordinary annotation, of a consumer the start.
    if told.get("kind") in ("producer", "consumer") and not client.name.startswith("py"):
        name, at = ("ws", span["end"]) if told["kind"] == "producer" else ("wr", span["start"])
        span["events"][f"{len(span['events']):02}"] = {"at": at, "name": name, "fields": {}}


def within_a_microsecond(tree: dict, told: dict) -> dict:
    """As `expected.within_a_microsecond`, in nanoseconds."""
    for name, span in tree.items():
        other = told.get(name, {})
        for key in ("start", "end"):
            if key in other and abs(span[key] - other[key]) <= 1000:
                span[key] = other[key]
        for number, event in span["events"].items():
            at = other.get("events", {}).get(number, {}).get("at")
            if at and abs(event["at"] - at) <= 1000:
                event["at"] = at
    return tree
