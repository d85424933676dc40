"""The table of components says what the artifact says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from radtune.artifacts.layout import BASELINE
from radtune.benchmark.components import COMPONENTS
from radtune.report.components import read_components
from radtune.report.read_run import read_run


def test_systems_by_those_components_that_references_name(run_folder: Path) -> None:
    run = read_run(run_folder)
    table = read_components(run)
    assert table is not None
    assert [component for component, _ in table.columns] == ["modality", "location"], "in the order of the legend"
    assert {component for component, _ in table.columns} < set(COMPONENTS)
    contenders = [(system, arm) for system, arm, _ in table.rows]
    assert contenders == [
        *((system, arm) for system in run.systems if system != BASELINE for arm in ("plain", "modality")),
        (BASELINE, "plain"),
    ]
    for system, arm, cells in table.rows:
        assert [(cell["system"], cell["arm"], cell["component"]) for cell in cells] == [
            (system, arm, component) for component, _ in table.columns
        ]


def test_the_page_shows_share_interval_and_precision(site: Path, run_folder: Path, parse: Any) -> None:
    table = read_components(read_run(run_folder))
    assert table is not None
    rows = parse(site).table("System", f"Modality{table.columns[0][1]}")
    assert len(rows) == 1 + len(table.rows)
    cell = table.rows[0][2][0]
    assert rows[1][1].startswith(f"{100 * cell['recall']:.1f} %")
    assert f"right {100 * cell['precision']:.1f} % of {cell['in_captions']}" in rows[1][1]


def test_a_run_without_the_table_has_none(run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path / "run")
    (tmp_path / "run/benchmark/caption_components.parquet").unlink()
    assert read_components(read_run(tmp_path / "run")) is None
