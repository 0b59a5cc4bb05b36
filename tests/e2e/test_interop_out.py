"""OTLP in, Jaeger and Zipkin out: real servers store what OTLP says."""

from __future__ import annotations

import pytest

from harness import clients, expected, outward, stored
from harness.stand import jaeger_tree, zipkin_tree


@pytest.mark.parametrize("exporter", ["jaeger", "jaeger_thrift", "otlp"])
def test_jaeger_stores_what_otlp_says(gateway, stand, exporter):
    sent = stand.sent(clients.OTLP, [stand.get("jaeger"), gateway])
    told = outward.jaeger(gateway.otlp_tree(sent))
    tree = expected.without_format(jaeger_tree(stand.get(f"jaeger behind {exporter}"), sent))
    stored.assert_same_but_for(told, tree, {})
    gateway.collector.settled_ledger()


@pytest.mark.parametrize("exporter", ["jaeger", "jaeger_thrift", "otlp"])
def test_jaeger_stores_the_same_as_without_sluice(gateway, stand, exporter):
    sent = stand.sent(clients.OTLP, [stand.get("jaeger"), gateway])
    straight = expected.without_format(jaeger_tree(stand.get("jaeger"), sent))
    tree = expected.without_format(jaeger_tree(stand.get(f"jaeger behind {exporter}"), sent))
    stored.assert_same_but_for(straight, tree, {})


@pytest.mark.parametrize("client", [clients.OTLP, clients.OTLP_AS_PROTO], ids=["json", "proto"])
def test_zipkin_stores_what_otlp_says(gateway, stand, client):
    targets = [stand.get("jaeger"), gateway] if client is clients.OTLP else [gateway]
    sent = stand.sent(client, targets)
    tree = zipkin_tree(stand.get("zipkin behind"), sent)
    stored.assert_same_but_for(outward.zipkin(gateway.otlp_tree(sent)), tree, {})
    gateway.collector.settled_ledger()
