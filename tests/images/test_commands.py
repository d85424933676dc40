from pathlib import Path
from typing import Any

from PIL import Image
from typer.testing import CliRunner

from radtune.artifacts.io import read_footer
from radtune.cli import app
from radtune.config.images import ImageSettings


def test_standardise(write_captions: Any, tmp_path: Path) -> None:
    Image.new("L", (9, 5), 80).save(tmp_path / "a.png")
    settings = ImageSettings(size=16, shards=1)
    options = {
        "--captions": write_captions({"a": tmp_path / "a.png"}),
        "--output": tmp_path / "images.parquet",
        "--quarantine": tmp_path / "quarantine.parquet",
        "--shard": 0,
        "--settings": settings.canonical(),
        "--seed": 4,
    }
    words = [str(word) for pair in options.items() for word in pair]
    result = CliRunner().invoke(app, ["images", "standardise", *words], catch_exceptions=False)
    assert result.exit_code == 0
    footer = read_footer(tmp_path / "images.parquet")
    assert (footer["rows_out"], footer["seed"], footer["step"]) == (1, 4, "radtune.images.standardise")
    assert footer["settings"] == settings.model_dump(mode="json")
