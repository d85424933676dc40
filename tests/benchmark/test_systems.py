from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts import io
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.benchmark.systems import tabulate_systems
from radtune.config.metrics import BenchmarkSettings


def tabulate(scores: list[Path]) -> dict[tuple[str, ...], Any]:
    output = scores[0].parent / "system_scores.parquet"
    tabulate_systems(scores, output, settings=BenchmarkSettings(resamples=300), seed=1)
    return {(row["system"], row["arm"], row["task"], row["metric"]): row for row in io.read_rows(output, SYSTEM_SCORES)}


def test_means_intervals_and_counts(write_scores: Callable[..., Path]) -> None:
    scores = [
        write_scores(
            "ours",
            {
                ("plain", "caption", "rouge1"): [[0.0], [0.5], [1.0], [0.5]],
                ("plain", "caption", "bertscore"): [[None]] * 4,
                ("plain", "caption", "modality_accuracy"): [[1.0], [None], [0.0], [1.0]],
            },
        ),
        # two draws a row: their mean counts once
        write_scores("random_caption", {("plain", "caption", "rouge1"): [[0.0, 0.5], [0.25, 0.25], [0.0, 0.0], [1.0, 0.5]]}),
    ]
    table = tabulate(scores)
    rouge = table["ours", "plain", "caption", "rouge1"]
    assert (rouge["mean"], rouge["items"], rouge["groups"], rouge["confidence"]) == (0.5, 4, 2, 0.95)
    assert (rouge["low"], rouge["high"]) == (0.25, 0.75)
    baseline = table["random_caption", "plain", "caption", "rouge1"]
    assert (baseline["mean"], baseline["items"]) == (pytest.approx(1.25 / 4), 4)
    unavailable = table["ours", "plain", "caption", "bertscore"]
    assert [unavailable[name] for name in ("mean", "low", "high", "items", "groups")] == [None, None, None, 0, 0]
    accuracy = table["ours", "plain", "caption", "modality_accuracy"]
    assert (accuracy["mean"], accuracy["items"], accuracy["groups"]) == (pytest.approx(2 / 3), 3, 2)
    assert tabulate(scores[::-1]) == table
