from __future__ import annotations

import hashlib
import json
import random
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from radtune.datasets.read import LONGEST_ID
from radtune.errors import DataError
from read_data_set import DataSet, Row, read_into
from small_data_set import write_image, write_rocov2, write_table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_rocov2(tmp_path / "data")


def read(folder: Path, seed: int = 1, **settings: object) -> DataSet:
    return read_into(folder.parent / "out", folder, seed, **settings)


def captions(folder: Path, split: str, rows: list[tuple[str, str]]) -> None:
    write_table(folder / f"{split}_captions.csv", "ID,Caption", rows)


def by_id(rows: list[Row]) -> dict[str, Row]:
    return {row["item_id"]: row for row in rows}


def test_captions_keep_their_wording_but_for_white_space(folder: Path) -> None:
    captions(folder, "valid", [("X_valid_0", "  Two\nlines,\t<b>“µ”</b>\0 "), ("X_valid_1", "x")])
    assert by_id(read(folder).captions)["X_valid_0"]["caption"] == "Two lines, <b>“µ”</b>"


def test_what_the_rules_for_captions_find_is_counted_over_what_is_taken(folder: Path) -> None:
    captions(folder, "valid", [("X_valid_0", "chestX-ray of <i>E. coli</i>"), ("X_valid_1", "AP &amp; PA")])
    (folder / "train_images/X_train_0.png").unlink()
    captions(folder, "train", [("X_train_0", "chestX-ray"), ("X_train_1", "chest X-ray")])
    counts = {"character_references": 1, "html_tags": 2, "lost_spaces": 1}
    kept = read(folder)
    assert kept.footer()["notes"]["caption_text"] == counts
    assert by_id(kept.captions)["X_valid_0"]["caption"] == "chestX-ray of <i>E. coli</i>"
    mended = read(folder, text={"html": "remove", "lost_spaces": "repair"})
    assert mended.footer()["notes"]["caption_text"] == counts
    assert by_id(mended.captions)["X_valid_0"]["caption"] == "chest X-ray of E. coli"
    assert by_id(mended.captions)["X_valid_1"]["caption"] == "AP & PA"


def test_bad_rows_go_to_quarantine_with_a_reason(folder: Path) -> None:
    images = folder / "train_images"
    (images / "X_train_0.png").unlink()
    (images / "X_train_1.png").write_bytes(b"")
    rows = [(f"X_train_{n}", "  " if n == 2 else "CT") for n in (0, 1, 2, 3, 3, 4, 5)]
    captions(folder, "train", [*rows, ("", "no ID"), (" ", "no ID"), ("a\tb", "CT"), ("x" * (LONGEST_ID + 1), "CT")])
    captions(folder, "test", [("X_test_0", "CT"), ("X_train_4", "of the training set")])
    digest = hashlib.sha256((folder / "valid_images/X_valid_0.png").read_bytes()).hexdigest()
    write_table(folder / "sources.csv", "ID,group,sha256", [["X_valid_0", "a", digest], ["X_valid_1", "a", digest]])
    found = read(folder)
    assert [row["item_id"] for row in found.captions] == ["X_train_3", "X_train_4", "X_train_5", "X_valid_0", "X_test_0"]
    assert found.footer()["dropped"] == {
        "altered_image": 1,
        "bad_id": 2,
        "duplicate_id": 2,
        "empty_caption": 1,
        "empty_id": 2,
        "empty_image": 1,
        "missing_image": 1,
    }
    reasons = [(row["item_id"], row["reason"]) for row in found.quarantine]
    assert ("train_captions.csv, line 11", "bad_id") in reasons
    assert ("X_test_1", "concepts_without_caption") in reasons
    assert all(row["detail"].isprintable() and row["detail"] for row in found.quarantine)


