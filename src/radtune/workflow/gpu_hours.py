"""What a run's jobs have cost in GPU hours, and what they will. Only reads, and loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from radtune.artifacts.io import read_footer
from radtune.workflow.amounts import Amount
from radtune.workflow.jobs import Job
from radtune.workflow.traces import seconds_taken


@dataclass(frozen=True)
class GpuHours:
    """Seconds of wall time times GPUs, in hours."""

    spent: float = 0.0
    unknown: int = 0
    """Finished jobs on a GPU whose time is not known."""
    left: float = 0.0
    """Of work that is not done, as far as it is known."""
    unplanned: int = 0
    """Jobs for a GPU that are not done and not in ``left``."""

    def __add__(self, other: GpuHours) -> GpuHours:
        return GpuHours(
            self.spent + other.spent, self.unknown + other.unknown, self.left + other.left, self.unplanned + other.unplanned
        )


class PlannedHours(NamedTuple):
    """GPU hours of one model, as `radtune plan` reckons them."""

    training: float
    prediction: float
    """Of all arms and shards."""
    predictions: int
    """How many jobs share them."""


def gpu_hours(job: Job, done: bool, amount: Amount | None, planned: Mapping[str, PlannedHours], project: Path) -> GpuHours:
    """GPU hours of ``job``.

    A training notes its own time, and the rest of one that is under way is reckoned at the speed it had; other jobs that are done
    took the wall time that Snakemake noted, start-up included. Jobs not begun are as ``planned`` (by model). A step that noted
    another device than a GPU cost nothing, whatever the configuration asks for.

    Raises :class:`radtune.errors.ArtifactError` for an artifact that cannot be read.
    """
    if done:
        return _spent(job, amount, project)
    if not job.gpus:
        return GpuHours()
    share = 1 - amount.done / amount.of if amount and amount.of else 1.0
    if job.kind == "train" and amount and amount.seconds and share < 1:
        spent = amount.seconds * job.gpus / 3600
        return GpuHours(spent=spent, left=spent / (1 - share) * share)
    plan = planned.get(job.system or "")
    if plan is None or job.kind == "other":
        return GpuHours(unplanned=1)
    return GpuHours(left=share * (plan.training if job.kind == "train" else plan.prediction / plan.predictions))


def _spent(job: Job, amount: Amount | None, project: Path) -> GpuHours:
    # Which device it was, trainings and predictions say; of the others only the request is known.
    notes = {"train": 1, "predict": 0}
    device = read_footer(job.outputs[notes[job.kind]])["notes"] if job.kind in notes else {}
    gpus = job.gpus if not device else max(job.gpus, 1) if device.get("device") == "cuda" else 0
    if not gpus:
        return GpuHours()
    if job.kind == "train" and amount:
        return GpuHours(spent=amount.seconds * device.get("processes", 1) / 3600)
    seconds = seconds_taken(project, job.outputs[0])
    return GpuHours(unknown=1) if seconds is None else GpuHours(spent=seconds * gpus / 3600)
