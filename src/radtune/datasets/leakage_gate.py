"""The gate: what follows for training rows that give a test item away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.leakage import LEAKAGE
from radtune.config.datasets import LeakageSettings
from radtune.errors import DataError


@dataclass(frozen=True)
class LeakageGate:
    """Whether training rows that give a test item away are left out, or stop the step that would train on them."""

    leakage: Path
    """The ``leakage`` artifact."""
    settings: LeakageSettings

    @classmethod
    def parse(cls, leakage: Path | None, settings: str) -> LeakageGate | None:
        """The gate as a command gets it: none without the artifact."""
        return None if leakage is None else cls(leakage, LeakageSettings.parse(settings))

    def leaked(self, item_ids: Collection[str]) -> dict[str, str]:
        """Those of ``item_ids`` that training must not see, with what each gives away: the test item, and how alike they are.

        Only pairs of the gate's kinds count, and only with a test item; of several, the first of the artifact is named. Empty
        where the gate only warns. Raises :class:`DataError` where it is to stop and there are any.
        """
        if self.settings.gate == "warn":
            return {}
        rows = [
            row
            for row in read_rows(self.leakage, LEAKAGE)
            if row["other_split"] == "test" and row["kind"] in self.settings.gate_kinds and row["item_id"] in item_ids
        ]
        if rows and self.settings.gate == "stop":
            items = len({row["item_id"] for row in rows})
            counts = ", ".join(f"{kind}: {count}" for kind, count in sorted(Counter(row["kind"] for row in rows).items()))
            raise DataError(
                f"{self.leakage}: training would see items that give test items away: {items} (pairs by kind: {counts})",
                "look at these pairs; then leave the items out (datasets.leakage.gate: drop) or accept them (warn)",
            )
        found: dict[str, str] = {}
        for row in rows:
            found.setdefault(row["item_id"], f"gives away the test item {row['other_id']}: {_measure(row)}")
        return found


def _measure(row: dict[str, object]) -> str:
    if row["kind"] == "image":
        return f"near-duplicate image, {row['distance']} bits apart, similarity {row['similarity']:.3f}"
    if row["kind"] == "caption":
        return f"near-duplicate caption, Jaccard index {row['similarity']:.3f}"
    return f"both belong to {row['group']}"
