from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radtune.artifacts.io import read_rows, write
from radtune.artifacts.kinds.paper_comparison import PAPER_COMPARISON
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.layout import Layout
from radtune.artifacts.provenance import provenance
from radtune.config.metrics import BenchmarkSettings
from radtune.config.report import ReportSettings
from radtune.report.papers import read_printed
from radtune.report.read_run import read_run
from radtune.report.site import build_site


def row(
    system: str, arm: str, metric: str, measured: float | None, printed: float, note: str = "", aggregate: str = "mean"
) -> dict[str, Any]:
    difference = None if measured is None else measured - printed
    return {"system": system, "arm": arm, "task": "caption", "metric": metric, "measured": measured, "printed": printed} | {
        "aggregate": aggregate,
        "difference": difference,
        "source": "A paper, table 1",
        "note": note,
    }


def with_papers(run_folder: Path, folder: Path) -> Path:
    """A copy of the run with printed numbers for two of its systems."""
    shutil.copytree(run_folder, folder)
    layout = Layout(folder)
    first, second = sorted({row["system"] for row in read_rows(layout.system_scores, SYSTEM_SCORES)})[:2]
    rows = [
        row(second, "plain", "overall", None, 0.2, "wrong in print: <b>0.186</b>"),
        row(second, "modality", "rouge1", 0.1, 0.2),
        row(second, "plain", "rouge1", 0.25, 0.2),
        row(first, "plain", "bleu1", 0.1, 0.15, aggregate="corpus"),
    ]
    write(layout.paper_comparison, PAPER_COMPARISON, rows, provenance("radtune.benchmark", BenchmarkSettings(), 1, {}))
    return folder


def test_printed_numbers_are_read_by_system_in_the_order_of_the_tables(run_folder: Path, tmp_path: Path) -> None:
    run = read_run(with_papers(run_folder, tmp_path / "run"))
    printed = read_printed(run)
    assert [entry.system for entry in printed] == [
        system for system in run.systems if system in {entry.system for entry in printed}
    ]
    (entry,) = [entry for entry in printed if len(entry.rows) == 3]
    assert [(row["arm"], row["metric"]) for row in entry.rows] == [
        ("plain", "overall"),
        ("plain", "rouge1"),
        ("modality", "rouge1"),
    ]
    assert entry.measured == 2
    assert read_printed(read_run(run_folder)) == []


def test_the_page_shows_printed_measured_and_difference(run_folder: Path, tmp_path: Path, parse: Callable[[Path], Any]) -> None:
    page = tmp_path / "index.html"
    build_site(with_papers(run_folder, tmp_path / "run"), page, settings=ReportSettings(), seed=1)
    cells = [line for table in parse(page).tables for line in table if line[-2:-1] == ["A paper, table 1"]]
    assert ["ROUGE-1", "plain", "0.200", "0.250", "+0.050", "A paper, table 1", ""] in cells
    assert ["Overall", "plain", "0.200", "–", "–", "A paper, table 1", "wrong in print: <b>0.186</b>"] in cells
    assert ["BLEU-1", "plain", "0.150", "0.100corpus", "\u22120.050", "A paper, table 1", ""] in cells
    assert len(cells) == 4
    assert "Beside the papers" in parse(page).text
