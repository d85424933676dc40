from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from radtune.errors import DataError
from read_data_set import DataSet, Row, read_into


def read_medpix(out: Path, folder: Path, **settings: Any) -> DataSet:
    return read_into(out, folder, format="medpix", **settings)


def described(case: str, image: str, kind: str = "CT", **changes: Any) -> dict[str, Any]:
    """One record of Descriptions.json; ``changes`` are to its description."""
    fields = {"Caption": "Axial CT of the chest.", "Modality": "CT - noncontrast", "Plane": "Axial", "Sex": "male", "Age": "73"}
    return {
        "Type": kind,
        "U_id": case,
        "image": f"{case}_{image}",
        "Description": fields | changes,
        "Location": "Chest, Pulmonary",
        "Location Category": "Thorax",
    }


def case(name: str, **changes: Any) -> dict[str, Any]:
    """One record of Case_topic.json."""
    fields = {"Title": "Mucus Plug", "History": "73-year-old man with cough", "Case Diagnosis": "Mucus plug"}
    fields |= {"Differential Diagnosis": "Mucus plug\nForeign body"}
    return {"U_id": name, "TAC": [], "MRI": [], "Case": fields | changes, "Topic": {"Title": "Mucus Plug"}}


def write(root: Path, images: list[dict[str, Any]], cases: list[dict[str, Any]], splits: dict[str, list[str]]) -> None:
    (root / "splitted_dataset").mkdir(parents=True, exist_ok=True)
    (root / "images").mkdir(exist_ok=True)
    (root / "Descriptions.json").write_text(json.dumps(images))
    (root / "Case_topic.json").write_text(json.dumps(cases))
    (root / "splitted_dataset/uid_list.json").write_text(json.dumps(splits))
    for record in images:
        Image.new("L", (8, 8), 100).save(root / "images" / f"{record['image']}.png")


SPLITS = {"train": ["MPX1"], "train_1": ["MPX1"], "train_2": [], "dev": ["MPX2"], "test": ["MPX3"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three cases, the first with two images."""
    root = tmp_path / "medpix"
    images = [
        described("MPX1", "synpic1"),
        described("MPX1", "synpic2", "MR", Modality="MR - T2 weighted", Plane="NOS - Not specified"),
        described("MPX2", "synpic3"),
        described("MPX3", "synpic4"),
    ]
    write(root, images, [case("MPX1"), case("MPX2"), case("MPX3")], SPLITS)
    return root


def asked(found: DataSet, item_id: str) -> dict[str, str]:
    """Answers about an image by the questions' names."""
    return {row["question_id"].split("/")[-1]: row["answer"] for row in found.questions if row["item_id"] == item_id}


def test_real_cases_are_read(real_sample: Callable[[str], Path], tmp_path: Path) -> None:
    sample = real_sample("medpix-2.0")
    found = read_medpix(tmp_path / "out", sample)
    assert found.footer()["rows_in"] == 352
    assert found.footer()["dropped"] == {"missing_image": 352 - 30}  # the sample has 30 of the images
    assert found.footer()["notes"]["groups_in_several_splits"] == 0
    assert sum(row["reason"] == "placeholder_caption" for row in found.quarantine) == 4
    assert not any("replace this" in row["caption"].lower() for row in found.captions)
    row = next(row for row in found.captions if row["item_id"] == "MPX1473_synpic17392")
    assert (row["split"], row["group_id"], row["licence"]) == ("test", "MPX1473", "none stated")
    names = {row["question_id"].split("/")[-1] for row in found.questions}
    assert names == {"modality", "plane", "location", "diagnosis", "differential"}
    assert all(len(row["answer"].split()) < 60 for row in found.questions)


def test_real_json_and_json_lines_say_the_same(real_sample: Callable[[str], Path], tmp_path: Path) -> None:
    """The release gives its records twice: as two lists with the splits beside them, and as JSON lines of each split."""
    sample = real_sample("medpix-2.0")
    folders = {"lists": ("Descriptions.json", "Case_topic.json", "splitted_dataset"), "lines": ("splitted_dataset",)}
    found: dict[str, tuple[list[Row], list[Row]]] = {}
    for form, names in folders.items():
        folder = tmp_path / form
        (folder / "images").mkdir(parents=True)
        for name in names:
            (folder / name).symlink_to(sample / name)
        for record in json.loads((sample / "Descriptions.json").read_text(encoding="utf-8")):
            Image.new("L", (8, 8), 100).save(folder / f"images/{record['image']}.png")
        read = read_medpix(tmp_path / f"out-{form}", folder)
        assert len(read.captions) == 352
        captions = [row | {"image_path": ""} for row in read.captions]
        found[form] = (
            sorted(captions, key=lambda row: str(row["item_id"])),
            sorted(read.questions, key=lambda row: str(row["question_id"])),
        )
    assert found["lists"] == found["lines"]


def test_items_have_caption_case_modality_and_split(folder: Path, tmp_path: Path) -> None:
    found = read_medpix(tmp_path / "out", folder)
    assert [(row["item_id"], row["split"], row["group_id"]) for row in found.captions] == [
        ("MPX1_synpic1", "train", "MPX1"),
        ("MPX1_synpic2", "train", "MPX1"),
        ("MPX2_synpic3", "valid", "MPX2"),
        ("MPX3_synpic4", "test", "MPX3"),
    ]
    assert [row["manual_concepts"] for row in found.captions[:2]] == [["C0040405"], ["C0024485"]]
    assert found.captions[0]["caption"] == "Axial CT of the chest."
    assert found.quarantine == []


def test_questions_ask_what_the_image_or_case_states_and_no_history(folder: Path, tmp_path: Path) -> None:
    found = read_medpix(tmp_path / "out", folder)
    assert asked(found, "MPX1_synpic1") == {
        "modality": "CT - noncontrast",
        "plane": "Axial",
        "location": "Chest, Pulmonary",
        "diagnosis": "Mucus plug",
        "differential": "Mucus plug; Foreign body",
    }
    assert "plane" not in asked(found, "MPX1_synpic2")
    assert not any("cough" in row["answer"] for row in found.questions)


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("•  Aneurysm \r\n•  Stroke", "Aneurysm; Stroke"),
        ("-Fracture\n\n-Stress fracture", "Fracture; Stress fracture"),
        ("Narrowing:\nAnnular pancreas\nLymphoma", "Narrowing: Annular pancreas; Lymphoma"),
        ("1. Myasthenia gravis\n2. T-cell  lymphoma", "1. Myasthenia gravis; 2. T-cell lymphoma"),
        ("•", None),
    ],
)
def test_lists_of_diagnoses_are_parted_by_semicolons(folder: Path, tmp_path: Path, written: str, answer: str | None) -> None:
    write(folder, [described("MPX1", "synpic1")], [case("MPX1", **{"Differential Diagnosis": written})], SPLITS)
    found = read_medpix(tmp_path / "out", folder)
    assert asked(found, "MPX1_synpic1").get("differential") == answer


