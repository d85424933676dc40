from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from radtune.errors import DataError
from read_data_set import DataSet, read_into


def read_slake(out: Path, folder: Path, **settings: Any) -> DataSet:
    return read_into(out, folder, format="slake", **settings)


def question(image: str, qid: int, **changes: Any) -> dict[str, Any]:
    """One record of the release."""
    return {
        "img_id": 1,
        "img_name": f"{image}/source.jpg",
        "question": "What modality is used to take this image?",
        "answer": "CT",
        "q_lang": "en",
        "location": "Lung",
        "modality": "CT",
        "answer_type": "OPEN",
        "base_type": "vqa",
        "content_type": "Modality",
        "triple": ["vhead", "_", "_"],
        "qid": qid,
    } | changes


def picture(folder: Path, image: str) -> None:
    path = folder / "imgs" / image / "source.jpg"
    path.parent.mkdir(parents=True)
    Image.new("L", (8, 8), 100).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, the first with questions in two splits."""
    root = tmp_path / "slake"
    for image in ("xmlab0", "xmlab1", "xmlab2"):
        picture(root, image)
    chinese = {"question": "这是什么模态？", "q_lang": "zh"}
    records = {
        "train": [question("xmlab0", 0), question("xmlab1", 10, modality="MRI"), question("xmlab0", 1, **chinese)],
        "validate": [question("xmlab0", 2, question="Where is the lung?", answer="Left")],
        "test": [question("xmlab2", 20, modality="X-Ray")],
    }
    for split, rows in records.items():
        (root / f"{split}.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return root


def test_real_records_are_read_and_shared_images_counted(real_sample: Callable[[str], Path], tmp_path: Path) -> None:
    """The release's own questions; their images cannot be had, so that each is a made-up picture."""
    sample = real_sample("slake")
    folder = tmp_path / "slake"
    folder.mkdir()
    names = set()
    for name in ("train.json", "validation.json"):
        (folder / name).symlink_to(sample / name)
        names |= {record["img_name"].split("/")[0] for record in json.loads((sample / name).read_text(encoding="utf-8"))}
    for image in names:
        picture(folder, image)
    found = read_slake(tmp_path / "out", folder, languages=("en", "zh"))
    assert [sum(row["split"] == split for row in found.captions) for split in ("train", "valid", "test")] == [200, 148, 0]
    assert found.footer()["notes"]["groups_in_several_splits"] == 58
    assert found.footer("questions")["dropped"] == {"empty_question": 1}  # the release has one without an answer
    assert len(found.questions) == 3790 + 1817 - 1
    assert {(row["item_id"], row["reason"]) for row in found.quarantine} == {
        ("test", "missing_split"),
        ("train-xmlab281", "empty_question"),
    }
    english = read_slake(tmp_path / "english", folder)
    left_out = english.footer("questions")["dropped"]
    assert left_out["language"] + left_out["item_left_out"] == 1933 + 916
    asked = {row["item_id"] for row in english.questions}
    assert {row["item_id"] for row in english.captions} == asked, "an image without a caption is there for its questions"


def test_an_image_in_two_splits_is_an_item_of_each_in_one_group(folder: Path, tmp_path: Path) -> None:
    found = read_slake(tmp_path / "out", folder)
    rows = {row["item_id"]: row for row in found.captions}
    assert list(rows) == ["train-xmlab0", "train-xmlab1", "valid-xmlab0", "test-xmlab2"]
    assert {row["group_id"] for row in found.captions} == {"xmlab0", "xmlab1", "xmlab2"}
    assert rows["train-xmlab0"]["image_sha256"] == rows["valid-xmlab0"]["image_sha256"]
    assert rows["train-xmlab0"]["licence"] == "CC BY 4.0"
    assert found.footer()["notes"]["groups_in_several_splits"] == 1
    assert [row["question_id"] for row in found.questions] == [
        "train-xmlab0/published/0",
        "train-xmlab1/published/10",
        "valid-xmlab0/published/2",
        "test-xmlab2/published/20",
    ]


def test_languages_are_taken_as_set(folder: Path, tmp_path: Path) -> None:
    found = read_slake(tmp_path / "out", folder, languages=("zh",))
    assert [(row["question_id"], row["question"]) for row in found.questions] == [("train-xmlab0/published/1", "这是什么模态？")]
    assert [row["item_id"] for row in found.captions] == ["train-xmlab0"]
    assert found.footer()["dropped"] == {"language": 3}


def test_modality_is_a_manual_concept(folder: Path, tmp_path: Path) -> None:
    found = read_slake(tmp_path / "out", folder)
    assert [row["manual_concepts"] for row in found.captions] == [["C0040405"], ["C0024485"], ["C0040405"], ["C1306645"]]


def test_bad_records_go_to_quarantine_with_a_reason(folder: Path, tmp_path: Path) -> None:
    (folder / "imgs/xmlab1/source.jpg").unlink()
    outside = question("x", 4, img_name="../../outside/source.jpg")
    Image.new("L", (8, 8)).save(folder.parent / "source.jpg")
    rows = [
        question("xmlab0", 0),
        question("xmlab0", 0, question="the same number again"),
        question("xmlab0", 1, answer="  "),
        question("xmlab1", 2),
        question("x", 3, img_name=None),
        outside,
    ]
    (folder / "train.json").write_text(json.dumps(rows))
    found = read_slake(tmp_path / "out", folder)
    assert found.footer()["dropped"] == {"empty_id": 1, "missing_image": 2}
    assert found.footer("questions")["dropped"] == {"duplicate_question": 1, "empty_question": 1, "item_left_out": 3}
    assert [row["item_id"] for row in found.captions] == ["train-xmlab0", "valid-xmlab0", "test-xmlab2"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[", "train.json: no JSON"),
        (b'{"img_name": "x"}', "train.json: not a JSON list"),
        (b'[{"img_name": "x"}]', "train.json, record 1: not an object with the keys img_name, question"),
        (b'["\xe9"]', "not UTF-8"),
        (rb'["half a character: \uD83D"]', "no JSON: .* surrogates not allowed"),
    ],
)
def test_unusable_files_stop_the_run(folder: Path, tmp_path: Path, content: bytes, says: str) -> None:
    (folder / "train.json").write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_slake(tmp_path / "out", folder)


def test_a_folder_without_questions_or_images_says_so(folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("*.json"):
        path.unlink()
    with pytest.raises(DataError, match=r"no train\.json or validate\.json or validation\.json or test\.json"):
        read_slake(tmp_path / "out", folder)
    (folder / "imgs").rename(folder / "pictures")
    with pytest.raises(DataError, match="no imgs"):
        read_slake(tmp_path / "out", folder)
