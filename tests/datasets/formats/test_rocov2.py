from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from radtune.artifacts.io import read_footer, read_rows
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.errors import DataError
from read_data_set import Row, read_into


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small data set in the layout: six, two and two images."""
    root = tmp_path / "data"
    for split, count in {"train": 6, "valid": 2, "test": 2}.items():
        ids = [f"X_{split}_{number}" for number in range(count)]
        table(root / f"{split}_captions.csv", "ID,Caption", [[item, f"CT of {item}, axial"] for item in ids])
        table(root / f"{split}_concepts.csv", "ID,CUIs", [[item, "C0040405;C0006104"] for item in ids])
        table(root / f"{split}_concepts_manual.csv", "ID,CUIs", [[item, "C0040405"] for item in ids])
        for number, item in enumerate(ids):
            picture(root / f"{split}_images" / f"{item}.jpg", number)
    table(
        root / "cui_mapping.csv",
        "CUI,Canonical name",
        [["C0040405", "X-Ray Computed Tomography"], ["C0006104", "Brain"]],
    )
    return root


def table(path: Path, header: str, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        file.write(header + "\n")
        csv.writer(file).writerows(rows)


def picture(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), shade).save(path)


def read(folder: Path, seed: int = 1, **settings: Any) -> tuple[list[Row], list[Row], dict[str, Any]]:
    """Rows of captions and quarantine, and the footer of the captions."""
    found = read_into(folder.parent / "out", folder, seed, **settings)
    return found.captions, found.quarantine, found.footer()


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
    assert found.footer()["notes"]["groups_in_several_splits"] == 0


def test_every_pair_is_read(folder: Path) -> None:
    rows, rejected, footer = read(folder)
    assert [row["item_id"] for row in rows][:2] == ["X_train_0", "X_train_1"]
    assert (len(rows), rejected, footer["rows_in"]) == (10, [], 10)
    assert rows[0]["group_id"] == "X_train_0"  # no article, no source: each image for itself


def test_relative_folder_gives_relative_image_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    rows, _, _ = read(Path("data"))
    assert rows[0]["image_path"] == "data/train_images/X_train_0.jpg"


def test_images_may_lie_one_folder_deeper_and_valid_may_be_called_validation(folder: Path) -> None:
    deeper = folder / "train_images" / "train"
    deeper.mkdir()
    for path in (folder / "train_images").glob("*.jpg"):
        path.rename(deeper / path.name)
    for path in folder.glob("valid_*"):
        path.rename(folder / path.name.replace("valid_", "validation_"))
    rows, rejected, _ = read(folder)
    assert len(rows) == 10
    assert not rejected
    assert rows[0]["image_path"].endswith("train_images/train/X_train_0.jpg")
    assert {row["split"] for row in rows} == {"train", "valid", "test"}


def test_manual_concepts_and_licences_are_optional(folder: Path) -> None:
    for path in folder.glob("*_manual.csv"):
        path.unlink()
    rows, _, _ = read(folder)
    assert {tuple(row["manual_concepts"]) for row in rows} == {()}


def test_licence_and_group_come_from_the_article(folder: Path) -> None:
    table(
        folder / "license_information.csv",
        "ID,PMCID,Attribution,Link",
        [["X_test_0", "PMC1", "CC BY-NC [Author et al. (2019)]", "https://example.org"]],
    )
    rows, _, _ = read(folder)
    row = next(row for row in rows if row["item_id"] == "X_test_0")
    assert (row["group_id"], row["licence"], row["link"]) == ("PMC1", "CC BY-NC", "https://example.org")


def test_a_byte_order_mark_is_no_part_of_the_header(folder: Path) -> None:
    path = folder / "train_captions.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read(folder)[0]) == 10


def test_captions_keep_their_wording_but_for_white_space(folder: Path) -> None:
    table(folder / "valid_captions.csv", "ID,Caption", [["X_valid_0", "  Two\nlines,\t<b>“µ”</b> "], ["X_valid_1", "x"]])
    rows, _, _ = read(folder)
    assert next(row["caption"] for row in rows if row["item_id"] == "X_valid_0") == "Two lines, <b>“µ”</b>"


def test_bad_rows_go_to_quarantine_with_a_reason(folder: Path) -> None:
    (folder / "train_images/X_train_0.jpg").unlink()
    (folder / "train_images/X_train_1.jpg").write_bytes(b"")
    table(
        folder / "train_captions.csv",
        "ID,Caption",
        [[f"X_train_{n}", "  " if n == 2 else "CT"] for n in (0, 1, 2, 3, 3, 4, 5)] + [["", "no ID"]],
    )
    table(folder / "test_captions.csv", "ID,Caption", [["X_test_0", "CT"], ["X_train_4", "of the training set"]])
    table(folder / "train_concepts.csv", "ID,CUIs", [["X_train_5", "C0040405;CT;C12;C0040405"], ["X_gone", "C0040405"]])
    digest = hashlib.sha256((folder / "valid_images/X_valid_0.jpg").read_bytes()).hexdigest()
    table(folder / "sources.csv", "ID,group,sha256", [["X_valid_0", "a", digest], ["X_valid_1", "a", digest]])
    rows, rejected, footer = read(folder)
    assert [row["item_id"] for row in rows] == ["X_train_3", "X_train_4", "X_train_5", "X_valid_0", "X_test_0"]
    assert footer["dropped"] == {
        "altered_image": 1,
        "duplicate_id": 2,
        "empty_caption": 1,
        "empty_id": 1,
        "empty_image": 1,
        "missing_image": 1,
    }
    assert rows[2]["concepts"] == ["C0040405"]
    noted = [(row["item_id"], row["reason"]) for row in rejected]
    assert noted.count(("X_train_5", "bad_cui")) == 2
    assert ("X_gone", "concepts_without_caption") in noted
    assert ("X_test_1", "concepts_without_caption") in noted
    assert all(row["detail"] for row in rejected)


def test_limit_draws_with_the_seed_and_not_by_the_order_of_rows(folder: Path) -> None:
    (folder / "train_images/X_train_5.jpg").write_bytes(b"")
    first, rejected, footer = read(folder, limit_per_split=2)
    assert [sum(row["split"] == split for row in first) for split in ("train", "valid", "test")] == [2, 2, 2]
    assert footer["dropped"]["over_limit"] + footer["dropped"].get("empty_image", 0) == 4
    assert len(rejected) == 4
    with (folder / "train_captions.csv").open() as file:
        header, *lines = file.read().splitlines()
    (folder / "train_captions.csv").write_text("\n".join([header, *reversed(lines)]) + "\n")
    again, _, _ = read(folder, limit_per_split=2)
    assert {row["item_id"] for row in again} == {row["item_id"] for row in first}
    draws = {frozenset(row["item_id"] for row in read(folder, seed=seed, limit_per_split=2)[0]) for seed in range(8)}
    assert len(draws) > 1


def test_concept_table_keeps_the_first_name_and_refuses_what_is_no_cui(folder: Path) -> None:
    table(
        folder / "cui_mapping.csv",
        "CUI,Canonical name",
        [["C0040405", "CT"], ["C0040405", "again"], ["40405", "x"], ["C0006104", " "]],
    )
    _, rejected, footer = read(folder)
    concepts = folder.parent / "out/concepts.parquet"
    assert read_rows(concepts, CONCEPTS) == [{"cui": "C0040405", "name": "CT", "type_ids": []}]
    assert read_footer(concepts)["dropped"] == {"bad_cui": 1, "duplicate_cui": 1, "empty_name": 1}
    assert {row["reason"] for row in rejected} == {"bad_cui", "duplicate_cui", "empty_name"}
    assert footer["notes"]["cuis_without_name"] == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("train_captions.csv", b"id,text\na,b\n", "header is id,text, expected ID,Caption"),
        ("train_captions.csv", b"", "header is absent"),
        ("train_captions.csv", b"ID,Caption\nX_train_0,one,two\n", "line 2: not 2 fields"),
        ("train_captions.csv", b"ID,Caption\nX_train_0\n", "line 2: not 2 fields"),
        ("train_captions.csv", b"ID,Caption\nX_train_0,caf\xe9\n", "not UTF-8"),
        ("train_captions.csv", b'ID,Caption\nX_train_0,"never closed\n', "cannot be read as a table"),
        ("test_concepts.csv", None, "no test_concepts.csv"),
        ("valid_captions.csv", None, "no valid_captions.csv or val_captions.csv or validation_captions.csv"),
        ("cui_mapping.csv", None, "no cui_mapping.csv"),
    ],
)
def test_unusable_files_stop_the_run_and_leave_nothing(folder: Path, name: str, content: bytes | None, says: str) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        read(folder)
    assert not list(folder.parent.glob("out/*"))


def test_no_usable_pair_at_all_stops_the_run(folder: Path) -> None:
    for path in folder.glob("*_images/*"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="no usable image–caption pair"):
        read(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read(tmp_path / "nowhere")
