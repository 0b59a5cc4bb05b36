"""What a server holds of a story, derived from what the client was told and from what that client is known to do.

The trees have the form of `stored`. Nothing here knows about sluice's code: it is written from the clients' own
documentation and from what real servers stored of them.
"""

from __future__ import annotations

import json

from . import story
from .clients import PROCESS, Client

# How clients write a number that JSON has as an integer.
FLOATS_ONLY = "node-"
# Added by the client's library or by the machine: their values are looked at for presence only.
OF_THE_MACHINE = {"jaeger.version", "ip", "hostname", "client-uuid"}


def typed(client: Client, value) -> list:
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, str):
        return ["string", value]
    if isinstance(value, int) and not client.name.startswith(FLOATS_ONLY):
        return ["int64", value]
    return ["float64", value]


def text(client: Client, value) -> str:
    """A tag's text as the client's language writes it."""
    if isinstance(value, float) and client.name.startswith("node-"):
        return story.text(value).replace("e-0", "e-")
    return story.text(value)


def narrow(client: Client, trace: str) -> str:
    """As servers show an identifier of 64 bits."""
    return trace[-16:] if not client.wide and trace[:-16].strip("0") == "" else trace


def jaeger(client: Client, spans: list[dict], ids: dict, remote: dict) -> dict:
    tree = {}
    for told in spans:
        own = ids[told["name"]]
        trace = narrow(client, own["trace"])

        def reference(kind: str, name: str) -> str:
            other = remote if name == "remote" else ids[name]
            return f"{kind.upper()} {narrow(client, other['trace'])} {other['span']}"

        references = [reference("child_of", told["parent"])] if told.get("parent") else []
        references += [reference(kind, name) for kind, name in told.get("references", [])]
        references += [reference("follows_from", name) for name in told.get("links", [])]
        tree[told["name"]] = {
            "trace": trace,
            "span": own["span"],
            "references": {each: True for each in references},
            "flags": 3 if "sampling.priority" in told.get("tags", {}) else 1,
            "start": told["start"],
            "duration": told["duration"],
            "service": client.service,
            "process": jaeger_process(client),
            "tags": jaeger_tags(client, told),
            "logs": {
                f"{number:02}": {"at": event["at"], "fields": jaeger_fields(client, event)}
                for number, event in enumerate(told.get("events", []))
            },
            "warnings": [],
        }
    return tree


def jaeger_process(client: Client) -> dict:
    own = {key: typed(client, value) for key, value in PROCESS.items()}
    if client.api == "opentracing":
        return own
    # Of OpenTelemetry's exporters only the one with protobuf fills it.
    return own | {"service.name": ["string", client.service]} if client.port == "grpc" else {}


def jaeger_tags(client: Client, told: dict) -> dict:
    tags = {key: typed(client, value) for key, value in told.get("tags", {}).items()}
    if told.get("kind"):
        tags["span.kind"] = ["string", told["kind"]]
    if told.get("error"):
        tags["error"] = ["bool", True]
    if client.api == "opentracing":
        # The Node client's sampler looks at a span of a trace from elsewhere, too.
        far = told.get("references", [["", ""]])[0][1] == "remote" and client.name.startswith("node-")
        if far or not (told.get("parent") or told.get("references")):
            tags |= {"sampler.type": ["string", "const"], "sampler.param": ["bool", True]}
        return tags
    # OpenTelemetry's exporters send the resource with each span.
    tags |= {key: typed(client, value) for key, value in PROCESS.items()} | {"service.name": ["string", client.service]}
    tags |= {"otel.library.name": ["string", "tracer"], "otel.library.version": ["string", "1.2.3"]}
    if client.name.startswith("python-"):
        tags |= {"otel.scope.name": ["string", "tracer"], "otel.scope.version": ["string", "1.2.3"]}
        tags.setdefault("span.kind", ["string", "internal"])
    if told.get("error"):
        tags |= {"otel.status_code": ["string", "ERROR"], "otel.status_description": ["string", told["error"]]}
    if told.get("ok"):
        tags["otel.status_code"] = ["string", "OK"]
    return tags


