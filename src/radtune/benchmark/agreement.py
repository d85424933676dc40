"""Agreement of two variants of a metric: does it matter which of them a table shows?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd

from radtune.artifacts.io import write
from radtune.artifacts.kinds.variant_agreement import VARIANT_AGREEMENT
from radtune.artifacts.provenance import provenance
from radtune.benchmark.row_scores import read_row_scores
from radtune.config.metrics import BenchmarkSettings
from radtune.statistics.bootstrap import cluster_bootstrap
from radtune.statistics.correlation import kendall, spearman

VARIANTS: Final = (
    ("bertscore_f1", "bertscore_f1_idf"),
    ("bertscore_recall", "bertscore_recall_idf"),
    ("bertscore_f1", "bertscore_recall"),
    ("bertscore_f1_idf", "bertscore_recall_idf"),  # ImageCLEF 2025: its code against its text
    ("rouge1", "rougeL"),
    ("bleurt", "clinical_bleurt"),
    ("chexbert_micro_14", "chexbert_macro_14"),
)
"""Pairs of values that papers report under one name or for one another."""

NORMAL_95 = 1.96
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


def compare_variants(scores: list[Path], output: Path, *, settings: BenchmarkSettings, seed: int) -> None:
    """Compare each pair of :data:`VARIANTS` that has values, over the rows of all systems and arms that have both."""
    rows = []
    for a, b in VARIANTS:
        table = read_row_scores(scores, [a, b]).dropna(subset="value")
        for task, of_task in table.groupby("task", sort=True):
            values = of_task.pivot(index=["system", "arm", "row_id", "group_id"], columns="metric", values="value")
            if {a, b} <= set(values.columns) and len(both := values[[a, b]].dropna()):
                rows.append({"task": task, "metric_a": a, "metric_b": b} | _agreement(both, settings, seed))
    rows.sort(key=lambda row: row["task"])
    write(output, VARIANT_AGREEMENT, rows, provenance(__name__, settings, seed, {"scores": scores}))


def _agreement(both: pd.DataFrame, settings: BenchmarkSettings, seed: int) -> dict[str, Any]:
    """``both`` has one column a variant and one row an item of a system. Limits of agreement: Bland & Altman 1986."""
    a, b = both.columns
    differences = (both[a] - both[b]).to_numpy()
    groups = both.index.get_level_values("group_id").tolist()
    interval = cluster_bootstrap(differences, groups, confidence=settings.confidence, resamples=settings.resamples, seed=seed)
    spread = NORMAL_95 * float(differences.std(ddof=1)) if len(both) > 1 else None
    means = both.groupby(level=["system", "arm"]).mean()
    return {
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "limit_low": None if spread is None else interval.mean - spread,
        "limit_high": None if spread is None else interval.mean + spread,
        "spearman": spearman(both[a].tolist(), both[b].tolist()),
        "kendall": kendall(means[a].tolist(), means[b].tolist()),
        "items": len(both),
        "systems": len(means),
    }
