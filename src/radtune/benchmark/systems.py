"""The benchmark table: mean and confidence interval of every system, arm, task and metric."""

from __future__ import annotations

from pathlib import Path

from radtune.artifacts.io import write
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.provenance import provenance
from radtune.benchmark.row_scores import CELL, metric_names, read_row_scores, summarise
from radtune.config.metrics import BenchmarkSettings


def tabulate_systems(scores: list[Path], output: Path, *, settings: BenchmarkSettings, seed: int) -> None:
    """Write one row a system, arm, task and metric; null where the metric was unavailable."""
    rows = [
        dict(zip(CELL, cell, strict=True)) | summarise(table, settings, seed)
        for metric in metric_names(scores)
        for cell, table in read_row_scores(scores, [metric]).groupby(CELL, sort=True)
    ]
    rows.sort(key=lambda row: [row[column] for column in CELL])
    write(output, SYSTEM_SCORES, rows, provenance(__name__, settings, seed, {"scores": scores}))