def jaeger_fields(client: Client, event: dict) -> dict:
    fields = {key: typed(client, value) for key, value in event["fields"].items()}
    if client.api == "otel" and client.name.startswith("python-"):
        # The event's name goes under `message`, beside an attribute of that key.
        fields["message again" if "message" in fields else "message"] = ["string", event["name"]]
    else:
        fields["event"] = ["string", event["name"]]
    return fields


def without_machine(client: Client, tree: dict) -> dict:
    """A tree without what depends on the machine, which must be there."""
    for span in without_format(tree).values():
        if client.api == "opentracing":
            there = OF_THE_MACHINE & span["process"].keys()
            assert there >= {"jaeger.version", "ip", "hostname"}, span["process"]
            for key in there:
                assert span["process"].pop(key)[0] == "string"
    return tree


def without_format(tree: dict) -> dict:
    """A tree without the tag in which Jaeger notes in which form a span came."""
    for span in tree.values():
        assert span["tags"].pop("internal.span.format")[0] == "string"
    return tree


LOCAL = {"ipv4": "192.0.2.1", "port": 40001}


def zipkin(client: Client, spans: list[dict], ids: dict) -> dict:
    tree = {}
    for told in spans:
        own = ids[told["name"]]
        python_otel = client.api == "otel" and client.name.startswith("python-")
        tree[told["name"].lower()] = {
            "trace": own["trace"],
            "span": own["span"],
            "parent": own.get("parent"),
            # v1 has no kinds, only annotations, which this exporter does not write.
            "kind": told["kind"].upper() if told.get("kind") and client.name != "python-otel-zipkin-v1" else None,
            "start": told["start"],
            "duration": told["duration"],
            "local": {"serviceName": client.service} | zipkin_local(client),
            "remote": zipkin_remote(told),
            "tags": zipkin_tags(client, told),
            "annotations": {
                f"{number:02}": {"timestamp": event["at"], "value": zipkin_event(client, event)}
                for number, event in enumerate(told.get("events", []))
            },
            # This exporter takes the sampled flag for it.
            "debug": python_otel,
            "shared": told.get("shared", False),
        }
    return tree


def zipkin_local(client: Client) -> dict:
    if client.name == "node-otel-zipkin":
        return {}
    return LOCAL | {"ipv6": "2001:db8::1"} if client.api == "otel" else LOCAL


def zipkin_remote(told: dict) -> dict:
    remote = told.get("remote")
    return {"serviceName": remote["service"], "ipv4": remote["ip"], "port": remote["port"]} if remote else {}


def zipkin_event(client: Client, event: dict) -> str:
    if client.api == "otel" and client.name.startswith("python-"):
        return json.dumps({event["name"]: event["fields"]}, sort_keys=True)
    return event["name"]


def zipkin_tags(client: Client, told: dict) -> dict:
    tags = {key: text(client, value) for key, value in told.get("tags", {}).items()}
    if client.name.startswith("brave-") and told.get("error"):
        tags["error"] = told["error"]
    if client.api == "otel":
        tags |= {key: text(client, value) for key, value in PROCESS.items()} | {"service.name": client.service}
        if client.name.startswith("python-"):
            for prefix in ("otel.library", "otel.scope"):
                tags |= {f"{prefix}.name": "tracer", f"{prefix}.version": "1.2.3"}
        if told.get("error"):
            tags |= {"otel.status_code": "ERROR", "error": told["error"]}
        if told.get("ok"):
            tags["otel.status_code"] = "OK"
    return {key: ["string", value] for key, value in tags.items()}


def within_a_microsecond(tree: dict, told: dict) -> dict:
    """`tree` with the times of `told` where they are off by one: some clients reckon in floating point seconds."""
    for name, span in tree.items():
        for key in ("start", "duration"):
            if name in told and abs(span[key] - told[name][key]) <= 1:
                span[key] = told[name][key]
        for part in ("logs", "annotations"):
            for number, event in span.get(part, {}).items():
                other = told.get(name, {}).get(part, {}).get(number, {})
                for key in ("at", "timestamp"):
                    if key in event and key in other and abs(event[key] - other[key]) <= 1:
                        event[key] = other[key]
    return tree