def test_ids_may_hold_slashes_spaces_and_any_letters(folder: Path) -> None:
    captions(folder, "valid", [("case 1/ü.2", "CT"), ("X_valid_1", "CT")])
    write_image(folder / "valid_images/case 1/ü.2.png", 99)  # a file in a folder of its own is another image
    assert [row["item_id"] for row in read(folder).captions if row["split"] == "valid"] == ["X_valid_1"]
    write_table(folder / "license_information.csv", "ID,PMCID,Attribution,Link", [["X_valid_1", "PMC1", "a\nb", "c"]])
    captions(folder, "valid", [("ü 2", "CT")])
    write_image(folder / "valid_images/ü 2.png", 98)
    assert [row["item_id"] for row in read(folder).captions if row["split"] == "valid"] == ["ü 2"]


def test_blank_lines_are_noted_and_commas_alone_are_rows_without_id(folder: Path) -> None:
    path = folder / "valid_captions.csv"
    path.write_text(path.read_text() + "\n,\n\n")
    found = read(folder)
    assert found.footer()["dropped"] == {"empty_id": 1}
    assert sorted((row["item_id"], row["reason"]) for row in found.quarantine) == [
        ("valid_captions.csv, line 4", "blank_line"),
        ("valid_captions.csv, line 5", "empty_id"),
        ("valid_captions.csv, line 6", "blank_line"),
    ]


def test_short_and_long_captions_are_left_out_by_the_settings(folder: Path) -> None:
    captions(folder, "valid", [("X_valid_0", "CT"), ("X_valid_1", "one two three four five")])
    found = read(folder, text={"minimum_words": 2, "maximum_words": 4})
    assert found.footer()["dropped"] == {"long_caption": 1, "short_caption": 1}


def test_an_unknown_licence_is_not_taken_where_licences_are_chosen(folder: Path) -> None:
    rows = [["X_train_0", "PMC1", "CC BY [a]", "l"], ["X_train_1", "PMC2", "CC BY-NC [a]", "l"]]
    write_table(folder / "license_information.csv", "ID,PMCID,Attribution,Link", rows)
    found = read(folder, licences=("cc-by",))
    assert [row["item_id"] for row in found.captions] == ["X_train_0"]
    assert found.footer()["dropped"] == {"licence": 9}


def test_limit_draws_with_the_seed_and_not_by_the_order_of_rows(folder: Path) -> None:
    (folder / "train_images/X_train_5.png").write_bytes(b"")
    first = read(folder, limit_per_split=2)
    assert Counter(row["split"] for row in first.captions) == {"train": 2, "valid": 2, "test": 2}
    assert sum(first.footer()["dropped"].values()) == len(first.quarantine) == 4
    drawn = {row["item_id"] for row in first.captions}
    header, *lines = (folder / "train_captions.csv").read_text().splitlines()
    random.Random(1).shuffle(lines)
    (folder / "train_captions.csv").write_text("\n".join([header, *lines]) + "\n")
    assert {row["item_id"] for row in read(folder, limit_per_split=2).captions} == drawn
    draws = {frozenset(row["item_id"] for row in read(folder, seed, limit_per_split=2).captions) for seed in range(8)}
    assert len(draws) > 1


def test_images_of_the_same_bytes_are_counted(folder: Path) -> None:
    same = (folder / "train_images/X_train_0.png").read_bytes()
    for name in ("train_images/X_train_1.png", "test_images/X_test_0.png"):
        (folder / name).write_bytes(same)
    notes = read(folder).footer()["notes"]
    assert (notes["same_images"], notes["same_images_across_splits"]) == (2, 1)


def test_an_image_that_cannot_be_read_is_a_row_of_quarantine(folder: Path) -> None:
    broken = folder / "train_images/X_train_0.png"
    broken.unlink()
    # The memory of a process opens, and refuses to be read: as a sector of a disk that is going would.
    broken.symlink_to("/proc/self/mem")
    found = read(folder)
    assert found.footer()["dropped"] == {"unreadable_image": 1}
    assert "Input/output error" in found.quarantine[0]["detail"]


