"""Which components of the references the captions of each system name: tables 6 and 7 of the journal, over the whole test set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radtune.artifacts.io import read_rows, write
from radtune.artifacts.kinds.caption_components import CAPTION_COMPONENTS
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.provenance import provenance
from radtune.benchmark.components import COMPONENTS, component_names
from radtune.config.metrics import BenchmarkSettings
from radtune.statistics.bootstrap import Interval, cluster_bootstrap


def tabulate_components(predictions: list[Path], output: Path, *, settings: BenchmarkSettings, seed: int) -> None:
    """Write one row a system, arm and component; questions take no part."""
    columns = ["row_id", "group_id", "system", "arm", "task", "prediction", "reference"]
    rows = [
        {"system": system, "arm": arm, "component": component} | _compare(own, component, settings, seed)
        for path in predictions
        for (system, arm), own in _by_system(read_rows(path, PREDICTIONS, columns)).items()
        for component in COMPONENTS
    ]
    rows.sort(key=lambda row: (row["system"], row["arm"], COMPONENTS.index(row["component"])))
    write(output, CAPTION_COMPONENTS, rows, provenance(__name__, settings, seed, {"predictions": predictions}))


@dataclass(frozen=True)
class _Row:
    """A row of the test set."""

    reference: str
    group: str
    captions: tuple[str, ...]
    """What a system wrote for it; the random baseline's draws are several."""


def _by_system(predictions: list[dict[str, Any]]) -> dict[tuple[str, str], list[_Row]]:
    """Rows of each system and arm, ordered by their ids."""
    written: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for one in predictions:
        if one["task"] == "caption":
            written.setdefault((one["system"], one["arm"], one["row_id"]), []).append(one)
    rows: dict[tuple[str, str], list[_Row]] = {}
    for (system, arm, _), own in sorted(written.items()):
        row = _Row(own[0]["reference"], own[0]["group_id"], tuple(one["prediction"] for one in own))
        rows.setdefault((system, arm), []).append(row)
    return rows


def _compare(rows: list[_Row], component: str, settings: BenchmarkSettings, seed: int) -> dict[str, Any]:
    """Recall with its interval and precision of one component. A component that several draws of a row name or miss counts as
    the share of draws that name it."""
    named: list[float] = []  # for each component of a reference
    groups: list[str] = []
    right: list[bool] = []  # for each component of a caption
    for row in rows:
        truth = component_names(row.reference)[component]
        draws = [component_names(caption)[component] for caption in row.captions]
        named += [sum(name in draw for draw in draws) / len(draws) for name in sorted(truth)]
        groups += [row.group] * len(truth)
        right += [name in truth for draw in draws for name in draw]
    recall: Interval | tuple[None, None, None] = (None, None, None)
    if named:
        recall = cluster_bootstrap(
            np.array(named), groups, confidence=settings.confidence, resamples=settings.resamples, seed=seed
        )
    return dict(zip(("recall", "low", "high"), recall, strict=True)) | {
        "confidence": settings.confidence,
        "in_references": len(named),
        "precision": sum(right) / len(right) if right else None,
        "in_captions": len(right),
        "items": len(rows),
        "groups": len(set(groups)),
    }
