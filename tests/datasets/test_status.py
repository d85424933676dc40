"""What ``radtune datasets status`` says of folders, and what the workflow makes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from radtune.config.base import validated
from radtune.config.datasets import FORMATS, SourceSettings
from radtune.config.load import merge
from radtune.config.published import PUBLISHED
from radtune.config.run import RadtuneConfig
from radtune.datasets.fetch import fetch
from radtune.datasets.known_sources import KNOWN_SOURCES
from radtune.datasets.receipt import RECEIPT, Part, Receipt, StoredFile, write_receipt
from radtune.datasets.release import addressed_release, kind_of
from radtune.datasets.status import WORK, described, folder_state, is_fetched, sets_of, status, what_to_do
from radtune.errors import ConfigError, DataError
from radtune.network import offline

CSV = b"ID,Caption\n"


def settings(folder: Path, download: str | None = "zenodo:7") -> SourceSettings:
    return SourceSettings(folder=str(folder), download=download)


def whole(folder: Path) -> SourceSettings:
    """A folder as a fetch leaves it."""
    folder.mkdir()
    (folder / "train_captions.csv").write_bytes(CSV)
    stored = StoredFile(path="train_captions.csv", size=len(CSV), sha256=sha256(CSV).hexdigest())
    part = Part(name=stored.path, address="https://example.org/a", size=stored.size, checksum="", files=(stored,))
    write_receipt(folder, Receipt(source="zenodo:7", licence="cc-by-4.0", date="2025-01-02T03:04:05+00:00", parts=(part,)))
    return settings(folder)


def test_whole_folder(tmp_path: Path) -> None:
    found = folder_state(whole(tmp_path / "set"), checksums=True)
    assert (found.state, found.there, found.size, found.licence) == ("whole", True, len(CSV), "cc-by-4.0")
    assert found.detail == "1 files from zenodo:7, 2025-01-02"


def test_missing_and_shortened_files_are_named(tmp_path: Path) -> None:
    source = whole(tmp_path / "set")
    table = tmp_path / "set/train_captions.csv"
    table.write_bytes(CSV[:-1])
    found = folder_state(source)
    assert (found.state, found.there) == ("incomplete", False)
    assert found.faults == {"train_captions.csv": "10 bytes instead of 11"}
    table.unlink()
    assert folder_state(source).faults == {"train_captions.csv": "missing"}


def test_altered_file_is_found_by_its_checksum_only(tmp_path: Path) -> None:
    source = whole(tmp_path / "set")
    (tmp_path / "set/train_captions.csv").write_bytes(CSV.lower())
    assert folder_state(source).state == "whole"
    assert folder_state(source, checksums=True).faults == {"train_captions.csv": "altered: its sha256 is another"}


def test_folder_that_holds_another_download(tmp_path: Path) -> None:
    source = whole(tmp_path / "set").model_copy(update={"download": "zenodo:8"})
    found = folder_state(source)
    assert (found.state, found.detail) == ("other", "holds zenodo:7 instead of zenodo:8")
    assert what_to_do(source, found) == "name another folder, or move this one away"


def test_unreadable_receipt(tmp_path: Path) -> None:
    source = whole(tmp_path / "set")
    (tmp_path / "set" / RECEIPT).write_text("{}")
    with pytest.raises(DataError, match="not a receipt of a download"):
        folder_state(source)


def test_missing_interrupted_and_filled_by_hand(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    source = settings(folder)
    assert folder_state(source).state == "missing"
    assert is_fetched(source)
    (folder / WORK).mkdir(parents=True)
    (folder / "train_captions.csv").write_bytes(CSV)
    assert folder_state(source).state == "incomplete"
    assert is_fetched(source)  # as before: jobs that start meanwhile see the same rules
    (folder / WORK).rmdir()
    found = folder_state(source)
    assert (found.state, found.size) == ("by hand", len(CSV))
    assert not is_fetched(source)


def test_receipt_is_no_table_of_a_layout_in_json(tmp_path: Path) -> None:
    source = whole(tmp_path / "set").model_copy(update={"format": "slake"})
    assert is_fetched(source)
    (tmp_path / "set/train_captions.csv").unlink()
    assert folder_state(source).state == "incomplete"


def test_folder_without_download_is_never_fetched(tmp_path: Path) -> None:
    assert not is_fetched(settings(tmp_path / "none", None))
    assert not is_fetched(SourceSettings(folder=None, download="zenodo:7"))


def test_download_of_another_layout_is_not_fetched(tmp_path: Path) -> None:
    """An overlay that names a folder of its own and forgets ``download`` must not fill it with ROCOv2."""
    source = SourceSettings(folder=str(tmp_path / "set"), format="vqa_rad", download=KNOWN_SOURCES["rocov2"].download)
    assert not is_fetched(source)
    assert "is not in the layout vqa_rad" in what_to_do(source, folder_state(source))
    with pytest.raises(ConfigError, match="is not in the layout vqa_rad"):
        fetch(source)


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_offline_variables(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("RADTUNE_OFFLINE", value)
    assert offline() == ("RADTUNE_OFFLINE" if expected else None)


def config(run: str, **datasets: object) -> RadtuneConfig:
    values = merge(PUBLISHED.model_dump(mode="json"), {"run": run, "datasets": datasets})
    return validated(RadtuneConfig, values, "test")


def test_sets_of_several_runs(tmp_path: Path) -> None:
    folder, missing = str(tmp_path / "set"), str(tmp_path / "none")
    whole(tmp_path / "set")
    first = config("first", folder=folder, name="A", download="zenodo:7")
    second = config("second", folder=folder, name="A", download="zenodo:7", further={"b": {"format": "slake", "folder": missing}})
    assert sets_of(config("sample", folder=None)) == {}
    found = status({"first": first, "second": second, "sample": config("sample", folder=None)})
    assert [(one.name, one.runs, one.folder.state) for one in found] == [
        ("A", ("first", "second"), "whole"),
        ("b", ("second",), "missing"),
    ]
    text = described(found[1])
    assert "CC BY 4.0" in text
    assert "set download to 'hub:BoKelvin/SLAKE@" in text


def test_known_sources_can_be_used_as_they_stand() -> None:
    assert KNOWN_SOURCES.keys() <= set(FORMATS)
    for format, known in KNOWN_SOURCES.items():
        assert bool(known.download) != bool(known.by_hand), format
        if known.download and kind_of(known.download) == "addresses":
            assert all(file.addresses[0].startswith("https://") for file in addressed_release(known.download, ()).files)
    names = [file.name for file in addressed_release(KNOWN_SOURCES["vqa_rad"].download or "", ()).files]
    assert names == ["VQA_RAD Dataset Public.json", "VQA_RAD Image Folder.zip"]


def planned(folder: Path, download: str | None) -> str:
    """The jobs that the workflow plans to read a data set in ``folder``."""
    root = Path(__file__).resolve().parents[2]
    overlay = folder.parent / "overlay.json"
    overlay.write_text(json.dumps({"run": "planned", "datasets": {"folder": folder.name, "name": "A set", "download": download}}))
    command: list[str | Path] = [
        sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile", "--directory", folder.parent, "--dry-run",
        "--workflow-profile", "none", "--cores", "1", "--configfile", root / "config.yaml", root / "workflow/runs/sample.yaml",
        overlay, "--", "results/planned/datasets/captions.parquet",
    ]  # fmt: skip
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout


def test_workflow_fetches_what_is_not_there_and_leaves_alone_what_is(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    missing = planned(folder, "zenodo:7")
    assert "fetch_A_set" in missing
    assert f"Missing output files: set/{RECEIPT}" in missing

    folder.mkdir()
    (folder / "train_captions.csv").write_bytes(CSV)
    by_hand = planned(folder, "zenodo:7")
    assert "fetch_A_set" not in by_hand
    assert "read_captions" in by_hand
