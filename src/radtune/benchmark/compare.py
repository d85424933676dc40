"""Paired comparisons: system against system, system against baseline, and with against without the modality in the prompt."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from radtune.artifacts.io import write
from radtune.artifacts.kinds.comparisons import COMPARISONS
from radtune.artifacts.layout import BASELINE
from radtune.artifacts.provenance import provenance
from radtune.benchmark.row_scores import metric_names, read_row_scores
from radtune.config.metrics import BenchmarkSettings
from radtune.statistics.bootstrap import cluster_bootstrap
from radtune.statistics.paired import holm, sign_flip_test

PLAIN = "plain"
"""The arm whose prompts name no modality; all systems meet here."""


class Contender(NamedTuple):
    """One system in one arm."""

    system: str
    arm: str


def compare_systems(scores: list[Path], output: Path, *, settings: BenchmarkSettings, seed: int) -> None:
    """Test, for each task and metric, every pair that :func:`families` names; correct the p-values within each family.

    A comparison without common scored rows has null for its difference and p-value.
    """
    rows: list[dict[str, Any]] = []
    for metric in metric_names(scores):
        for task, of_task in read_row_scores(scores, [metric]).groupby("task", sort=True):
            values = of_task.pivot(index=["row_id", "group_id"], columns=["system", "arm"], values="value")
            for family in families({Contender(*names) for names in values.columns}):
                comparisons = [{"task": task, "metric": metric} | _compare(values, a, b, settings, seed) for a, b in family]
                tested = [row for row in comparisons if row["p_value"] is not None]
                for row, corrected in zip(tested, holm([row["p_value"] for row in tested]), strict=True):
                    row["p_holm"] = corrected
                rows += comparisons
    write(output, COMPARISONS, rows, provenance(__name__, settings, seed, {"scores": scores}))


def families(contenders: set[Contender]) -> list[list[tuple[Contender, Contender]]]:
    """The pairs to be tested, by the question they answer: how the systems differ in the plain arm, which of them differ from the
    baseline (always second), and what its other arms change for a system.

    Each question is asked for itself, so the many pairs of systems do not drown the few tests against the baseline.
    """
    plain = sorted(one for one in contenders if one.arm == PLAIN and one.system != BASELINE)
    baseline = Contender(BASELINE, PLAIN)
    return [
        list(combinations(plain, 2)),
        [(one, baseline) for one in plain if baseline in contenders],
        [
            (one, Contender(one.system, PLAIN))
            for one in sorted(contenders)
            if one.arm != PLAIN and Contender(one.system, PLAIN) in contenders
        ],
    ]


def _compare(values: pd.DataFrame, a: Contender, b: Contender, settings: BenchmarkSettings, seed: int) -> dict[str, Any]:
    """Mean difference of ``a`` minus ``b`` over the rows that both have a value for, with interval and p-value.

    ``values`` has one row a row of the test set and one column a contender.
    """
    common = values[[a, b]].dropna()
    groups = common.index.get_level_values("group_id").tolist()
    row: dict[str, Any] = {"system_a": a.system, "arm_a": a.arm, "system_b": b.system, "arm_b": b.arm}
    row |= {"items": len(common), "groups": len(set(groups))}
    row |= dict.fromkeys(("difference", "low", "high", "p_value", "p_holm"))
    if len(common):
        differences = (common[a] - common[b]).to_numpy()
        interval = cluster_bootstrap(differences, groups, confidence=settings.confidence, resamples=settings.resamples, seed=seed)
        row |= {"difference": interval.mean, "low": interval.low, "high": interval.high}
        row["p_value"] = sign_flip_test(differences, groups, resamples=settings.resamples, seed=seed)
    return row
