from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.sample_sources import SAMPLE_SOURCES
from radtune.cli import app
from radtune.errors import ConfigError


def invoke(command: str, **options: str | Path) -> Result:
    """Run ``radtune datasets COMMAND`` with the options."""
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return CliRunner().invoke(app, ["datasets", command, *words])


def test_sample_is_made_and_read_by_hand(tmp_path: Path, weights_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = invoke(
        "make-sample",
        folder="sample",
        sources="sources.parquet",
        quarantine="left_out.parquet",
        settings=json.dumps({"slice_spacing_mm": 12.0, "cine_frame_step": 60, "maximum_side": 96}),
        seed="3",
        weights_cache=weights_cache,
    )
    assert made.exit_code == 0, made.output
    read = invoke(
        "read",
        folder="sample",
        name="sample",
        captions="captions.parquet",
        concepts="concepts.parquet",
        questions="questions.parquet",
        quarantine="quarantine.parquet",
        unpacked="unpacked",
        settings=json.dumps({"format": "rocov2"}),
        seed="3",
    )
    assert read.exit_code == 0, read.output
    rows = read_rows(Path("captions.parquet"), CAPTIONS)
    assert len(rows) == len(read_rows(Path("sources.parquet"), SAMPLE_SOURCES))
    assert all(Path(row["image_path"]).is_file() and not Path(row["image_path"]).is_absolute() for row in rows)


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    result = invoke(
        "read", folder=tmp_path, name="n", captions="c", concepts="k", questions="p", quarantine="q", unpacked="u",
        settings='{"nam": "sample"}', seed="1",
    )  # fmt: skip
    assert isinstance(result.exception, ConfigError)
    assert "nam: unknown key" in str(result.exception)
