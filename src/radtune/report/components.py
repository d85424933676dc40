"""Which components of the references the captions name, as the report shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from radtune.artifacts.kinds.caption_components import CAPTION_COMPONENTS
from radtune.benchmark.components import COMPONENTS
from radtune.report.read_run import Run


@dataclass(frozen=True)
class ComponentTable:
    """Systems and arms by components."""

    columns: list[tuple[str, int]]
    """Components that any reference names, with how many of them the references hold."""
    rows: list[tuple[str, str, list[dict[str, Any]]]]
    """System, arm, and rows of ``caption_components`` in the order of the columns."""
    confidence: float
    items: int


def read_components(run: Run) -> ComponentTable | None:
    """The table of the run; None before there is one."""
    rows = run.rows(run.layout.caption_components, CAPTION_COMPONENTS)
    if not rows:
        return None
    cells = {(row["system"], row["arm"], row["component"]): row for row in rows}
    most = {component: max(row["in_references"] for row in rows if row["component"] == component) for component in COMPONENTS}
    columns = [(component, count) for component, count in most.items() if count]
    place = {system: number for number, system in enumerate(run.systems)}
    contenders = sorted({(row["system"], row["arm"]) for row in rows}, key=lambda one: (place.get(one[0], -1), one[1] != "plain"))
    return ComponentTable(
        columns,
        [(system, arm, [cells[system, arm, component] for component, _ in columns]) for system, arm in contenders],
        confidence=rows[0]["confidence"],
        items=max(row["items"] for row in rows),
    )
