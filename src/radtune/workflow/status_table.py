"""The status of a run for a terminal: a table of models and steps, then what needs words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from radtune.workflow.gpu_hours import GpuHours
from radtune.workflow.status import STATES, JobStatus, RunStatus, State

_STYLES: dict[State, str] = {
    "failed": "red",
    "stopped": "yellow",
    "running": "cyan",
    "queued": "blue",
    "pending": "dim",
    "done": "green",
}
_MOST_NAMED = 20
"""Jobs named below the table for each state."""


def print_status(status: RunStatus, console: Console | None = None) -> None:
    """Print ``status``: a line a model, a line for the steps that all share, then failures, work under way, and the hours."""
    console = console or Console()
    steps = list(dict.fromkeys(_column(job) for job in status.jobs if job.model is not None))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(status.run, no_wrap=True)
    for step in steps:
        table.add_column(step, overflow="fold")
    for title in ("GPU h spent", "left"):
        table.add_column(title, justify="right")
    for model in dict.fromkeys(job.model for job in status.jobs if job.model is not None):
        jobs = [job for job in status.jobs if job.model == model]
        cells = [_cell([job for job in jobs if _column(job) == step]) for step in steps]
        table.add_row(model, *cells, *_hours(sum((job.gpu_hours for job in jobs), GpuHours())))
    console.print(table)
    shared = [job for job in status.jobs if job.model is None]
    hours = sum((job.gpu_hours for job in shared), GpuHours())
    console.print(Text.assemble("shared steps: ", _counted(shared), f"; GPU hours: {hours.spent:,.1f} spent"))
    for state in STATES:
        if state not in ("done", "pending"):
            _name(console, state, [job for job in status.jobs if job.state == state])
    total = status.gpu_hours
    console.print(
        Text.assemble(
            "all jobs: ",
            _counted(status.jobs),
            f"; GPU hours: {total.spent:,.1f} spent",
            f", {total.left:,.1f} left",
            _notes(total),
        )
    )
    if status.scheduler == "no answer":
        console.print("squeue could not be asked: jobs that were handed to a scheduler may be waiting or running", style="yellow")


def _column(job: JobStatus) -> str:
    """Gathering shards is shown with predicting."""
    return job.step.replace("gather ", "predict ")


def _cell(jobs: Sequence[JobStatus]) -> Text:
    """State and amount of one model's jobs for one step."""
    if not jobs:
        return Text("–", style="dim")
    amounts = [job.amount for job in jobs if job.amount is not None]
    text = _counted(jobs) if len(jobs) > 1 else Text(jobs[0].state, style=_STYLES[jobs[0].state])
    if amounts and any(amount.done for amount in amounts):
        known = [amount.of for amount in amounts if amount.of is not None]
        of = f"/{sum(known):,}" if len(known) == len(amounts) else ""
        text.append(f" {sum(amount.done for amount in amounts):,}{of} {amounts[0].unit}")
        if amounts[0].epoch is not None:
            text.append(f", epoch {amounts[0].epoch:.1f}")
    return text


def _counted(jobs: Sequence[JobStatus]) -> Text:
    """How many jobs are in which state; only the state where it is one."""
    counts = Counter(job.state for job in jobs)
    if len(counts) == 1 and len(jobs) > 1:
        (state,) = counts
        return Text(f"{len(jobs):,} {state}", style=_STYLES[state])
    return Text(", ").join(Text(f"{counts[state]:,} {state}", style=_STYLES[state]) for state in STATES if counts[state])


def _hours(hours: GpuHours) -> tuple[str, str]:
    """Hours spent and left; ``+ ?`` where some are not known."""
    spent = f"{hours.spent:,.1f}{' + ?' if hours.unknown else ''}"
    left = f"{hours.left:,.1f}{' + ?' if hours.unplanned else ''}"
    return spent, left


def _notes(hours: GpuHours) -> str:
    notes = ""
    if hours.unknown:
        notes += f"; {hours.unknown:,} finished job(s) left no time"
    if hours.unplanned:
        notes += f"; {hours.unplanned:,} job(s) for a GPU not reckoned (--planned reckons those of models)"
    return notes


def _name(console: Console, state: State, jobs: Sequence[JobStatus]) -> None:
    """Name the jobs in one state, with what there is to say about each."""
    for job in jobs[:_MOST_NAMED]:
        words = f" {job.rule}: {job.detail}" + (f" ({job.log})" if state in ("failed", "stopped") else "")
        console.print(Text.assemble((state, _STYLES[state]), words), soft_wrap=True)
    if len(jobs) > _MOST_NAMED:
        console.print(f"and {len(jobs) - _MOST_NAMED:,} more {state}")
