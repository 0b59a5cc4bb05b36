"""Clients of Jaeger and Zipkin pointed at sluice instead: each of their spans, at every sink, field by field."""

from __future__ import annotations

import pytest

from harness import clients, expected, inward, outward, stored
from harness.gateway import JAEGERS
from harness.stand import jaeger_tree, zipkin_tree

name = lambda client: client.name  # noqa: E731

# Jaeger's receiver for OTLP, of this version, does not read a span's flags.
FLAGS = {"*/flags": "Jaeger's OTLP receiver of this version does not read them"}


@pytest.mark.parametrize("client", clients.JAEGER, ids=name)
def test_a_jaeger_client_in_otlp(follow, gateway, client):
    sent = follow(client)
    told = inward.jaeger(client, sent.spans, sent.ids, sent.remote)
    tree = inward.within_a_microsecond(inward.without_machine(client, gateway.otlp_tree(sent)), told)
    stored.assert_same_but_for(told, tree, {})
    gateway.collector.settled_ledger()


@pytest.mark.parametrize("client", clients.ZIPKIN, ids=name)
def test_a_zipkin_client_in_otlp(follow, gateway, client):
    sent = follow(client)
    told = inward.zipkin(client, sent.spans, sent.ids)
    tree = inward.within_a_microsecond(gateway.otlp_tree(sent), told)
    stored.assert_same_but_for(told, tree, {})
    gateway.collector.settled_ledger()


@pytest.mark.parametrize("exporter", JAEGERS)
@pytest.mark.parametrize("client", clients.JAEGER + clients.ZIPKIN, ids=name)
def test_jaeger_stores_what_otlp_says(follow, gateway, stand, client, exporter):
    sent = follow(client)
    told = outward.jaeger(gateway.otlp_tree(sent))
    tree = expected.without_format(jaeger_tree(stand.get(f"jaeger behind {exporter}"), sent))
    # Zipkin's spans have none.
    flags = FLAGS if exporter == "otlp" and client in clients.JAEGER else {}
    stored.assert_same_but_for(told, tree, flags)


@pytest.mark.parametrize("client", clients.JAEGER + clients.ZIPKIN, ids=name)
def test_zipkin_stores_what_otlp_says(follow, gateway, stand, client):
    sent = follow(client)
    told = outward.zipkin(gateway.otlp_tree(sent))
    stored.assert_same_but_for(told, zipkin_tree(stand.get("zipkin behind"), sent), {})


# What Jaeger stores otherwise when sluice is between: clients and ways to Jaeger, paths, why. All are as with
# otelcol.
UNLIKE_STRAIGHT_TO_JAEGER = [
    ("*-jaeger-client*", "*/process/hostname", "is OpenTelemetry's `host.name` now"),
    ("*-jaeger-client*", "*/process/host.name", "was Jaeger's `hostname`"),
    ("*-jaeger-client*", "*/process/jaeger.version", "is `opencensus.exporterversion` now"),
    ("*-jaeger-client*", "*/process/opencensus.exporterversion", "was `jaeger.version`, with `Jaeger-` before it"),
    ("*-jaeger-client*", "GET /Städte/tags/otel.status_code", "`error` is a status in OTLP, which comes out in full"),
    ("*-jaeger-client*", "debugged/flags", "OTLP has a flag for sampled, none for debug"),
    ("python-otel-*", "GET /Städte/logs/00/fields/message*", "a key twice: OTLP has one, with the last value"),
    ("python-otel-proto-grpc*", "*/process/service.name", "is the process's name, and not repeated as its tag"),
    ("*-otlp", "*/flags", "Jaeger's OTLP receiver of this version does not read them"),
]


@pytest.mark.parametrize("exporter", JAEGERS)
@pytest.mark.parametrize("client", clients.JAEGER, ids=name)
def test_jaeger_stores_the_same_as_without_sluice(follow, stand, client, exporter):
    sent = follow(client)
    straight = expected.without_format(jaeger_tree(stand.get("jaeger"), sent))
    through = expected.without_format(jaeger_tree(stand.get(f"jaeger behind {exporter}"), sent))
    differences = stored.expected_of(f"{client.name}-{exporter}", UNLIKE_STRAIGHT_TO_JAEGER)
    stored.assert_same_but_for(straight, through, differences)


# What Zipkin stores otherwise when sluice is between, as with otelcol: clients, paths, why.
OTEL, VERSION_1 = "*-otel-*", "py-zipkin-v1-* node-zipkin-v1 brave-v1-*"
UNLIKE_STRAIGHT_TO_ZIPKIN = [
    ("py-* node-zipkin* brave*", "answer/shared", "OTLP has no word for it; both halves keep the identifier"),
    ("python-otel-*", "*/debug", "OTLP has no word for it"),
    ("*", "get /städte/tags/peer.service", "is the remote endpoint's name"),
    (OTEL, "get /städte/remote/serviceName", "was the tag `peer.service`"),
    (OTEL, "*/tags/otel.status_code", "`OK` and `ERROR` are written `STATUS_CODE_OK` and `STATUS_CODE_ERROR`"),
    ("python-otel-zipkin-v2 python-otel-zipkin-proto", "*/tags/otel.library.*", "the old name of `otel.scope.*`"),
    ("python-otel-zipkin-v2 python-otel-zipkin-proto", "*/local/ipv4", "of two addresses OTLP has the newer kind"),
    ("python-otel-zipkin-v2 python-otel-zipkin-proto node-otel-zipkin", "*/tags/service.name", "is the service's name"),
    # Version 1.
    ("*-v1*", "*/local/ipv4", "v1's addresses become attributes of the resource"),
    ("*-v1*", "*/local/port", "v1's addresses become attributes of the resource"),
    ("python-otel-zipkin-v1", "*/local/ipv6", "v1's addresses become attributes of the resource"),
    (VERSION_1, "*/tags/ipv4", "v1's addresses become attributes of the resource"),
    (VERSION_1, "*/tags/port", "v1's addresses become attributes of the resource"),
    (VERSION_1, "get /städte/tags/sa", "v1's address of the other side is also an attribute"),
    ("*-v1*", "get /städte/tags/error", "v1's `error` and HTTP's 503 are a status: `true`"),
    (VERSION_1, "get /städte/tags/otel.status_code", "v1's `error` and HTTP's 503 are a status"),
    ("brave-v1-* python-otel-zipkin-v1", "get /städte/tags/otel.status_description", "was the text of `error`"),
    ("node-zipkin-v1 brave-v1-*", "publish/annotations/*", "`ws`, which v1 has beside `ms`"),
    ("node-zipkin-v1 brave-v1-*", "consume/annotations/*", "`wr`, which v1 has beside `mr`"),
]


@pytest.mark.parametrize("client", clients.ZIPKIN, ids=name)
def test_zipkin_stores_the_same_as_without_sluice(follow, stand, client):
    sent = follow(client)
    straight, through = zipkin_tree(stand.get("zipkin"), sent), zipkin_tree(stand.get("zipkin behind"), sent)
    stored.assert_same_but_for(straight, through, stored.expected_of(client.name, UNLIKE_STRAIGHT_TO_ZIPKIN))
