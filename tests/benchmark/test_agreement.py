from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from radtune.artifacts import io
from radtune.artifacts.kinds.variant_agreement import VARIANT_AGREEMENT
from radtune.benchmark.agreement import compare_variants
from radtune.cli import app
from radtune.config.metrics import BenchmarkSettings

Values = list[list[float | None]]
F1, RECALL, IDF = "bertscore_f1", "bertscore_recall", "bertscore_f1_idf"


def cells(values: dict[str, Values], arm: str = "plain") -> dict[tuple[str, str, str], Values]:
    return {(arm, "caption", metric): own for metric, own in values.items()}


def compare(scores: list[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    output = scores[0].parent / "agreement.parquet"
    compare_variants(scores, output, settings=BenchmarkSettings(resamples=300), seed=1)
    return {(row["metric_a"], row["metric_b"]): row for row in io.read_rows(output, VARIANT_AGREEMENT)}


def test_agreement_on_items_and_in_the_order_of_systems(write_scores: Callable[..., Path]) -> None:
    scores = [
        write_scores("a", cells({F1: [[0.2], [0.4], [0.6], [0.8]], RECALL: [[0.1], [0.3], [0.5], [0.7]], IDF: [[0.5]] * 4})),
        write_scores("b", cells({F1: [[0.1], [0.1], [0.3], [0.3]], RECALL: [[0.6], [0.6], [0.8], [None]], IDF: [[0.5]] * 4})),
    ]
    found = compare(scores)
    assert found.keys() == {(F1, RECALL), (F1, IDF)}
    row = found[F1, RECALL]
    differences = [0.1] * 4 + [-0.5] * 3  # the row without recall takes no part
    mean = sum(differences) / 7
    deviation = (sum((value - mean) ** 2 for value in differences) / 6) ** 0.5
    assert row["difference"] == pytest.approx(mean)
    assert (row["limit_low"], row["limit_high"]) == (
        pytest.approx(mean - 1.96 * deviation),
        pytest.approx(mean + 1.96 * deviation),
    )
    assert row["low"] <= row["difference"] <= row["high"]
    assert (row["items"], row["systems"], row["kendall"]) == (7, 2, -1)  # a leads by F1, b by recall
    constant = found[F1, IDF]
    assert (constant["spearman"], constant["kendall"], constant["items"]) == (None, None, 8)


def test_a_variant_with_itself_in_other_words(write_scores: Callable[..., Path]) -> None:
    values: Values = [[0.2], [0.4], [0.6], [0.9]]
    (row,) = compare([write_scores("a", cells({F1: values, RECALL: values}))]).values()
    assert [row[name] for name in ("difference", "low", "high", "limit_low", "limit_high")] == [0] * 5
    assert row["spearman"] == pytest.approx(1)
    assert row["kendall"] is None  # one system has no order


def test_no_pair_of_variants_gives_an_empty_table(write_scores: Callable[..., Path]) -> None:
    assert compare([write_scores("a", cells({F1: [[0.5]] * 4, RECALL: [[None]] * 4}))]) == {}


def test_the_step_runs_by_hand(write_scores: Callable[..., Path], tmp_path: Path) -> None:
    path, output = write_scores("a", cells({F1: [[0.5], [0.4]], RECALL: [[0.1], [0.2]]})), tmp_path / "by_hand.parquet"
    arguments = ["benchmark", "agreement", "--scores", str(path), "--output", str(output), "--settings", "{}", "--seed", "3"]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    assert io.read_footer(output)["rows_out"] == 1
