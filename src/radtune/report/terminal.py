"""The results table in a terminal."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from radtune.report.read_run import read_run
from radtune.report.results import Cell, ScoreTable, metric_title, read_score_tables, state_verdicts


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


def _table(table: ScoreTable) -> Table:
    """One row a system and arm, one column a metric: narrow enough for a terminal of 80 columns."""
    shown = Table(
        title=f"{table.task.capitalize()}s: mean and {table.confidence:.0%} confidence interval, {table.items} test items",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("system", no_wrap=True)
    shown.add_column("arm", no_wrap=True)
    metrics = [metric for metric, _ in table.metrics]
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
    return mean if cell.low is None or cell.high is None else f"{mean}\n{cell.low:.2f}–{cell.high:.2f}"
