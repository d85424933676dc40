from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from radtune.errors import DataError
from read_data_set import DataSet, read_into
from small_data_set import write_rocov2, write_table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_rocov2(tmp_path / "data")


def read(folder: Path) -> DataSet:
    return read_into(folder.parent / "out", folder)


def test_mini_set_is_read_completely(rocov2_mini: Path, tmp_path: Path) -> None:
    found = read_into(tmp_path, rocov2_mini)
    rows = found.captions
    assert [sum(row["split"] == split for row in rows) for split in ("train", "valid", "test")] == [202, 46, 54]
    assert found.quarantine == []
    assert len(found.concepts) == 398
    first = rows[0]
    assert first["caption"] == "CT scan showing a solid inhomogeneous mass, with inner calcifications"
    assert first["concepts"] == ["C0040405", "C0006663"]
    assert first["manual_concepts"] == ["C0040405"]
    assert first["group_id"] == "PMC5389156"
    assert first["licence"] == "CC BY"
    assert hashlib.sha256(Path(first["image_path"]).read_bytes()).hexdigest() == first["image_sha256"]
    notes = found.footer()["notes"]
    assert (notes["groups_in_several_splits"], notes["same_images"]) == (0, 0)


def test_every_pair_is_read(folder: Path) -> None:
    found = read(folder)
    assert [row["item_id"] for row in found.captions][:2] == ["X_train_0", "X_train_1"]
    assert (len(found.captions), found.quarantine) == (10, [])
    assert found.captions[0]["group_id"] == "X_train_0"  # no article, no source: each image for itself


def test_relative_folder_gives_relative_image_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    found = read_into(folder.parent / "out", Path("data"))
    assert found.captions[0]["image_path"] == "data/train_images/X_train_0.png"


def test_images_may_lie_one_folder_deeper_and_valid_may_be_called_validation(folder: Path) -> None:
    deeper = folder / "train_images" / "train"
    deeper.mkdir()
    for path in (folder / "train_images").glob("*.png"):
        path.rename(deeper / path.name)
    for path in folder.glob("valid_*"):
        path.rename(folder / path.name.replace("valid_", "validation_"))
    found = read(folder)
    assert len(found.captions) == 10
    assert not found.quarantine
    assert found.captions[0]["image_path"].endswith("train_images/train/X_train_0.png")
    assert {row["split"] for row in found.captions} == {"train", "valid", "test"}


def test_manual_concepts_and_licences_are_optional(folder: Path) -> None:
    for path in folder.glob("*_manual.csv"):
        path.unlink()
    assert {tuple(row["manual_concepts"]) for row in read(folder).captions} == {()}


def test_licence_and_group_come_from_the_article(folder: Path) -> None:
    write_table(
        folder / "license_information.csv",
        "ID,PMCID,Attribution,Link",
        [["X_test_0", "PMC1", "CC BY-NC [Author et al. (2019)]", "https://example.org"]],
    )
    row = next(row for row in read(folder).captions if row["item_id"] == "X_test_0")
    assert (row["group_id"], row["licence"], row["link"]) == ("PMC1", "CC BY-NC", "https://example.org")


def test_a_second_licence_of_an_image_is_noted_and_not_taken(folder: Path) -> None:
    rows = [["X_test_0", "PMC1", "CC BY [A]", ""], ["X_test_0", "PMC2", "CC BY-NC [B]", ""]]
    write_table(folder / "license_information.csv", "ID,PMCID,Attribution,Link", rows)
    found = read(folder)
    assert next(row["licence"] for row in found.captions if row["item_id"] == "X_test_0") == "CC BY"
    assert [(row["item_id"], row["reason"], row["detail"]) for row in found.quarantine] == [
        ("X_test_0", "duplicate_origin", "license_information.csv, line 3: a second row of this ID; the first is kept")
    ]


def test_concept_files_are_checked_line_by_line(folder: Path) -> None:
    write_table(
        folder / "train_concepts.csv",
        "ID,CUIs",
        [["X_train_5", "C0040405;CT; C12 ;;C0040405"], ["X_train_5", "C0006104"], ["X_gone", "C0040405"]],
    )
    found = read(folder)
    assert next(row for row in found.captions if row["item_id"] == "X_train_5")["concepts"] == ["C0040405"]
    assert sorted((row["item_id"], row["reason"]) for row in found.quarantine) == [
        ("X_gone", "concepts_without_caption"),
        ("X_train_5", "bad_cui"),
        ("X_train_5", "bad_cui"),
        ("X_train_5", "duplicate_concepts"),
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("test_concepts.csv", "no test_concepts.csv"),
        ("valid_captions.csv", "no valid_captions.csv or val_captions.csv or validation_captions.csv"),
        ("train_images", "no train_images"),
        ("cui_mapping.csv", "no cui_mapping.csv"),
    ],
)
def test_a_missing_part_stops_the_run_and_leaves_nothing(folder: Path, name: str, says: str) -> None:
    (folder / name).rename(folder / "elsewhere")
    with pytest.raises(DataError, match=says):
        read(folder)
    assert not list(folder.parent.glob("out/*"))
