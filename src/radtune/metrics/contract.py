"""The contract of a metric: what it is given, what it gives back, and what is checked before a value leaves it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radtune.config.metrics import MetricSettings
from radtune.config.models import Task

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Sample:
    """One prediction and what it is measured against."""

    item_id: str
    task: Task
    prediction: str
    reference: str


Images = Callable[[str], "Image.Image"]
"""From an item id to its image, mode RGB. Raises :class:`radtune.errors.DataError` or ``OSError`` where there is none."""


@dataclass(frozen=True)
class Resources:
    """Where a metric finds what it needs besides the samples."""

    settings: MetricSettings
    captions: Path
    """Artifact ``captions``."""
    concepts: Path | None
    """Artifact ``concepts``, where there is one."""
    labels: Path | None
    """Artifact ``modality_labels``, where there is one."""
    weights_cache: Path
    images: Images | None = None
    """None where no images were given: metrics that look at them are then unavailable."""


@dataclass(frozen=True)
class Result:
    """What a metric gives back."""

    values: Mapping[str, Sequence[float | None]]
    """By the name under which it is reported: one value a sample, in the samples' order; None where the item has no truth to
    compare with. The names are those of the metric's entry in the registry."""
    signature: Mapping[str, Any]
    """What exactly was computed: definition, checkpoint, tables, library versions. Fit for JSON."""
    totals: Mapping[str, float] = field(default_factory=dict)
    """Values over all samples, of those names whose total is not the mean of the samples' values, such as corpus BLEU."""


Metric = Callable[[Sequence[Sample], Resources], Result]
"""A metric scores all samples of one arm in one call, so that it can share work between them. No value may depend on the other
predictions; it may depend on the references, as inverse document frequencies do. It raises
:class:`radtune.errors.WeightsError` where a checkpoint is missing, and :class:`radtune.errors.UnavailableError` where it needs an
input of ``Resources`` that was not given: the metric is then unavailable."""


def evaluate(metric: Metric, samples: Sequence[Sample], resources: Resources, *, empty_is_zero: bool = True) -> Result:
    """Apply ``metric`` and hold it to the contract: one finite value a name and sample, and 0 for an empty prediction.

    Without ``empty_is_zero`` an empty prediction keeps what the metric says of it. Raises ``ValueError`` if the metric breaks the
    contract (a fault in the metric, not in the data).
    """
    result = metric(samples, resources)
    values = {name: _checked(name, of_name, samples, empty_is_zero) for name, of_name in result.values.items()}
    return replace(result, values=values)


def _checked(name: str, values: Sequence[float | None], samples: Sequence[Sample], empty_is_zero: bool) -> list[float | None]:
    if len(values) != len(samples):
        raise ValueError(f"{name}: {len(values)} values for {len(samples)} samples")
    for sample, value in zip(samples, values, strict=True):
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{name}: {value} for {sample}")
    return [
        0.0 if empty_is_zero and value is not None and is_empty(sample.prediction) else value
        for sample, value in zip(samples, values, strict=True)
    ]


def is_empty(prediction: str) -> bool:
    """Whether a prediction holds nothing but white space."""
    return not prediction.strip()


def f1(precision: float, recall: float) -> float:
    """Harmonic mean of precision and recall; 0 where it is undefined."""
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def versions(*distributions: str) -> dict[str, str]:
    """Installed versions of the libraries a metric rests on, for its signature."""
    return {name: metadata.version(name) for name in distributions}
