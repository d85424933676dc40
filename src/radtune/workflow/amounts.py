"""How much of each job's work is done: steps of a training, rows of a prediction. Only reads, and loads no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from radtune.artifacts.io import read, read_footer, read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.mix import MIX
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.artifacts.layout import Layout
from radtune.config.models import ModelSettings, Task
from radtune.config.run import RadtuneConfig
from radtune.inference.partial import rows_kept
from radtune.training.progress import newest_progress, steps_per_epoch
from radtune.workflow.jobs import Job


@dataclass(frozen=True)
class Amount:
    """How much of a job's work is done."""

    done: int
    of: int | None
    """None as long as it cannot be known. A training may stop earlier."""
    unit: Literal["steps", "rows"]
    epoch: float | None = None
    """Passes over the mix, of a training."""
    seconds: float = 0.0
    """What the done part of a training took."""


def amount_of(job: Job, done: bool, config: RadtuneConfig, layout: Layout) -> Amount | None:
    """How much of ``job`` is done, from its output if it is ``done`` and else from what outlives a kill. None for a job that is
    neither a training nor a prediction.

    Raises :class:`radtune.errors.ArtifactError` for an artifact that cannot be read.
    """
    if job.system is None or job.kind == "other":
        return None
    model = config.models[job.system]
    if job.kind == "predict":
        return _predicted(job, done, model, layout)
    return _logged(job.outputs[1]) if done else _trained(layout.checkpoints(job.system), layout.mix(model.training.mix), model)


def _logged(log: Path) -> Amount:
    notes = read_footer(log)["notes"]
    last = read_rows(log, TRAINING_LOG, ["epoch", "seconds"])[-1]
    return Amount(notes["steps"], notes["total_steps"], "steps", last["epoch"], last["seconds"])


def _trained(checkpoints: Path, mix: Path, model: ModelSettings) -> Amount:
    progress = newest_progress(checkpoints)
    step, seconds = (progress.step, progress.seconds) if progress else (0, 0.0)
    rows = _training_rows(mix, mix.stat().st_mtime_ns) if mix.is_file() else 0
    if not rows:
        return Amount(step, None, "steps", seconds=seconds)
    in_epoch = steps_per_epoch(rows, model.training)
    return Amount(step, in_epoch * model.training.epochs, "steps", step / in_epoch, seconds)


def _predicted(job: Job, done: bool, model: ModelSettings, layout: Layout) -> Amount:
    (output,) = job.outputs
    if done:
        rows = int(read_footer(output)["rows_out"])
        return Amount(rows, rows, "rows")
    counts = [_rows_to_ask(layout, task) for task in model.generation.tasks]
    total = None if None in counts else _of_shard(sum(count or 0 for count in counts), job, model.generation.batch_size)
    return Amount(rows_kept(output), total, "rows")


def _of_shard(rows: int, job: Job, batch_size: int) -> int:
    """Rows of the job's shard, to which whole batches are dealt (:func:`radtune.inference.rows.batches_of_shard`)."""
    batches = range(job.shard, math.ceil(rows / batch_size), job.shards)
    return sum(min(batch_size, rows - number * batch_size) for number in batches)


def _rows_to_ask(layout: Layout, task: Task) -> int | None:
    """Captions or accepted questions of the test split, before images that cannot be used are left out; None if not there yet."""
    paths = [layout.captions] if task == "caption" else [layout.question_pairs, layout.known_pairs]
    count = _test_captions if task == "caption" else _test_questions
    if not all(path.is_file() for path in paths):
        return None
    return sum(count(path, path.stat().st_mtime_ns) for path in paths)


# All jobs of a run ask for the same files; the time of the last change is part of the key.
@cache
def _training_rows(mix: Path, modified_ns: int) -> int:
    return _count(pc.equal(read(mix, MIX, ["split"])["split"], "train"))


@cache
def _test_captions(captions: Path, modified_ns: int) -> int:
    table = read(captions, CAPTIONS, ["split", "caption"])
    return _count(pc.and_(pc.equal(table["split"], "test"), pc.greater(pc.utf8_length(table["caption"]), 0)))


@cache
def _test_questions(pairs: Path, modified_ns: int) -> int:
    table = read(pairs, QUESTION_PAIRS, ["split", "accepted"])
    return _count(pc.and_(pc.equal(table["split"], "test"), table["accepted"]))


def _count(chosen: pa.ChunkedArray) -> int:
    return int(pc.sum(chosen).as_py() or 0)
