from __future__ import annotations

from pathlib import Path

import pytest

from radtune.errors import DataError
from read_data_set import read_into
from small_data_set import write_image, write_table


@pytest.fixture
def folder_2025(tmp_path: Path) -> Path:
    """Archives unpacked side by side, with the headers of 2025."""
    root = tmp_path / "imageclef2025"
    for split, count in {"train": 3, "valid": 2}.items():
        ids = [f"ImageCLEFmedical_Caption_2025_{split}_{number}" for number in range(count)]
        captions = [(item, f"Head CT, slice {number}.") for number, item in enumerate(ids)]
        write_table(root / f"development_caption_prediction/{split}_captions.csv", "ImageCLEFmedical 2025 ID,Caption", captions)
        write_table(
            root / f"development_concept_detection/{split}_concepts.csv",
            "ImageCLEFmedical 2025 ID,Cuis",
            [(item, "C0040405;C0856747") for item in ids],
        )
        for number, item in enumerate(ids):
            write_image(root / f"images/{split}/{item}.jpg", number)
    return root


def test_2025_is_read_from_its_two_tasks_and_its_image_folders(folder_2025: Path, tmp_path: Path) -> None:
    found = read_into(tmp_path / "out", folder_2025, format="imageclef")
    assert [(row["split"], row["item_id"]) for row in found.captions] == [
        *(("train", f"ImageCLEFmedical_Caption_2025_train_{number}") for number in range(3)),
        *(("valid", f"ImageCLEFmedical_Caption_2025_valid_{number}") for number in range(2)),
    ]
    first = found.captions[0]
    assert first["caption"] == "Head CT, slice 0."
    assert first["concepts"] == ["C0040405", "C0856747"]
    assert first["image_path"].endswith("images/train/ImageCLEFmedical_Caption_2025_train_0.jpg")
    assert (first["group_id"], first["licence"]) == (first["item_id"], "")
    assert found.concepts == []
    assert [(row["item_id"], row["reason"]) for row in found.quarantine] == [("test", "missing_split")]


def test_2024_has_the_headers_of_rocov2_and_images_by_split(tmp_path: Path) -> None:
    root = tmp_path / "imageclef2024"
    for split in ("train", "valid", "test"):
        item = f"ImageCLEFmedical_Caption_2024_{split}_000078"
        write_table(root / f"{split}_captions.csv", "ID,Caption", [(item, f"CT of the {split} set")])
        write_table(root / f"{split}_concepts.csv", "ID,CUIs", [(item, "C0524471;C0524471;C05")])
        write_image(root / f"{split}/{item}.jpg", len(split))
    write_table(root / "cui_mapping.csv", "CUI,Canonical name", [("C0524471", "Right hip")])
    found = read_into(tmp_path / "out", root, format="imageclef")
    assert [row["split"] for row in found.captions] == ["train", "valid", "test"]
    assert found.captions[0]["concepts"] == ["C0524471"]
    assert [row["name"] for row in found.concepts] == ["Right hip"]
    assert {row["reason"] for row in found.quarantine} == {"bad_cui"}


def test_captions_alone_are_enough(folder_2025: Path, tmp_path: Path) -> None:
    for path in folder_2025.glob("development_concept_detection/*"):
        path.unlink()
    found = read_into(tmp_path / "out", folder_2025, format="imageclef")
    assert {tuple(row["concepts"]) for row in found.captions} == {()}


def test_without_captions_or_images_the_run_stops(folder_2025: Path, tmp_path: Path) -> None:
    (folder_2025 / "images/valid").rename(folder_2025 / "images/elsewhere")
    with pytest.raises(DataError, match="no images/valid or valid or valid_images or images/val"):
        read_into(tmp_path / "out", folder_2025, format="imageclef")
    for path in folder_2025.glob("development_caption_prediction/*"):
        path.unlink()
    with pytest.raises(DataError, match=r"no train_captions\.csv"):
        read_into(tmp_path / "out", folder_2025, format="imageclef")
    assert not (tmp_path / "out").exists()
