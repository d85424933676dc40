from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from radtune.errors import DataError
from read_data_set import DataSet, read_into

VERSION_1 = "Figure_path,Question,Answer,Choice A,Choice B,Choice C,Choice D,Answer_label"
FIRST_REVISION = "Figure_path,Question,Anwser,Choice A,Choice B,Choice C,Choice D"
VERSION_2 = "index,Figure_path,Caption,Question,Choice A,Choice B,Choice C,Choice D,Answer,split"

CHOICES = [" A:CT ", " B: MRI", "C:X-ray ", " D:Ultrasound "]


def read_pmc_vqa(out: Path, folder: Path, **settings: Any) -> DataSet:
    return read_into(out, folder, format="pmc_vqa", **settings)


def table(path: Path, header: str, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header.split(","), *rows])


def figures(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (8, 8), (9, 9, 9)).save(folder / name)


def row_1(figure: str, question: str, answer: str = "MRI", label: str = "B") -> list[str]:
    return [figure, question, answer, *CHOICES, label]


def row_2(figure: str, question: str, answer: str = "B", split: str = "train") -> list[str]:
    return ["7", figure, "An MR image\nof the brain.", question, *CHOICES, answer, split]


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    root = tmp_path / "pmc-vqa-1"
    table(root / "train.csv", VERSION_1, [row_1("PMC1_F1.jpg", "Which modality?"), row_1("PMC1_F1.jpg", "Which one?", "A", "C")])
    table(root / "test.csv", VERSION_1, [row_1("PMC2_F1.jpg", "Which modality?")])
    figures(root / "images", "PMC1_F1.jpg", "PMC2_F1.jpg")
    return root


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    root = tmp_path / "pmc-vqa-2"
    table(root / "train_2.csv", VERSION_2, [row_2("PMC1_F1_1.jpg", " Which modality? ")])
    table(root / "test_2.csv", VERSION_2, [row_2("PMC1_F1_2.jpg", "Which modality?", "D", "test")])
    figures(root / "figures", "PMC1_F1_1.jpg", "PMC1_F1_2.jpg")
    return root


def test_real_headers_are_read(real_sample: Callable[[str], Path], tmp_path: Path) -> None:
    """The two published headers with one row each, and a made-up picture for each figure."""
    sample = real_sample("pmc-vqa")
    first, second = tmp_path / "first", tmp_path / "second"
    figures(first / "images", "PMC1064097_F1.jpg")
    figures(second / "figures", "PMC8253867_Fig2_41.jpg")
    (first / "train.csv").symlink_to(sample / "train_head.csv")
    (second / "test_2.csv").symlink_to(sample / "test_2_head.csv")
    found = read_pmc_vqa(tmp_path / "out-1", first)
    assert [(row["question"], row["answer"]) for row in found.questions] == [
        ("What is the uptake pattern in the breast?", "Focal uptake pattern")
    ]
    assert (found.captions[0]["group_id"], found.captions[0]["caption"]) == ("PMC1064097", "")
    found = read_pmc_vqa(tmp_path / "out-2", second)
    assert [(row["question"], row["answer"]) for row in found.questions] == [
        (
            "What is the name of the artery encased and displaced in the image?",
            "Left Anterior Descending Coronary Artery",
        )
    ]
    assert found.captions[0]["caption"].startswith("CT pulmonary angiogram reveals encasement")
    assert [(row["item_id"], row["reason"]) for row in found.quarantine] == [("train", "missing_split")]


def test_version_1_keeps_the_answers_text(version_1: Path, tmp_path: Path) -> None:
    found = read_pmc_vqa(tmp_path / "out", version_1)
    assert [(row["item_id"], row["answer"]) for row in found.questions] == [
        ("train-PMC1_F1", "MRI"),
        ("train-PMC1_F1", "A"),  # a letter in the column of the text is a text
        ("test-PMC2_F1", "MRI"),
    ]
    row = found.captions[0]
    assert (row["group_id"], row["licence"]) == ("PMC1", "CC BY-SA")
    assert row["link"].endswith("/PMC1/")


def test_the_first_revisions_misspelt_header_is_read(version_1: Path, tmp_path: Path) -> None:
    table(version_1 / "train.csv", FIRST_REVISION, [["PMC1_F1.jpg", "Which modality?", "B: MRI", *CHOICES]])
    found = read_pmc_vqa(tmp_path / "out", version_1)
    assert found.questions[0]["answer"] == "MRI"


def test_version_2_takes_the_text_of_the_right_choice_and_the_caption(version_2: Path, tmp_path: Path) -> None:
    found = read_pmc_vqa(tmp_path / "out", version_2)
    assert [(row["question"], row["answer"]) for row in found.questions] == [
        ("Which modality?", "MRI"),
        ("Which modality?", "Ultrasound"),
    ]
    assert {row["caption"] for row in found.captions} == {"An MR image of the brain."}
    assert found.footer()["notes"]["groups_in_several_splits"] == 1


def test_of_both_versions_the_second_is_read_and_said_so(version_1: Path, version_2: Path, tmp_path: Path) -> None:
    for path in version_1.glob("*.csv"):
        path.rename(version_2 / path.name)
    found = read_pmc_vqa(tmp_path / "out", version_2)
    assert [row["item_id"] for row in found.captions] == ["train-PMC1_F1_1", "test-PMC1_F1_2"]
    assert [row["reason"] for row in found.quarantine] == ["older_version"]


def test_bad_rows_go_to_quarantine_with_a_reason(version_2: Path, tmp_path: Path) -> None:
    rows = [
        row_2("PMC1_F1_1.jpg", "Which modality?"),
        row_2("PMC1_F1_1.jpg", "Which modality?", "C"),
        row_2("PMC1_F1_1.jpg", "Which letter?", "E"),
        row_2("PMC9_F1_1.jpg", "Which modality?"),
        row_2("", "Which modality?"),
    ]
    table(version_2 / "train_2.csv", VERSION_2, rows)
    found = read_pmc_vqa(tmp_path / "out", version_2)
    assert found.footer()["dropped"] == {"empty_id": 1, "missing_image": 1}
    assert found.footer("questions")["dropped"] == {"duplicate_question": 1, "empty_question": 1, "item_left_out": 2}


def test_missing_columns_and_folders_stop_the_run(version_1: Path, tmp_path: Path) -> None:
    table(version_1 / "train.csv", "Figure_path,Question", [["PMC1_F1.jpg", "Which modality?"]])
    with pytest.raises(DataError, match="header is Figure_path,Question, expected Figure_path,Question,Choice A"):
        read_pmc_vqa(tmp_path / "out", version_1)
    (version_1 / "images").rename(version_1 / "elsewhere")
    with pytest.raises(DataError, match="no images"):
        read_pmc_vqa(tmp_path / "out", version_1)
