"""The benchmark table: mean and confidence interval of every system, arm, task and metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from radtune.artifacts.io import write
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.provenance import provenance
from radtune.benchmark.row_scores import CELL, read_row_scores
from radtune.config.metrics import BenchmarkSettings
from radtune.statistics.bootstrap import cluster_bootstrap


def tabulate_systems(scores: list[Path], output: Path, *, settings: BenchmarkSettings, seed: int) -> None:
    """Write one row a system, arm, task and metric; null where the metric was unavailable."""
    rows = [
        dict(zip(CELL, cell, strict=True)) | _summary(table, settings, seed)
        for cell, table in read_row_scores(scores).groupby(CELL, sort=True)
    ]
    write(output, SYSTEM_SCORES, rows, provenance(__name__, settings, seed, {"scores": scores}))


def _summary(table: pd.DataFrame, settings: BenchmarkSettings, seed: int) -> dict[str, Any]:
    """Mean, interval and counts of one cell, over the rows that have a value."""
    table = table.dropna(subset="value")
    summary: dict[str, Any] = {
        "mean": None,
        "low": None,
        "high": None,
        "confidence": settings.confidence,
        "items": len(table),
        "groups": table["group_id"].nunique(),
    }
    if len(table):
        interval = cluster_bootstrap(
            table["value"].to_numpy(),
            table["group_id"].tolist(),
            confidence=settings.confidence,
            resamples=settings.resamples,
            seed=seed,
        )
        summary |= interval._asdict()
    return summary
