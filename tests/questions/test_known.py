"""Questions known by construction: what is asked of whom, and that the wording of yes/no questions gives nothing away."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radtune.artifacts.io import read_footer, read_rows, write
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.provenance import provenance
from radtune.config.questions import KnownSettings
from radtune.errors import DataError
from radtune.questions.known import YES_NO_QUESTIONS, make_known_questions, yes_no_pairs

from .conftest import WriteCaptions

CONCEPT_ROWS = [
    {"cui": "C0817096", "name": "Chest", "type_ids": []},
    {"cui": "C0037303", "name": "Bone structure of cranium", "type_ids": []},
    {"cui": "C0006104", "name": "Brain", "type_ids": ["T023"]},
    {"cui": "C0205131", "name": "Axial", "type_ids": ["T082"]},
    {"cui": "C0040405", "name": "X-Ray Computed Tomography", "type_ids": []},
]


def known_rows(
    write_captions: WriteCaptions,
    folder: Path,
    items: dict[str, tuple[str, list[str]]],
    settings: KnownSettings | None = None,
    seed: int = 1,
) -> list[dict[str, Any]]:
    """Pairs for ``items``: item id to label and manual concepts."""
    settings = settings or KnownSettings()
    captions = write_captions([{"item_id": item, "manual_concepts": cuis} for item, (_, cuis) in items.items()])
    record = provenance("radtune.questions.known", settings, 1, inputs={})
    labels, concepts, output = (folder / f"{name}.parquet" for name in ("labels", "concepts", "known"))
    label_rows = [
        {"item_id": item, "split": "train", "label": label, "modality_cuis": [], "clash": False}
        for item, (label, _) in items.items()
        if label
    ]
    write(labels, MODALITY_LABELS, label_rows, record)
    write(concepts, CONCEPTS, CONCEPT_ROWS, record)
    make_known_questions(captions, concepts, labels, output, settings=settings, seed=seed)
    return read_rows(output, QUESTION_PAIRS)


def test_each_fact_gives_its_question(write_captions: WriteCaptions, tmp_path: Path) -> None:
    rows = known_rows(
        write_captions,
        tmp_path,
        {
            "ct": ("CT", ["C0040405", "C0205131", "C0006104"]),
            "film": ("Radiograph", ["C0817096", "C1996865"]),
            "skull": ("Radiograph", ["C0037303"]),
            "two_regions": ("MRI", ["C0037303", "C0817096"]),
            "pet": ("Other", []),
        },
    )
    open_questions = {row["question_id"]: (row["question"], row["answer"]) for row in rows if "yes_no" not in row["question_id"]}
    assert open_questions == {
        "ct/known/modality": ("Which imaging modality is this?", "CT"),
        "ct/known/plane": ("In which plane is this image?", "Axial"),
        "ct/known/region": ("Which part of the body does this image show?", "Brain"),
        "film/known/modality": ("Which imaging modality is this?", "Radiograph"),
        "film/known/projection": ("Which projection is this radiograph?", "Postero-anterior"),
        "film/known/region": ("Which part of the body does this image show?", "Chest"),
        "skull/known/modality": ("Which imaging modality is this?", "Radiograph"),
        "skull/known/region": ("Which part of the body does this image show?", "Cranium"),
        "two_regions/known/modality": ("Which imaging modality is this?", "MRI"),
    }
    assert {row["origin"] for row in rows} == {"known"}
    assert all(row["accepted"] and row["reasons"] == [] for row in rows)
    assert read_footer(tmp_path / "known.parquet")["notes"] == {"items": 5, "items_without_known_questions": 1}


def test_settings_choose_what_is_asked(write_captions: WriteCaptions, tmp_path: Path) -> None:
    rows = known_rows(write_captions, tmp_path, {"ct": ("CT", ["C0205131"])}, KnownSettings(about=("plane",)))
    assert [row["question_id"] for row in rows] == ["ct/known/plane"]


def test_an_item_without_a_label_is_refused(write_captions: WriteCaptions, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no label for 1 items, such as b"):
        known_rows(write_captions, tmp_path, {"a": ("CT", []), "b": ("", [])})


def test_the_seed_decides_who_is_asked_what(write_captions: WriteCaptions, tmp_path: Path) -> None:
    items = {f"item_{n}": (("CT", "MRI")[n % 2], []) for n in range(20)}
    first, again, other = (known_rows(write_captions, tmp_path, items, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_yes_and_no_are_balanced_for_each_modality_asked_about() -> None:
    labels = {f"{label}_{n}": label for label, count in (("CT", 40), ("MRI", 30), ("Ultrasound", 20)) for n in range(count)}
    counts = Counter(yes_no_pairs(labels, seed=1).values())
    for question in (YES_NO_QUESTIONS[label] for label in ("CT", "MRI", "Ultrasound")):
        assert counts[question, "Yes"] == counts[question, "No"] > 0


@given(st.lists(st.sampled_from([*YES_NO_QUESTIONS, "Other"]), max_size=30), st.integers(0, 3))
def test_yes_no_answers_are_true_and_half_of_them_yes(labels: list[str], seed: int) -> None:
    by_item = {f"item_{n}": label for n, label in enumerate(labels)}
    pairs = yes_no_pairs(by_item, seed)
    assert pairs.keys() == {item for item, label in by_item.items() if label != "Other"}
    for item, (question, answer) in pairs.items():
        assert (answer == "Yes") == (question == YES_NO_QUESTIONS[by_item[item]])
    answers = Counter(answer for _, answer in pairs.values())
    assert abs(answers["Yes"] - answers["No"]) <= 1
