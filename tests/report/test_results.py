"""Score tables, verdicts and comparisons say what the numbers say."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from radtune.artifacts.io import read_rows, write
from radtune.artifacts.kinds.metric_signatures import METRIC_SIGNATURES
from radtune.artifacts.layout import BASELINE, Layout
from radtune.artifacts.provenance import provenance
from radtune.config.metrics import BenchmarkSettings
from radtune.config.report import ReportSettings
from radtune.report.read_run import read_run
from radtune.report.results import (
    Cell,
    Column,
    Comparison,
    ScoreRow,
    ScoreTable,
    format_p,
    read_comparisons,
    read_score_tables,
    state_verdicts,
)
from radtune.report.site import build_site
from radtune.report.terminal import print_results


def test_best_system_of_a_column_is_marked_and_the_baseline_never(run_folder: Path) -> None:
    for table in read_score_tables(read_run(run_folder)):
        for place, _ in enumerate(table.columns):
            cells = {row.system: row.cells[place] for row in table.rows}
            scored = {system: cell.mean for system, cell in cells.items() if cell.mean is not None and system != BASELINE}
            marked = {system for system, cell in cells.items() if cell.best}
            assert marked == {system for system, mean in scored.items() if mean == max(scored.values())}


def test_questions_have_their_own_table_and_a_lost_metric_keeps_its_column(run_folder: Path) -> None:
    captions, questions = read_score_tables(read_run(run_folder))
    assert captions.task == "caption"
    assert [metric for metric, _ in captions.metrics] == ["rouge1", "bertscore", "concept_f1", "modality_accuracy"]
    assert [metric for metric, _ in questions.metrics] == ["rouge1", "exact_match"]
    assert [row.system for row in questions.rows] == ["paligemma_tiny"]
    ((metric, reason, systems),) = captions.reasons
    assert (metric, reason, len(systems)) == ("bertscore", "the weights of MiniLM could not be fetched", 5)
    assert questions.reasons == []


def test_comparisons_are_read_with_the_baseline_or_the_plain_arm_second(run_folder: Path) -> None:
    tests = read_comparisons(read_run(run_folder))
    means = {
        (table.task, column.metric, row.system, column.arm): cell.mean
        for table in read_score_tables(read_run(run_folder))
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
    }
    assert len(tests) == 56
    for test in tests:
        first, second = (means[test.task, test.metric, *side] for side in (test.first, test.second))
        assert first is not None
        assert second is not None
        assert test.difference == pytest.approx(first - second)
        assert test.low < test.difference < test.high
        assert test.first[0] != BASELINE
        assert test.first[0] != test.second[0] or (test.first[1], test.second[1]) == ("modality", "plain")
    assert [test.role for test in tests[:18]] == [0] * 8 + [1] * 4 + [2] * 6


def table_of(own: float, base: float, p_holm: float | None = None) -> ScoreTable:
    column = Column("rouge1", "plain")
    test = None
    if p_holm is not None:
        sides = (("soft_prompt", "plain"), (BASELINE, "plain"))
        test = Comparison("caption", "rouge1", *sides, own - base, own - base - 0.1, own - base + 0.1, p_holm, p_holm, 9, 9)
    rows = [
        ScoreRow("soft_prompt", [Cell(own, own, own, against_baseline=test)], pretrained=True),
        ScoreRow("tiny", [Cell(0.9, 0.9, 0.9)], pretrained=False),
        ScoreRow(BASELINE, [Cell(base, base, base)], pretrained=False),
    ]
    return ScoreTable("caption", [column], rows, 0.95, 9, 9)


@pytest.mark.parametrize(
    ("own", "base", "p_holm", "verdict", "words"),
    [
        (0.4, 0.3, 0.001, "better", "beats a caption drawn at random from the training split on ROUGE-1: 0.400 against 0.300"),
        (0.4, 0.3, 0.3, "better", "By this test the difference could be chance."),
        (0.2, 0.3, 0.001, "worse", "does not beat"),
        (0.3, 0.3, None, "equal", "only equals"),
    ],
)
def test_verdict_in_words_follows_the_numbers(own: float, base: float, p_holm: float | None, verdict: str, words: str) -> None:
    (statement,) = state_verdicts([table_of(own, base, p_holm)])
    assert statement.system == "soft_prompt", "only pretrained systems are judged in words"
    assert statement.verdict == verdict
    assert words in statement.text
    assert ("could be chance" in statement.text) == (p_holm == 0.3)


def test_nothing_is_said_without_the_baseline() -> None:
    table = table_of(0.4, 0.3)
    assert state_verdicts([ScoreTable("caption", table.columns, table.rows[:2], 0.95, 9, 9)]) == []


def test_p_values_are_printed_as_in_papers() -> None:
    assert format_p(0.00042) == "p < 0.001"
    assert format_p(0.0421) == "p = 0.042"


def test_agreement_of_variants_is_on_the_page(site: Path, parse: Any) -> None:
    _, row = parse(site).table("Variant", "Other variant")
    assert row[:3] == ["ROUGE-1", "ROUGE-L", "captions"]
    assert row[3:8] == ["\u22120.012", "\u22120.020 to \u22120.004", "\u22120.100 to +0.076", "0.930", "–"]


def test_corpus_values_stand_beside_the_means_they_are_not(run_folder: Path, tmp_path: Path, parse: Any) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    layout = Layout(run)
    path = layout.metric_signatures("paligemma_tiny")
    rows = read_rows(path, METRIC_SIGNATURES)
    for row in rows:
        if (row["arm"], row["metric"]) == ("plain", "rouge1"):
            row["total"] = 0.1234
    write(path, METRIC_SIGNATURES, rows, provenance("radtune.metrics.score", BenchmarkSettings(), 1, {}))
    captions, questions = read_score_tables(read_run(run))
    totals = {
        (row.system, column.arm, column.metric): cell.total
        for row in captions.rows
        for column, cell in zip(captions.columns, row.cells, strict=True)
    }
    assert {key: total for key, total in totals.items() if total is not None} == {("paligemma_tiny", "plain", "rouge1"): 0.1234}
    assert (captions.has_totals, questions.has_totals) == (True, False), "a signature's total is of captions"

    build_site(run, tmp_path / "index.html", settings=ReportSettings(example_images=1), seed=1)
    page = parse(tmp_path / "index.html")
    (shown,) = [row for row in page.table("System", "ROUGE-1") if row[0].startswith("paligemma_tiny")]
    assert "corpus 0.123" in shown[1]
    assert "Corpus: the metric over the whole test set at once" in page.text
    console = Console(width=100, record=True, file=StringIO())
    print_results(run, console)
    assert "corpus 0.123" in console.export_text()