def test_questions_and_splits_add_up_with_a_reason_each(tmp_path: Path) -> None:
    columns = ("qid", "image_name", "image_case_url", "phrase_type", "question", "answer")
    rows = [
        (1, "a.jpg", "https://medpix/1", "freeform", "Which  plane?", "axial"),
        (2, "a.jpg", "https://medpix/1", "freeform", "Which organ?", "  "),
        (1, "a.jpg", "https://medpix/1", "freeform", "Which plane again?", "axial"),
        (3, "gone.jpg", "https://medpix/2", "freeform", "Which side?", "left"),
        (4, "a.jpg", "https://medpix/1", "Vaild", "Which modality?", "CT"),
        (5, "a.jpg", "https://medpix/1", "exam", "Which contrast?", "none"),
        (6, "a.jpg", "https://medpix/1", "exam", "Which window?", "bone"),
    ]
    root = tmp_path / "rad"
    write_image(root / "VQA_RAD Image Folder/a.jpg", 1)
    (root / "VQA_RAD Dataset Public.json").write_text(json.dumps([dict(zip(columns, row, strict=True)) for row in rows]))
    found = read_into(tmp_path / "out", root, format="vqa_rad")
    assert [(row["split"], row["question"]) for row in found.questions] == [
        ("train", "Which plane?"),
        ("valid", "Which modality?"),
    ]
    assert found.footer("questions")["dropped"] == {"duplicate_question": 1, "empty_question": 1, "item_left_out": 3}
    assert found.footer()["dropped"] == {"missing_image": 1, "unknown_split": 1}
    assert Counter(row["reason"] for row in found.quarantine) == {
        "duplicate_question": 1,
        "empty_question": 1,
        "item_left_out": 3,
        "missing_image": 1,
        "unknown_split": 1,
    }


def test_concept_table_keeps_the_first_name_and_refuses_what_is_no_cui(folder: Path) -> None:
    write_table(
        folder / "cui_mapping.csv",
        "CUI,Canonical name",
        [["C0040405", "CT"], ["C0040405", "again"], ["40405", "x"], ["C0006104", " "]],
    )
    found = read(folder)
    assert found.concepts == [{"cui": "C0040405", "name": "CT", "type_ids": []}]
    assert found.footer("concepts")["dropped"] == {"bad_cui": 1, "duplicate_cui": 1, "empty_name": 1}
    assert {row["reason"] for row in found.quarantine} == {"bad_cui", "duplicate_cui", "empty_name"}
    assert found.footer()["notes"]["cuis_without_name"] == 1


def test_ids_of_further_sets_have_the_prefix(folder: Path) -> None:
    found = read_into(folder.parent / "out", folder, prefix="more/")
    assert {(row["item_id"].startswith("more/X_"), row["group_id"].startswith("more/X_")) for row in found.captions} == {
        (True, True)
    }


def test_no_usable_pair_at_all_stops_the_run_and_leaves_nothing(folder: Path) -> None:
    for path in folder.glob("*_images/*"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="no usable image–caption pair") as caught:
        read(folder)
    assert "'empty_image': 10" in str(caught.value)
    assert "zero bytes" in str(caught.value)
    assert not (folder.parent / "out").exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder"):
        read(tmp_path / "nowhere")


def test_a_full_disk_is_one_error_and_leaves_no_half_file(folder: Path) -> None:
    script = (
        "import resource, sys; sys.path[:0] = sys.argv[3:]; from pathlib import Path; from read_data_set import read_into;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (2000, {resource.RLIM_INFINITY}));"
        "read_into(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    out = folder.parent / "out"
    run = subprocess.run(
        [sys.executable, "-c", script, str(out), str(folder), *sys.path], capture_output=True, text=True, check=False, timeout=60
    )
    assert "free disk space" in run.stderr
    assert list(out.iterdir()) == []
