"""What a start of the workflow would run now, and what that would cost by the plan."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radtune.artifacts.layout import Layout
from radtune.config.run import RadtuneConfig
from radtune.errors import RadtuneError
from radtune.planning.plan import ModelPlan
from radtune.training.progress import newest_progress

MOST_PRINTED = 2_000
"""Characters of Snakemake's own words that are handed on when it refuses."""
_JOB_COUNT = re.compile(r"^(\S+)\s+(\d+)$", re.MULTILINE)
_GPU_REQUEST = re.compile(r"\[(\d+) GPU, .*?(\d+) min\]$", re.MULTILINE)
"""The end of the message of a rule with GPUs (:func:`radtune.workflow.rules.asking`): how many, and for how long."""


@dataclass(frozen=True)
class PendingJobs:
    """The jobs of a dry-run."""

    rules: dict[str, int]
    """Jobs of each rule, but for the target."""
    gpu_jobs: int
    cpu_jobs: int
    requested_gpu_hours: float
    """GPUs times time limit of all jobs: the most that a first attempt can use."""


@dataclass(frozen=True)
class PendingModel:
    """What is to be done for one model."""

    model: str
    training_jobs: int
    first_step: int
    """Step of the newest checkpoint, from which an unchanged training goes on; 0 without one."""
    training_steps: int
    training_hours: float
    """GPU hours that are left."""
    prediction_jobs: int
    prediction_hours: float
    """GPU hours of these jobs, from nothing."""
    peak_gib: float
    """GPU memory of training."""


def pending_jobs(config: Sequence[Path]) -> PendingJobs:
    """What Snakemake would run here with ``config`` over ``config.yaml``, from a dry-run that takes no lock.

    Raises :class:`RadtuneError` with Snakemake's own words if it refuses.
    """
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--nolock", "--quiet", "host", "reason"]
    command += ["--configfile", *map(str, config)] if config else []
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    printed = done.stdout
    if done.returncode:
        raise RadtuneError(f"snakemake --dry-run ended with {done.returncode}:\n{printed.strip()[-MOST_PRINTED:]}")
    statistics = printed.partition("Job stats:")[2].partition("\ntotal ")[0]
    rules = {rule: int(count) for rule, count in _JOB_COUNT.findall(statistics) if rule != "all"}
    requests = [(int(gpus), int(minutes)) for gpus, minutes in _GPU_REQUEST.findall(printed)]
    return PendingJobs(
        rules=rules,
        gpu_jobs=len(requests),
        cpu_jobs=sum(rules.values()) - len(requests),
        requested_gpu_hours=sum(gpus * minutes for gpus, minutes in requests) / 60,
    )


def models_of(jobs: PendingJobs, names: Sequence[str]) -> list[str]:
    """Those of ``names`` that are to be trained or asked."""
    return [name for name in names if f"train_{name}" in jobs.rules or f"predict_{name}" in jobs.rules]


def pending_model(jobs: PendingJobs, plan: ModelPlan, config: RadtuneConfig, results: Path) -> PendingModel:
    """The share of ``plan`` that is to be done; no GPU hours for a model that asks for no GPU.

    A training with a checkpoint goes on from there, unless its recipe has changed.
    """
    model = config.models[plan.model]
    generation, on_gpu = model.generation, model.resources.gpu > 0
    all_predictions = len(generation.arms) * generation.shards
    training, predictions = jobs.rules.get(f"train_{plan.model}", 0), jobs.rules.get(f"predict_{plan.model}", 0)
    progress = newest_progress(Layout(results / config.run).checkpoints(plan.model)) if training else None
    step = min(progress.step, plan.training_steps) if progress else 0
    return PendingModel(
        model=plan.model,
        training_jobs=training,
        first_step=step,
        training_steps=plan.training_steps if training else 0,
        training_hours=on_gpu * training * plan.training_hours * (1 - step / plan.training_steps),
        prediction_jobs=predictions,
        prediction_hours=on_gpu * plan.prediction_hours * predictions / all_predictions,
        peak_gib=plan.memory_gib.peak if training else 0.0,
    )
