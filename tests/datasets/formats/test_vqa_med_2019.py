from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from radtune.errors import DataError
from read_data_set import DataSet, read_into


def read_vqa_med(out: Path, folder: Path, **settings: Any) -> DataSet:
    return read_into(out, folder, format="vqa_med_2019", **settings)


def write(folder: Path, table: str, lines: list[str], images: str, names: list[str]) -> None:
    """One split: its table, and an image for each name."""
    (folder / images).mkdir(parents=True)
    (folder / table).write_text("".join(line + "\r\n" for line in lines), encoding="utf-8", newline="")
    for name in names:
        Image.new("L", (8, 8), 100).save(folder / images / f"{name}.jpg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The three splits as their archives unpack."""
    root = tmp_path / "vqa-med-2019"
    write(
        root / "ImageClef-2019-VQA-Med-Training",
        "All_QA_Pairs_train.txt",
        ["synpic1|what plane is this?|axial", 'synpic1|what is abnormal?|"benign" mass', "synpic2|what plane is this?|coronal"],
        "Train_images",
        ["synpic1", "synpic2"],
    )
    write(
        root / "ImageClef-2019-VQA-Med-Validation",
        "All_QA_Pairs_val.txt",
        ["synpic3|is this a ct?|no"],
        "Val_images",
        ["synpic3"],
    )
    write(
        root / "VQAMed2019Test",
        "VQAMed2019_Test_Questions_w_Ref_Answers.txt",
        ["synpic4|abnormality|what is abnormal?|oligodendroglioma#(large) multi-cystic mass"],
        "VQAMed2019_Test_Images",
        ["synpic4"],
    )
    return root


def test_real_questions_are_read(real_sample: Callable[[str], Path], tmp_path: Path) -> None:
    sample = real_sample("vqa-med-2019")
    found = read_vqa_med(tmp_path / "out", sample)
    assert [sum(row["split"] == split for row in found.captions) for split in ("train", "valid", "test")] == [90, 25, 0]
    assert [sum(row["split"] == split for row in found.questions) for split in ("train", "valid", "test")] == [360, 100, 0]
    assert [(row["item_id"], row["reason"]) for row in found.quarantine] == [("test", "missing_split")]
    first = next(row for row in found.questions if row["item_id"] == "train-synpic33704")
    assert (first["question"], first["answer"]) == ("what type of imaging is this?", "us - ultrasound")
    assert 'pseudotumor cerebri ("benign" idiopathic intracranial hypertension)' in {row["answer"] for row in found.questions}


def test_every_split_is_read_from_the_folders_of_its_archive(folder: Path, tmp_path: Path) -> None:
    found = read_vqa_med(tmp_path / "out", folder)
    assert [row["item_id"] for row in found.captions] == ["train-synpic1", "train-synpic2", "valid-synpic3", "test-synpic4"]
    assert [row["answer"] for row in found.questions] == ["axial", '"benign" mass', "coronal", "no", "oligodendroglioma"]
    assert found.quarantine == []
    assert {(row["licence"], row["caption"]) for row in found.captions} == {("CC BY 4.0", "")}


def test_ids_do_not_depend_on_the_order_of_lines(folder: Path, tmp_path: Path) -> None:
    table = folder / "ImageClef-2019-VQA-Med-Training/All_QA_Pairs_train.txt"
    first = read_vqa_med(tmp_path / "first", folder)
    table.write_text("".join(reversed(table.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    again = read_vqa_med(tmp_path / "again", folder)
    assert {row["question_id"] for row in again.questions} == {row["question_id"] for row in first.questions}


def test_bad_lines_go_to_quarantine_with_a_reason(folder: Path, tmp_path: Path) -> None:
    lines = [
        "synpic1|what plane is this?|axial",
        "synpic1|what  plane is this?|sagittal",
        "synpic1|what is abnormal?| ",
        "gone|what plane is this?|axial",
        "|what plane is this?|axial",
    ]
    (folder / "ImageClef-2019-VQA-Med-Training/All_QA_Pairs_train.txt").write_text("\n".join(lines) + "\n")
    found = read_vqa_med(tmp_path / "out", folder)
    assert found.footer()["dropped"] == {"empty_id": 1, "missing_image": 1}
    assert found.footer("questions")["dropped"] == {"duplicate_question": 1, "empty_question": 1, "item_left_out": 2}


def test_a_line_with_too_few_fields_stops_the_run(folder: Path, tmp_path: Path) -> None:
    (folder / "ImageClef-2019-VQA-Med-Validation/All_QA_Pairs_val.txt").write_text("synpic3|is this a ct?\n")
    with pytest.raises(DataError, match=r"All_QA_Pairs_val\.txt, line 1: not 3 fields"):
        read_vqa_med(tmp_path / "out", folder)
