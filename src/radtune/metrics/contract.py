"""The contract of a metric: what it is given, what it gives back, and what is checked before a value leaves it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from radtune.config.metrics import MetricSettings
from radtune.config.models import Task


@dataclass(frozen=True)
class Sample:
    """One prediction and what it is measured against."""

    item_id: str
    task: Task
    prediction: str
    reference: str


@dataclass(frozen=True)
class Resources:
    """Where a metric finds what it needs besides the samples."""

    settings: MetricSettings
    captions: Path
    """Artifact ``captions``."""
    concepts: Path
    """Artifact ``concepts``."""
    labels: Path
    """Artifact ``modality_labels``."""
    weights_cache: Path


@dataclass(frozen=True)
class Result:
    """What a metric gives back."""

    values: list[float | None]
    """One value a sample, in the samples' order; None where the item has no truth to compare with."""
    signature: Mapping[str, Any]
    """What exactly was computed: definition, checkpoint, tables, library versions. Fit for JSON."""


Metric = Callable[[Sequence[Sample], Resources], Result]
"""A metric scores all samples in one call, so that it can share work between them; no value may depend on the other samples.
It raises :class:`radtune.errors.WeightsError` where a checkpoint is missing: the metric is then unavailable."""


def evaluate(metric: Metric, samples: Sequence[Sample], resources: Resources) -> Result:
    """Apply ``metric`` and hold it to the contract: one finite value a sample, and 0 for an empty prediction.

    Raises ``ValueError`` if the metric breaks the contract (a fault in the metric, not in the data).
    """
    result = metric(samples, resources)
    if len(result.values) != len(samples):
        raise ValueError(f"the metric gave {len(result.values)} values for {len(samples)} samples")
    values: list[float | None] = []
    for sample, value in zip(samples, result.values, strict=True):
        if value is not None and not math.isfinite(value):
            raise ValueError(f"the metric gave {value} for {sample}")
        values.append(0.0 if value is not None and is_empty(sample.prediction) else value)
    return Result(values, result.signature)


def is_empty(prediction: str) -> bool:
    """Whether a prediction holds nothing but white space."""
    return not prediction.strip()


def f1(precision: float, recall: float) -> float:
    """Harmonic mean of precision and recall; 0 where it is undefined."""
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def versions(*distributions: str) -> dict[str, str]:
    """Installed versions of the libraries a metric rests on, for its signature."""
    return {name: metadata.version(name) for name in distributions}
