from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts import io
from radtune.artifacts.kinds.comparisons import COMPARISONS
from radtune.artifacts.layout import BASELINE
from radtune.benchmark.compare import compare_systems
from radtune.config.metrics import BenchmarkSettings
from radtune.statistics.paired import holm

ROUGE = ("plain", "caption", "rouge1")


def compare(scores: list[Path]) -> list[Any]:
    output = scores[0].parent / "comparisons.parquet"
    compare_systems(scores, output, settings=BenchmarkSettings(resamples=300), seed=1)
    return io.read_rows(output, COMPARISONS)


def names(row: dict[str, Any]) -> tuple[str, ...]:
    return row["task"], row["metric"], row["system_a"], row["arm_a"], row["system_b"], row["arm_b"]


def test_pairs_differences_and_correction(write_scores: Callable[..., Path]) -> None:
    rows = 40
    good = [[0.8 + row % 3 / 100] for row in range(rows)]
    poor = [[0.2 + row % 5 / 100] for row in range(rows)]
    scores = [
        write_scores("zeta", {ROUGE: good, ("modality", "caption", "rouge1"): good, ("plain", "question", "rouge1"): good}),
        write_scores("alpha", {ROUGE: poor, ("plain", "question", "rouge1"): poor}),
        write_scores(BASELINE, {ROUGE: [[value - 0.1, value + 0.1] for (value,) in poor]}),
    ]
    table = {names(row): row for row in compare(scores)}
    assert list(table) == [
        ("caption", "rouge1", "alpha", "plain", "zeta", "plain"),
        ("caption", "rouge1", "alpha", "plain", BASELINE, "plain"),
        ("caption", "rouge1", "zeta", "plain", BASELINE, "plain"),
        ("caption", "rouge1", "zeta", "modality", "zeta", "plain"),
        ("question", "rouge1", "alpha", "plain", "zeta", "plain"),
    ]
    against_zeta, against_baseline, _, arms, _ = table.values()
    expected = sum(a - b for (a,), (b,) in zip(poor, good, strict=True)) / rows
    assert against_zeta["difference"] == pytest.approx(expected)
    assert against_zeta["low"] <= against_zeta["difference"] <= against_zeta["high"] < 0
    assert against_zeta["p_value"] < 0.05
    assert (against_zeta["items"], against_zeta["groups"]) == (40, 20)
    assert against_baseline["difference"] == pytest.approx(0, abs=1e-12)  # the draws' mean is what alpha scores
    assert (arms["difference"], arms["p_value"]) == (0, 1)
    p, corrected = ([row[name] for row in table.values()] for name in ("p_value", "p_holm"))
    # systems, each against the baseline, arms, questions: four families
    assert corrected == [*holm(p[:1]), *holm(p[1:3]), *holm(p[3:4]), *holm(p[4:])]
    assert {names(row): row for row in compare(scores[::-1])} == table


def test_an_unavailable_metric_is_not_compared_and_not_corrected_for(write_scores: Callable[..., Path]) -> None:
    bertscore = ("plain", "caption", "bertscore")
    rows = compare(
        [
            write_scores("a", {bertscore: [[None]] * 4, ROUGE: [[1.0]] * 4}),
            write_scores("b", {bertscore: [[0.5]] * 4, ROUGE: [[0.5]] * 4}),
        ]
    )
    unavailable, rouge = rows
    assert [unavailable[name] for name in ("difference", "low", "high", "p_value", "p_holm")] == [None] * 5
    assert unavailable["items"] == 0
    assert rouge["difference"] == 0.5
    assert rouge["p_holm"] == rouge["p_value"]
