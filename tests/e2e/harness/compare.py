"""Field by field: what came out is what went in, however it was batched."""

from __future__ import annotations

from collections import Counter

from google.protobuf import json_format

from .signals import Signal


def flatten(signal: Signal, requests, test: str) -> list[str]:
    """Each item with its resource, scope and schema URLs, as text in a canonical order. Only items whose
    resource carries `test.id` = `test`."""
    rows = []
    for request in requests:
        for resource in getattr(request, signal.resources):
            ids = [a.value.string_value for a in resource.resource.attributes if a.key == "test.id"]
            if ids != [test]:
                continue
            for scope in getattr(resource, signal.scopes):
                head = (text(resource.resource), resource.schema_url, text(scope.scope), scope.schema_url)
                rows += ["\n".join((*head, text(item))) for item in getattr(scope, signal.items)]
    return sorted(rows)


def text(message) -> str:
    """Every field that is set, in the order of field numbers; repeated fields in their own order."""
    return json_format.MessageToJson(message, indent=1, ensure_ascii=False, preserving_proto_field_name=True)


def assert_same(went_in: list[str], came_out: list[str]):
    assert went_in, "nothing was sent: the comparison would prove nothing"
    missing, extra = Counter(went_in) - Counter(came_out), Counter(came_out) - Counter(went_in)
    assert not missing and not extra, (
        f"{len(went_in)} items went in, {len(came_out)} came out\n"
        f"missing: {next(iter(missing), None)}\nextra: {next(iter(extra), None)}"
    )
