"""The results table in a terminal."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from radtune.report.read_run import read_run
from radtune.report.results import Cell, ScoreTable, metric_title, read_score_tables, state_verdicts

HEADLINES = ("overall", "rouge1", "bertscore", "concept_f1", "modality_accuracy", "exact_match", "token_f1")
"""Metrics shown where there is room for a few."""

COLUMNS = 4
"""Metrics that fit beside the names of systems and arms."""


def print_results(run: Path, console: Console | None = None) -> None:
    """Print the score tables of the run in folder ``run``, what they say of the pretrained system, and which page to open.

    Raises ``DataError`` if ``run`` holds no artifacts.
    """
    console = console or Console()
    found = read_run(run)
    tables = read_score_tables(found)
    if not tables:
        console.print(f"{run}: no benchmark yet (no {found.layout.system_scores.name})")
    for table in tables:
        console.print(_table(table))
        for metric, reason, systems in table.reasons:
            console.print(f"{metric_title(metric)} of {', '.join(systems)} is unavailable: {reason}", markup=False)
    for statement in state_verdicts(tables):
        console.print(f"{statement.system} (pretrained) {statement.text}", markup=False)
    if found.layout.report.is_file():
        console.print(f"Report: {found.layout.report.resolve().as_uri()}", markup=False, soft_wrap=True)
    else:
        console.print("Report: not built yet (radtune report build)", markup=False)


def _headline(table: ScoreTable) -> list[str]:
    """The metrics that fit: those of :data:`HEADLINES`, or if there are none, the report's first."""
    metrics = [metric for metric, _ in table.metrics]
    return ([metric for metric in HEADLINES if metric in metrics] or metrics)[:COLUMNS]


def _table(table: ScoreTable) -> Table:
    """One row a system and arm, one column a headline metric: narrow enough for a terminal of 80 columns."""
    shown = Table(
        title=f"{table.task.capitalize()}s: mean and {table.confidence:.0%} confidence interval, {table.items} test items",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("system", no_wrap=True)
    shown.add_column("arm", no_wrap=True)
    metrics = _headline(table)
    if len(metrics) < len(table.metrics):
        shown.caption = f"{len(metrics)} of {len(table.metrics)} metrics; the report has all"
        shown.caption_justify = "left"
    for metric in metrics:
        shown.add_column(metric_title(metric), justify="right", overflow="fold")
    for row in table.rows:
        cells = {(column.metric, column.arm): cell for column, cell in zip(table.columns, row.cells, strict=True)}
        for arm in dict.fromkeys(column.arm for column in table.columns):
            own = [cells.get((metric, arm), Cell()) for metric in metrics]
            if any(cell.mean is not None or cell.unavailable for cell in own):
                shown.add_row(row.system, arm, *(_cell(cell) for cell in own), style="dim" if row.is_baseline else None)
    return shown


def _cell(cell: Cell) -> str:
    if cell.mean is None:
        return "n/a" if cell.unavailable else "–"
    mean = f"[bold]{cell.mean:.3f}[/bold]" if cell.best else f"{cell.mean:.3f}"
    lines = [mean]
    if cell.low is not None and cell.high is not None:
        lines.append(f"{cell.low:.2f}–{cell.high:.2f}")
    if cell.total is not None:
        lines.append(f"corpus {cell.total:.3f}")
    return "\n".join(lines)
