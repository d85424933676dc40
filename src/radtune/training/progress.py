"""How far a training is, on disk: readable where there is no torch."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from radtune.config.models import TrainingSettings

PROGRESS = "progress.json"
"""File of a state that holds its :class:`Progress`; the tensors lie beside it."""
_STATE_NAME = re.compile(r"step-(\d{8})")


@dataclass
class Progress:
    """How far a training is: all of its state that is not a tensor."""

    step: int = 0
    """Optimiser steps done; with the seed it gives the place in the data order and the state of every random generator."""
    samples: int = 0
    tokens: int = 0
    seconds: float = 0.0
    """Time spent training, pauses left out."""
    best_step: int | None = None
    """Step of the lowest validation loss so far; None before the first evaluation."""
    best_loss: float | None = None
    evaluations_without_improvement: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the training log so far."""


def state_folder(folder: Path, step: int) -> Path:
    """Where the state after ``step`` optimiser steps lies below the ``folder`` of one fingerprint."""
    return folder / f"step-{step:08d}"


def saved_steps(folder: Path) -> list[int]:
    """Steps of the whole states below the ``folder`` of one fingerprint, in order."""
    if not folder.is_dir():
        return []
    matches = (_STATE_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def read_progress(folder: Path, step: int) -> Progress:
    """The progress that was saved after ``step`` steps."""
    return Progress(**orjson.loads((state_folder(folder, step) / PROGRESS).read_bytes()))


def newest_progress(checkpoints: Path) -> Progress | None:
    """The progress of the state saved last below ``checkpoints``, whatever its fingerprint; None if there is none.

    A training may replace its states meanwhile; one that vanishes is passed over.
    """
    found: list[tuple[int, Progress]] = []
    for path in checkpoints.glob(f"*/step-*/{PROGRESS}"):
        try:
            found.append((path.stat().st_mtime_ns, Progress(**orjson.loads(path.read_bytes()))))
        except FileNotFoundError:
            continue
    return max(found, key=lambda one: one[0])[1] if found else None


def steps_per_epoch(rows: int, settings: TrainingSettings) -> int:
    """Optimiser steps of one pass over ``rows`` rows."""
    return math.ceil(math.ceil(rows / settings.batch_size) / settings.accumulation)
