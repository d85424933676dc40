"""How the systems stand in one number, and whether relevance and factuality go together: figures 8 and 9 of the journal
(Bioengineering 2025, 12(12), 1330), from the means of the score table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, get_args

from radtune.artifacts.kinds.paper_comparison import PAPER_COMPARISON
from radtune.benchmark.paper_values import JOURNAL
from radtune.config.metrics import FactualityMetric, RelevanceMetric
from radtune.report.read_run import Run
from radtune.report.results import Cell, ScoreTable
from radtune.statistics.correlation import Line, kendall, least_squares, spearman

OF_RELEVANCE: Final[tuple[str, ...]] = ("relevance", *get_args(RelevanceMetric))
"""The first of them that is measured stands for relevance."""
OF_FACTUALITY: Final[tuple[str, ...]] = ("factuality", *get_args(FactualityMetric))
OF_ALL: Final[tuple[str, ...]] = ("overall", *OF_RELEVANCE, *OF_FACTUALITY)

FEWEST = 3
"""Systems that a correlation and a line need: through two points there is always a perfect line."""


class Bar(NamedTuple):
    """One system of a ranking."""

    system: str
    mean: float
    low: float | None
    high: float | None
    is_baseline: bool


@dataclass(frozen=True)
class Ranking:
    """Systems by one metric of their captions, plain arm, the best first."""

    metric: str
    bars: list[Bar]
    confidence: float

    @property
    def instead(self) -> bool:
        """Whether another metric stands in because the overall average is not measured."""
        return self.metric != OF_ALL[0]


class Point(NamedTuple):
    """One system of a scatter plot."""

    system: str
    relevance: float
    factuality: float


@dataclass(frozen=True)
class Association:
    """How two columns of numbers go together; None where there are fewer than :data:`FEWEST` systems or a column is constant."""

    systems: int
    spearman: float | None
    kendall: float | None
    line: Line | None


@dataclass(frozen=True)
class Relation:
    """Relevance against factuality of captions, plain arm, one point a system; the random baseline is in no fit."""

    relevance: str
    """The metric of the horizontal axis."""
    factuality: str
    points: list[Point]
    baseline: Point | None
    association: Association
    printed: Association | None
    """The same from what the journal prints for the systems of this run; None where it prints too few."""

    @property
    def instead(self) -> bool:
        """Whether another metric stands in for one of the averages."""
        return (self.relevance, self.factuality) != (OF_RELEVANCE[0], OF_FACTUALITY[0])


def read_ranking(tables: Sequence[ScoreTable]) -> Ranking | None:
    """The systems' captions by the first of :data:`OF_ALL` that is measured; None where none is."""
    for table in (table for table in tables if table.task == "caption"):
        for metric in OF_ALL:
            if cells := _plain(table, metric):
                baselines = {row.system for row in table.rows if row.is_baseline}
                bars = [
                    Bar(system, mean, cell.low, cell.high, system in baselines)
                    for system, cell in cells.items()
                    if (mean := cell.mean) is not None
                ]
                return Ranking(metric, sorted(bars, key=lambda bar: (-bar.mean, bar.system)), table.confidence)
    return None


def read_relation(run: Run, tables: Sequence[ScoreTable]) -> Relation | None:
    """Relevance against factuality of the systems' captions; None where no metric of one of them is measured."""
    for table in (table for table in tables if table.task == "caption"):
        measured = [next((metric for metric in names if _plain(table, metric)), None) for names in (OF_RELEVANCE, OF_FACTUALITY)]
        if measured[0] is None or measured[1] is None:
            continue
        relevance, factuality = _means(table, measured[0]), _means(table, measured[1])
        points = [Point(system, x, factuality[system]) for system, x in relevance.items() if system in factuality]
        baselines = {row.system for row in table.rows if row.is_baseline}
        own = [point for point in points if point.system not in baselines]
        return Relation(
            measured[0],
            measured[1],
            own,
            next((point for point in points if point.system in baselines), None),
            associate(own),
            _printed(run),
        )
    return None


def associate(points: Sequence[Point]) -> Association:
    """Rank correlations and the least-squares line of factuality on relevance."""
    if len(points) < FEWEST:
        return Association(len(points), None, None, None)
    x, y = [point.relevance for point in points], [point.factuality for point in points]
    return Association(len(points), spearman(x, y), kendall(x, y), least_squares(x, y))


def _plain(table: ScoreTable, metric: str) -> dict[str, Cell]:
    """Cells of one metric that have a mean, plain arm, by system."""
    columns = [place for place, column in enumerate(table.columns) if (column.metric, column.arm) == (metric, "plain")]
    return {row.system: row.cells[place] for place in columns for row in table.rows if row.cells[place].mean is not None}


def _means(table: ScoreTable, metric: str) -> dict[str, float]:
    return {system: cell.mean for system, cell in _plain(table, metric).items() if cell.mean is not None}


def _printed(run: Run) -> Association | None:
    values: dict[str, dict[str, float]] = {}
    for row in run.rows(run.layout.paper_comparison, PAPER_COMPARISON):
        if row["source"].startswith(JOURNAL) and (row["task"], row["arm"]) == ("caption", "plain"):
            values.setdefault(row["metric"], {})[row["system"]] = row["printed"]
    relevance, factuality = (values.get(names[0], {}) for names in (OF_RELEVANCE, OF_FACTUALITY))
    points = [Point(system, relevance[system], factuality[system]) for system in sorted(relevance.keys() & factuality.keys())]
    return associate(points) if len(points) >= FEWEST else None