def test_fields_that_were_not_filled_in_are_not_asked_for(folder: Path, tmp_path: Path) -> None:
    images = [described("MPX1", "synpic1", Caption="  Replace this - DESCRIPTION OF THE IMAGE OR FINDINGS.", Plane=None)]
    empty = case("MPX1", **{"Case Diagnosis": "N/A", "Differential Diagnosis": "Replace this - DIFFERENTIAL"})
    write(folder, images, [empty], SPLITS)
    found = read_medpix(tmp_path / "out", folder)
    assert found.captions[0]["caption"] == ""
    assert set(asked(found, "MPX1_synpic1")) == {"modality", "location"}
    assert [row["reason"] for row in found.quarantine] == ["placeholder_caption"]


def test_long_answers_are_left_out_and_noted(folder: Path, tmp_path: Path) -> None:
    long = case("MPX1", **{"Case Diagnosis": "word " * 59, "Differential Diagnosis": "word " * 60})
    write(folder, [described("MPX1", "synpic1")], [long], SPLITS)
    found = read_medpix(tmp_path / "out", folder)
    assert set(asked(found, "MPX1_synpic1")) == {"modality", "plane", "location", "diagnosis"}
    assert [(row["item_id"], row["reason"]) for row in found.quarantine] == [("MPX1_synpic1", "long_answer")]


def test_bad_records_go_to_quarantine_with_a_reason(folder: Path, tmp_path: Path) -> None:
    images = [
        described("MPX1", "synpic1"),
        described("MPX1", "synpic1"),
        described("MPX1", "synpic5") | {"image": None},
        described("MPX9", "synpic9"),
        described("MPX2", "synpic3"),
    ]
    write(folder, images, [case("MPX1")], SPLITS)
    (folder / "images/MPX2_synpic3.png").unlink()
    found = read_medpix(tmp_path / "out", folder)
    assert found.footer()["dropped"] == {"duplicate_id": 1, "empty_id": 1, "missing_image": 1, "unknown_split": 1}
    noted = {(row["item_id"], row["reason"]) for row in found.quarantine}
    assert ("MPX9_synpic9", "case_without_record") in noted
    assert [row["item_id"] for row in found.captions] == ["MPX1_synpic1"]


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"train": ["MPX1"], "dev": ["MPX1"], "test": []}, "case MPX1 is in train and in dev"),
        ({"train": ["MPX1"]}, r"uid_list\.json: no lists train, dev, test of cases"),
    ],
)
def test_an_unusable_list_of_splits_stops_the_run(folder: Path, tmp_path: Path, splits: dict[str, list[str]], says: str) -> None:
    (folder / "splitted_dataset/uid_list.json").write_text(json.dumps(splits))
    with pytest.raises(DataError, match=says):
        read_medpix(tmp_path / "out", folder)


@pytest.mark.parametrize(
    "record",
    [described("MPX1", "synpic1") | {"Description": "text"}, {"U_id": "MPX1", "image": "MPX1_synpic1"}],
)
def test_a_record_of_another_form_stops_the_run(folder: Path, tmp_path: Path, record: dict[str, Any]) -> None:
    write(folder, [record], [case("MPX1")], SPLITS)
    with pytest.raises(DataError, match=r"Descriptions\.json, record 1"):
        read_medpix(tmp_path / "out", folder)


def test_a_folder_in_another_layout_says_what_is_missing(folder: Path, tmp_path: Path) -> None:
    (folder / "Descriptions.json").unlink()
    with pytest.raises(DataError, match=r"no Descriptions\.json or splitted_dataset/descriptions_train\.jsonl"):
        read_medpix(tmp_path / "out", folder)


def test_a_line_that_is_no_json_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "Descriptions.json").unlink()
    (folder / "splitted_dataset/data_train.jsonl").write_text("")
    (folder / "splitted_dataset/descriptions_train.jsonl").write_text(json.dumps(described("MPX1", "synpic1")) + "\n{\n")
    with pytest.raises(DataError, match=r"descriptions_train\.jsonl, line 2: no JSON"):
        read_medpix(tmp_path / "out", folder)
