from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from radtune.errors import DataError
from read_data_set import DataSet, read_into

CASE = "https://medpix.nlm.nih.gov/case?id="


def read_vqa_rad(out: Path, folder: Path, **settings: Any) -> DataSet:
    return read_into(out, folder, format="vqa_rad", **settings)


def question(qid: object, image: str, phrase_type: str = "freeform", **changes: Any) -> dict[str, Any]:
    """One record of the release, what is read of it."""
    return {
        "qid": qid,
        "phrase_type": phrase_type,
        "image_name": f"{image}.jpg",
        "image_case_url": f"{CASE}{image}",
        "question": "Is the heart enlarged?",
        "answer": "Yes",
    } | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, the first with questions in both splits."""
    root = tmp_path / "vqa-rad"
    images = root / "VQA_RAD Image Folder"
    images.mkdir(parents=True)
    for name in ("synpic1", "synpic2", "synpic3"):
        Image.new("L", (8, 8), 100).save(images / f"{name}.jpg")
    write(
        root,
        [
            question("0", "synpic1"),
            question(1, "synpic1", "para", question="Is there cardiomegaly?"),
            question(2, "synpic1", "test_freeform", question="How many ribs?", answer=12),
            question(3, "synpic2"),
            question(4, "synpic3", "test_para"),
        ],
    )
    return root


def write(root: Path, records: list[dict[str, Any]]) -> None:
    (root / "VQA_RAD Dataset Public.json").write_text(json.dumps(records))


def test_real_questions_are_read(real_sample: Callable[[str], Path], tmp_path: Path) -> None:
    sample = real_sample("vqa-rad")
    found = read_vqa_rad(tmp_path / "out", sample)
    assert len(found.captions) == 90
    assert found.footer()["dropped"] == {"missing_image": 271 - 90}  # the sample has the questions of all images
    assert found.footer("questions")["rows_in"] == 1577
    first = found.captions[0]
    assert (first["caption"], first["licence"], first["split"]) == ("", "CC0 1.0", "train")
    assert first["group_id"].startswith(CASE)
    assert {row["answer"] for row in found.questions} >= {"Yes", "no", "Axial"}


def test_test_phrases_are_the_test_split_and_an_image_of_both_is_one_group(folder: Path, tmp_path: Path) -> None:
    found = read_vqa_rad(tmp_path / "out", folder)
    assert [row["item_id"] for row in found.captions] == [
        "train-synpic1",
        "train-synpic2",
        "test-synpic1",
        "test-synpic3",
    ]
    assert {row["group_id"] for row in found.captions} == {f"{CASE}synpic{number}" for number in (1, 2, 3)}
    assert found.footer()["notes"]["groups_in_several_splits"] == 1
    assert [(row["question_id"], row["answer"]) for row in found.questions] == [
        ("train-synpic1/published/0", "Yes"),
        ("train-synpic1/published/1", "Yes"),
        ("train-synpic2/published/3", "Yes"),
        ("test-synpic1/published/2", "12"),
        ("test-synpic3/published/4", "Yes"),
    ]


def test_an_image_of_several_cases_is_of_the_first(folder: Path, tmp_path: Path) -> None:
    write(folder, [question(0, "synpic1"), question(1, "synpic1", "test_freeform", image_case_url=f"{CASE}other")])
    found = read_vqa_rad(tmp_path / "out", folder)
    assert {row["group_id"] for row in found.captions} == {f"{CASE}synpic1"}


def test_bad_records_go_to_quarantine_with_a_reason(folder: Path, tmp_path: Path) -> None:
    write(
        folder,
        [
            question(0, "synpic1"),
            question(0, "synpic1", question="the number again"),
            question(1, "synpic1", answer=None),
            question(2, "synpic2", "spoken"),
            question(3, "", image_name=None),
            question(4, "gone"),
        ],
    )
    found = read_vqa_rad(tmp_path / "out", folder)
    assert found.footer()["dropped"] == {"empty_id": 1, "missing_image": 1, "unknown_split": 1}
    assert found.footer("questions")["dropped"] == {"duplicate_question": 1, "empty_question": 1, "item_left_out": 3}
    assert len(found.questions) == 1


def test_a_folder_in_another_layout_says_what_is_missing(folder: Path, tmp_path: Path) -> None:
    (folder / "VQA_RAD Dataset Public.json").rename(folder / "other.json")
    with pytest.raises(DataError, match=r"no VQA_RAD Dataset Public\.json"):
        read_vqa_rad(tmp_path / "out", folder)
