"""What the predicted modality in the prompt changes: table 5 of the journal (Bioengineering 2025, 12(12), 1330)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radtune.artifacts.kinds.paper_comparison import PAPER_COMPARISON
from radtune.benchmark.paper_values import JOURNAL
from radtune.report.read_run import Run
from radtune.report.results import Comparison, ScoreTable, metric_place

PLAIN, MODALITY = "plain", "modality"

PAPER_METRICS = (
    "similarity", "bertscore", "rouge1", "bleurt", "concept_f1", "alignscore", "relevance", "factuality", "overall",
)  # fmt: skip
"""Columns of the journal's tables 4 and 5, in its order; other metrics have a table of their own."""


@dataclass(frozen=True)
class Change:
    """From one value to another."""

    before: float
    after: float

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before

    @property
    def relative(self) -> float | None:
        """Share of the value before by which it changed; None where that is 0."""
        return self.difference / self.before if self.before else None


@dataclass(frozen=True)
class PromptingCell:
    """One system and metric."""

    measured: Change
    """Means of the plain and of the modality arm."""
    test: Comparison | None
    """The paired test of the second minus the first; its difference is over the items that both arms have a value for."""
    printed: Change | None
    """What the journal prints for the same system."""
    doubtful: bool = False
    """Whether the journal's own table contradicts one of the two printed values."""


@dataclass(frozen=True)
class PromptingTable:
    """Systems by metrics for one task."""

    task: str
    in_papers: bool
    """Whether the metrics are those of the journal's table."""
    metrics: list[str]
    rows: list[tuple[str, list[PromptingCell | None]]]
    """System and cells in the order of the metrics; None where an arm has no value."""
    confidence: float

    @property
    def has_printed(self) -> bool:
        """Whether the journal prints any of the numbers."""
        return any(cell and cell.printed for _, cells in self.rows for cell in cells)

    @property
    def has_doubtful(self) -> bool:
        """Whether any of the printed numbers is wrong in print."""
        return any(cell and cell.doubtful for _, cells in self.rows for cell in cells)


def read_prompting(run: Run, tables: Sequence[ScoreTable], comparisons: Sequence[Comparison]) -> list[PromptingTable]:
    """For each task the journal's metrics, then the others; empty where no system has both arms."""
    printed = {
        (row["system"], row["arm"], row["task"], row["metric"]): (row["printed"], row["note"])
        for row in run.rows(run.layout.paper_comparison, PAPER_COMPARISON)
        if row["source"].startswith(JOURNAL)
    }
    tests = {
        (test.task, test.metric, test.first[0]): test
        for test in comparisons
        if test.first[0] == test.second[0] and (test.first[1], test.second[1]) == (MODALITY, PLAIN)
    }
    found = []
    for table in tables:
        cells = _cells(table, tests, printed)
        with_value = {metric for _, metric in cells}
        for in_papers in (True, False):
            others = sorted(with_value - set(PAPER_METRICS), key=metric_place)
            metrics = [metric for metric in PAPER_METRICS if metric in with_value] if in_papers else others
            rows = [(row.system, [cells.get((row.system, metric)) for metric in metrics]) for row in table.rows]
            if rows := [(system, own) for system, own in rows if any(own)]:
                found.append(PromptingTable(table.task, in_papers, metrics, rows, table.confidence))
    return found


def _cells(
    table: ScoreTable,
    tests: Mapping[tuple[str, str, str], Comparison],
    printed: Mapping[tuple[str, str, str, str], tuple[float, str]],
) -> dict[tuple[str, str], PromptingCell]:
    """By system and metric, where both arms have a mean."""
    means = {
        (row.system, column.metric, column.arm): cell.mean
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
    }
    found = {}
    for system, metric in dict.fromkeys((system, metric) for system, metric, _ in means):
        before, after = (means.get((system, metric, arm)) for arm in (PLAIN, MODALITY))
        if before is None or after is None:
            continue
        plain, modality = (printed.get((system, arm, table.task, metric)) for arm in (PLAIN, MODALITY))
        found[system, metric] = PromptingCell(
            Change(before, after),
            tests.get((table.task, metric, system)),
            Change(plain[0], modality[0]) if plain and modality else None,
            doubtful=bool(plain and modality and (plain[1] or modality[1])),
        )
    return found
