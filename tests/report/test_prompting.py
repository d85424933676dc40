"""What the modality in the prompt changes, as the journal's table 5 prints it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from radtune.config.report import ReportSettings
from radtune.report.prompting import PAPER_METRICS, Change, PromptingTable, read_prompting
from radtune.report.read_run import read_run
from radtune.report.results import read_comparisons, read_score_tables
from radtune.report.site import build_site, format_change

PRINTED = {  # last lines of each system in the journal's table 5
    "smolvlm_500m": (1.0, -0.7, 5.9, 5.6, 93.8, 60.0, 0.8, 26.3, 3.5),
    "qwen2_vl_2b": (-36.1, -12.0, -24.4, 30.7, -77.0, -21.1, -15.9, -42.9, -21.6),
    "qwen25_vl_3b": (11.8, 1.8, -1.6, 4.7, -33.3, 1.6, 9.7, -12.5, 6.4),
}


def read(folder: Path) -> list[PromptingTable]:
    run = read_run(folder)
    return read_prompting(run, read_score_tables(run), read_comparisons(run))


def test_relative_changes_are_those_of_the_journal(paper_run: Path) -> None:
    (table,) = read(paper_run)
    assert tuple(table.metrics) == PAPER_METRICS
    assert {system for system, _ in table.rows} == PRINTED.keys(), "systems without the other arm are left out"
    for system, cells in table.rows:
        changes = [cell.measured.relative for cell in cells if cell and cell.measured.relative is not None]
        assert [round(100 * change, 1) for change in changes] == pytest.approx(PRINTED[system], abs=0.11)
        assert [cell.printed for cell in cells if cell] == [cell.measured for cell in cells if cell]


def test_the_test_and_the_wrong_cells_are_beside_the_change(paper_run: Path) -> None:
    (table,) = read(paper_run)
    cells = {
        (system, metric): cell for system, own in table.rows for metric, cell in zip(table.metrics, own, strict=True) if cell
    }
    cell = cells["qwen2_vl_2b", "similarity"]
    assert cell.test is not None
    assert (cell.test.first, cell.test.second) == (("qwen2_vl_2b", "modality"), ("qwen2_vl_2b", "plain"))
    assert cell.test.difference == pytest.approx(0.364 - 0.570)
    assert cell.test.p_holm == 0.03
    doubtful = {key for key, cell in cells.items() if cell.doubtful}
    assert doubtful == {
        *(("smolvlm_500m", metric) for metric in ("relevance", "factuality", "overall")),
        *(("qwen25_vl_3b", metric) for metric in ("relevance", "overall")),
    }


def test_other_metrics_and_questions_have_tables_of_their_own(run_folder: Path) -> None:
    tables = read(run_folder)
    assert [(table.task, table.in_papers, table.metrics) for table in tables] == [
        ("caption", True, ["rouge1", "concept_f1"]),
        ("caption", False, ["modality_accuracy"]),
        ("question", True, ["rouge1"]),
        ("question", False, ["exact_match"]),
    ]
    assert not any(table.has_printed for table in tables)
    assert all(system != "random_caption" for table in tables for system, _ in table.rows)


def test_a_change_from_nothing_has_no_share() -> None:
    assert Change(0.0, 0.2).relative is None
    assert Change(0.2, 0.1).relative == pytest.approx(-0.5)


def test_the_page_shows_both_means_the_change_and_the_printed_one(paper_run: Path, tmp_path: Path, parse: Any) -> None:
    page = tmp_path / "index.html"
    build_site(paper_run, page, settings=ReportSettings(), seed=1)
    table = parse(page).table("System", "Similarity")
    (cell,) = [row[1] for row in table if row[0] == "qwen2_vl_2b"]
    measured = "0.570 → 0.364 \u22120.206 (\u221236.1 %) \u22120.100 to +0.100 p = 0.030"
    assert cell == f"{measured} paper 0.570 → 0.364\u221236.1 %"
    (wrong,) = [row[7] for row in table if row[0] == "smolvlm_500m"]
    assert "0.362 → 0.365†" in wrong
    assert format_change(0.0345) == "+3.5\u202f%"
