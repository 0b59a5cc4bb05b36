"""Clients of Jaeger and Zipkin pointed straight at the real servers: what a stored trace has to look like.

What passes here is what the same clients must get when they are pointed at sluice instead: see `test_interop.py`.
"""

from __future__ import annotations

import pytest

from harness import clients, expected, stored
from harness.stand import jaeger_tree, zipkin_tree


@pytest.mark.parametrize("client", clients.JAEGER, ids=lambda client: client.name)
def test_jaeger_stores_what_its_client_was_told(stand, follow, client):
    sent = follow(client)
    tree = expected.without_machine(client, jaeger_tree(stand.get("jaeger"), sent))
    told = expected.jaeger(client, sent.spans, sent.ids, sent.remote)
    stored.assert_same_but_for(told, expected.within_a_microsecond(tree, told), {})


@pytest.mark.parametrize("client", clients.ZIPKIN, ids=lambda client: client.name)
def test_zipkin_stores_what_its_client_was_told(stand, follow, client):
    sent = follow(client)
    tree = zipkin_tree(stand.get("zipkin"), sent)
    told = expected.zipkin(client, sent.spans, sent.ids)
    stored.assert_same_but_for(told, expected.within_a_microsecond(tree, told), {})
