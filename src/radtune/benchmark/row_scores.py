"""Scores of several systems as one table with one value a row of the test set, a metric at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from radtune.artifacts.io import check_kind, read
from radtune.artifacts.kinds.scores import SCORES
from radtune.config.metrics import BenchmarkSettings
from radtune.statistics.bootstrap import cluster_bootstrap

CELL = ["system", "arm", "task", "metric"]
"""What identifies a cell of the benchmark."""


def metric_names(scores: Sequence[Path]) -> list[str]:
    """Names of the metrics that any of the files holds, sorted."""
    return sorted({name for path in scores for name in read(path, SCORES, ["metric"]).column("metric").unique().to_pylist()})


def read_row_scores(scores: Sequence[Path], metrics: Sequence[str]) -> pd.DataFrame:
    """Columns system, arm, task, metric, row_id, item_id, group_id, value, ordered by them; NaN where a metric was unavailable.

    Only rows of ``metrics`` are held: all metrics of all systems at once would take gigabytes. A metric's rows lie together in
    the files, so Parquet's statistics spare reading the rest. A system that answers one row several times (the random
    baseline's draws) gets the mean of its answers.
    """
    columns = [*CELL, "row_id", "item_id", "group_id", "value"]
    tables = []
    for path in scores:
        check_kind(path, SCORES)
        tables.append(pq.read_table(path, columns=columns, filters=[("metric", "in", list(metrics))]).to_pandas())
    table = pd.concat(tables, ignore_index=True)
    means: pd.DataFrame = table.groupby(columns[:-1], as_index=False, sort=True)["value"].mean()
    return means


def summarise(table: pd.DataFrame, settings: BenchmarkSettings, seed: int) -> dict[str, Any]:
    """Mean, interval and counts of one cell or a part of it, over the rows that have a value."""
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
