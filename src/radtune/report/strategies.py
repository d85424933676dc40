"""One base model adapted in several ways: figures 6 and 7 of the journal (Bioengineering 2025, 12(12), 1330)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radtune.artifacts.kinds.paper_comparison import PAPER_COMPARISON
from radtune.benchmark.paper_values import JOURNAL
from radtune.report.prompting import PAPER_METRICS
from radtune.report.read_run import Run
from radtune.report.results import Cell, Comparison, ScoreTable
from radtune.report.training import Training

AVERAGES = ("relevance", "factuality", "overall")
"""What the figure shows, where it is measured; else as many metrics of the table."""


@dataclass(frozen=True)
class StrategyCell:
    """One system and metric."""

    score: Cell
    test: Comparison | None
    """The system minus the one with the fewest trained parameters; None for that one itself."""
    printed: float | None


@dataclass(frozen=True)
class Adapted:
    """The base model, adapted in one way."""

    system: str
    strategy: str
    parameters: int
    """Trained parameters."""
    cells: list[StrategyCell]


@dataclass(frozen=True)
class StrategyGroup:
    """Systems of one base model that were adapted by at least two strategies."""

    family: str
    sources: list[str]
    metrics: list[str]
    systems: list[Adapted]
    """Those with fewer trained parameters first."""
    confidence: float

    @property
    def drawn(self) -> list[str]:
        """Metrics of the figure: those that two systems or more have a value for."""
        compared = [
            metric
            for place, metric in enumerate(self.metrics)
            if sum(adapted.cells[place].score.mean is not None for adapted in self.systems) > 1
        ]
        return [metric for metric in AVERAGES if metric in compared] or compared[: len(AVERAGES)]

    @property
    def has_printed(self) -> bool:
        """Whether the journal prints any of the numbers."""
        return any(cell.printed is not None for adapted in self.systems for cell in adapted.cells)

    @property
    def name(self) -> str:
        """What the systems' names have in common, which is the base model by the convention of the published names."""
        first, *others = (adapted.system for adapted in self.systems)
        common = first
        while not all(name.startswith(common) for name in others):
            common = common[:-1]
        return common.rstrip("_") or self.family


def read_strategies(
    run: Run, tables: Sequence[ScoreTable], comparisons: Sequence[Comparison], trainings: Sequence[Training]
) -> list[StrategyGroup]:
    """Base models (family and sources of the weights) whose systems use two strategies or more and have values of one of
    :data:`PAPER_METRICS` in common, on captions, plain arm."""
    table = next((table for table in tables if table.task == "caption"), None)
    if table is None:
        return []
    by_base: dict[tuple[str, tuple[tuple[str, str], ...]], list[Training]] = {}
    for training in trainings:
        by_base.setdefault((training.family, tuple(sorted(training.sources.items()))), []).append(training)
    printed = {
        (row["system"], row["metric"]): row["printed"]
        for row in run.rows(run.layout.paper_comparison, PAPER_COMPARISON)
        if row["source"].startswith(JOURNAL) and (row["task"], row["arm"]) == ("caption", "plain")
    }
    tests = {}
    for test in comparisons:
        if test.task == "caption" and test.first[1] == test.second[1] == "plain":
            tests[test.metric, test.first[0], test.second[0]] = test
            tests[test.metric, test.second[0], test.first[0]] = test.reversed()
    cells = {
        (row.system, column.metric): cell
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if column.arm == "plain"
    }
    groups = []
    for (family, sources), members in by_base.items():
        scored = sorted(
            (member for member in members if any(member.system == system for system, _ in cells)),
            key=lambda member: (member.parameters, member.system),
        )
        if len({member.strategy for member in scored}) < 2:
            continue
        smallest = scored[0].system
        metrics = [
            metric
            for metric in PAPER_METRICS
            if any((cell := cells.get((member.system, metric))) and cell.mean is not None for member in scored)
        ]
        systems = [
            Adapted(
                member.system,
                member.strategy,
                member.parameters,
                [
                    StrategyCell(
                        cells.get((member.system, metric), Cell()),
                        tests.get((metric, member.system, smallest)),
                        printed.get((member.system, metric)),
                    )
                    for metric in metrics
                ],
            )
            for member in scored
        ]
        group = StrategyGroup(family, [source for _, source in sources], metrics, systems, table.confidence)
        if group.drawn:
            groups.append(group)
    return sorted(groups, key=lambda group: group.name)
