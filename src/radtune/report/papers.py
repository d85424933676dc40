"""The papers' numbers beside the measured ones, as the report shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from radtune.artifacts.kinds.paper_comparison import PAPER_COMPARISON
from radtune.report.read_run import Run
from radtune.report.results import metric_place


@dataclass(frozen=True)
class PrintedSystem:
    """What papers print for one system."""

    system: str
    rows: list[dict[str, Any]]
    """Rows of ``paper_comparison``: plain arm first, metrics in the order of the score tables."""

    @property
    def measured(self) -> int:
        """How many of the printed numbers the run measured too."""
        return sum(row["measured"] is not None for row in self.rows)


def read_printed(run: Run) -> list[PrintedSystem]:
    """Systems of the run that a paper prints numbers for, in the order of the score tables."""
    rows = run.rows(run.layout.paper_comparison, PAPER_COMPARISON)
    rows.sort(key=lambda row: (row["arm"] != "plain", row["arm"], metric_place(row["metric"]), row["source"]))
    by_system = {system: [row for row in rows if row["system"] == system] for system in run.systems}
    return [PrintedSystem(system, printed) for system, printed in by_system.items() if printed]
