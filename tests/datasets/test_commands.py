from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.sample_sources import SAMPLE_SOURCES
from radtune.cli import app
from radtune.config.base import validated
from radtune.config.load import merge
from radtune.config.published import PUBLISHED
from radtune.config.run import RadtuneConfig
from radtune.errors import ConfigError, DownloadError
from radtune.network import OFFLINE_VARIABLES
from radtune.workflow.config_record import record_config
from unruly_server import unruly_server


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


TABLE = b"ID,Caption\n"


def configured(where: Path, **datasets: object) -> Path:
    """A configuration file of a run whose first data set is ``datasets``."""
    values = merge(PUBLISHED.model_dump(mode="json"), {"datasets": datasets})
    path = where / "config.yaml"
    record_config(validated(RadtuneConfig, values, "test"), path)
    return path


def test_fetch_and_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in OFFLINE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    by_hand = tmp_path / "slake"
    by_hand.mkdir()
    (by_hand / "train.json").write_text("[]")
    with unruly_server() as server:
        address = server.serve("/train_captions.csv", TABLE)
        download = f"{address}#sha256={sha256(TABLE).hexdigest()}"
        further = {"slake": {"format": "slake", "folder": "slake", "download": f"{download}&name=test.json"}}
        config = configured(tmp_path, folder="set", name="A set", download=download, further=further)

        before = invoke("status", config=config)
        assert before.exit_code == 1
        assert "A set: missing" in before.output
        assert "2 data set(s), 1 not there: A set" in before.output

        fetched = invoke("fetch", config=config)
        assert fetched.exit_code == 0, fetched.output
        assert "A set: set: whole, 1 files" in fetched.output
        assert "slake: slake: by hand" in fetched.output
        assert [path.name for path in by_hand.iterdir()] == ["train.json"]

    after = invoke("status")  # of config.yaml and workflow/runs, of which there are none here
    assert after.exit_code == 0, after.output
    assert "A set: whole" in after.output
    assert "runs     config.yaml" in after.output

    (tmp_path / "set/train_captions.csv").write_bytes(TABLE.lower())
    assert invoke("status").exit_code == 0
    thorough = CliRunner().invoke(app, ["datasets", "status", "--checksums"])
    assert thorough.exit_code == 1
    assert "train_captions.csv: altered: its sha256 is another" in thorough.output


def test_fetch_of_an_unknown_set(tmp_path: Path) -> None:
    result = invoke("fetch", config=configured(tmp_path, folder="set", name="A"), only="B")
    assert isinstance(result.exception, ConfigError)
    assert "choose from A" in str(result.exception)


def test_fetch_tells_of_every_set_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADTUNE_OFFLINE", "1")
    further = {"other": {"folder": str(tmp_path / "other"), "download": "zenodo:8"}}
    result = invoke("fetch", config=configured(tmp_path, folder=str(tmp_path / "set"), name="A", further=further))
    assert isinstance(result.exception, DownloadError)
    assert f"{tmp_path / 'set'}: not whole" in str(result.exception)
    assert f"{tmp_path / 'other'}: not whole" in str(result.exception)
