"""The benchmark by parts of the test set as the report shows it: one table a task and metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from radtune.artifacts.kinds.slice_scores import SLICE_SCORES
from radtune.report.read_run import Run
from radtune.report.results import metric_place

SLICINGS = ("modality", "caption length", "body region", "semantic group")
"""In the order of the table's columns; others follow."""


@dataclass(frozen=True)
class SliceColumn:
    """One slice."""

    slicing: str
    name: str
    items: int
    """Most items that a system has there."""


@dataclass(frozen=True)
class SliceRow:
    """One system in one arm."""

    system: str
    arm: str
    cells: list[dict[str, Any] | None]
    """Rows of ``slice_scores`` in the order of the columns; None where the system has no such item or the metric no value."""


@dataclass(frozen=True)
class SliceTable:
    """Systems by slices for one task and metric."""

    task: str
    metric: str
    columns: list[SliceColumn]
    rows: list[SliceRow]
    confidence: float

    @property
    def slicings(self) -> list[tuple[str, int]]:
        """Each slicing with the number of columns it spans."""
        names = [column.slicing for column in self.columns]
        return [(name, names.count(name)) for name in dict.fromkeys(names)]


def read_slice_tables(run: Run) -> list[SliceTable]:
    """A table of every task and metric that has a value, in the order of the score tables; empty before there are any."""
    by_metric: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in run.rows(run.layout.slice_scores, SLICE_SCORES):
        if row["mean"] is not None:
            by_metric.setdefault((row["task"], row["metric"]), []).append(row)
    found = sorted(by_metric, key=lambda key: (key[0], metric_place(key[1])))
    return [_slice_table(run, *key, by_metric[key]) for key in found]


def _slice_table(run: Run, task: str, metric: str, rows: list[dict[str, Any]]) -> SliceTable:
    keys = sorted(
        {(row["slicing"], row["place"], row["slice"]) for row in rows},
        key=lambda key: (SLICINGS.index(key[0]) if key[0] in SLICINGS else len(SLICINGS), key),
    )
    cells = {(row["system"], row["arm"], row["slicing"], row["slice"]): row for row in rows}
    columns = [
        SliceColumn(slicing, name, max(row["items"] for (_, _, *key), row in cells.items() if key == [slicing, name]))
        for slicing, _, name in keys
    ]
    contenders = {(row["system"], row["arm"]) for row in rows}
    place = {system: number for number, system in enumerate(run.systems)}
    return SliceTable(
        task,
        metric,
        columns,
        [
            SliceRow(system, arm, [cells.get((system, arm, column.slicing, column.name)) for column in columns])
            for system, arm in sorted(contenders, key=lambda one: (place.get(one[0], -1), one[1] != "plain", one[1]))
        ],
        confidence=max(row["confidence"] for row in rows),
    )
