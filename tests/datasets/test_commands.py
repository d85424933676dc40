from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.sample_sources import SAMPLE_SOURCES
from radtune.cli import app
from radtune.errors import ConfigError


def test_sample_is_made_and_read_by_hand(tmp_path: Path, weights_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = json.dumps({"slice_spacing_mm": 12.0, "cine_frame_step": 60, "maximum_side": 96})
    made = CliRunner().invoke(
        app,
        [
            *[
                "datasets",
                "make-sample",
                "--folder",
                "sample",
                "--sources",
                "sources.parquet",
                "--quarantine",
                "left_out.parquet",
                "--seed",
                "3",
            ],
            *("--settings", settings, "--weights-cache", str(weights_cache)),
        ],
    )
    assert made.exit_code == 0, made.output
    read = CliRunner().invoke(
        app,
        [
            *[
                "datasets",
                "read-rocov2",
                "--folder",
                "sample",
                "--captions",
                "captions.parquet",
                "--concepts",
                "concepts.parquet",
            ],
            *("--quarantine", "quarantine.parquet", "--settings", '{"name":"sample"}', "--seed", "3"),
        ],
    )
    assert read.exit_code == 0, read.output
    rows = read_rows(Path("captions.parquet"), CAPTIONS)
    assert len(rows) == len(read_rows(Path("sources.parquet"), SAMPLE_SOURCES))
    assert all(Path(row["image_path"]).is_file() and not Path(row["image_path"]).is_absolute() for row in rows)


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app,
        [
            *["datasets", "read-rocov2", "--captions", "c", "--concepts", "k", "--quarantine", "q", "--seed", "1"],
            *("--folder", str(tmp_path), "--settings", '{"nam":"sample"}'),
        ],
    )
    assert isinstance(result.exception, ConfigError)
    assert "nam: unknown key" in str(result.exception)
