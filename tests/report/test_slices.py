"""The tables by part of the test set say what the artifact says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from radtune.artifacts.layout import BASELINE
from radtune.report.read_run import read_run
from radtune.report.slices import read_slice_tables


def test_one_table_a_metric_with_the_slices_in_their_order(run_folder: Path) -> None:
    tables = read_slice_tables(read_run(run_folder))
    assert [(table.task, table.metric) for table in tables] == [
        ("caption", "rouge1"),
        ("caption", "concept_f1"),
        ("caption", "modality_accuracy"),
        ("question", "rouge1"),
        ("question", "exact_match"),
    ]
    table = tables[0]
    assert table.slicings == [("modality", 5), ("caption length", 2)]
    assert [column.name for column in table.columns][-3:] == ["Ultrasound", "up to 9 words", "10 words or more"]
    assert [column.items for column in table.columns] == [4, 5, 6, 7, 8, 4, 5]
    assert [(row.system, row.arm) for row in table.rows][:2] == [
        ("soft_prompt_smollm2", "plain"),
        ("soft_prompt_smollm2", "modality"),
    ]
    assert table.rows[-1].system == BASELINE
    (missing,) = [row.cells for row in table.rows if (row.system, row.arm) == ("visiongpt2_tiny", "plain")]
    assert [cell is None for cell in missing] == [False] * 4 + [True] + [False] * 2


def test_a_run_without_the_artifact_has_no_table(run_folder: Path) -> None:
    run = read_run(run_folder)
    run.artifacts.pop("benchmark/slice_scores.parquet")
    assert read_slice_tables(run) == []


def test_the_page_shows_mean_and_interval(site: Path, parse: Any, run_folder: Path) -> None:
    (first, *_) = read_slice_tables(read_run(run_folder))
    cell = first.rows[0].cells[0]
    assert cell is not None
    page = parse(site).text
    assert "ROUGE-1 of captions by modality, caption length" in page
    assert f"{cell['low']:.3f} to {cell['high']:.3f}" in page
