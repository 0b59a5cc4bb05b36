"""The collector's own accounts, read from its metrics: `sluice_ledger_items`."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

CAME = ("accepted", "produced", "possible_duplicates")
HELD = ("in_batch", "queued", "in_flight")
WENT = ("filtered", "merged", "sent", "rejected", "dropped", *HELD)

_LINE = re.compile(r"^sluice_ledger_items\{(?P<labels>.*)\} (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass
class Branch:
    """One pipeline's way to one exporter."""

    items: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def held(self) -> int:
        return sum(self.items[state] for state in HELD)

    @property
    def unbooked(self) -> int:
        """Items that came and of which the accounts do not say where they went."""
        unknown = set(self.items) - set(CAME) - set(WENT)
        assert not unknown, f"states that the equation does not have: {unknown}"
        return sum(self.items[state] for state in CAME) - sum(self.items[state] for state in WENT)

    def assert_even(self, name):
        assert self.unbooked == 0, f"{name}: {self.unbooked} more items came than went: {dict(self.items)}"


def parse(metrics: str) -> dict[tuple[str, str, str], Branch]:
    branches: dict[tuple[str, str, str], Branch] = defaultdict(Branch)
    for line in _LINE.finditer(metrics):
        labels = dict(_LABEL.findall(line["labels"]))
        branch = branches[labels["pipeline"], labels["signal"], labels["exporter"]]
        branch.items[labels["state"]] += int(float(line["value"]))
    return dict(branches)
