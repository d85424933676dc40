"""MedPix 2.0's published layout: CT and MR images of teaching cases, each with a description.

Siragusa et al., Data Science and Engineering, 2025, doi:10.1007/s41019-025-00297-8, https://github.com/CHILab1/MedPix-2.0.
``Descriptions.json`` is a list of images (``Type``, ``U_id``, ``image``, ``Description`` with ``Caption``, ``Modality``,
``Plane`` …, ``Location``), ``Case_topic.json`` a list of cases (``U_id``, ``Case`` with ``Case Diagnosis``, ``Differential
Diagnosis`` …), ``splitted_dataset/uid_list.json`` the cases of ``train``, ``dev`` and ``test`` (``train_1`` and ``train_2`` are
the halves of ``train``), ``images/<image>.png``. The same records stand split by split in ``splitted_dataset`` as JSON lines,
``descriptions_<split>.jsonl`` and ``data_<split>.jsonl``: these are read where ``Descriptions.json`` is absent.

Questions follow fixed templates, as those of MEDPIX-ClinQA's mode ``pre_training`` do
(https://github.com/adishourya/MedM): only what the image or its case answers, nothing of the patient's history; answers of
60 words or more are left out, and so are fields that were not filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from radtune.datasets.concept_names import CT, MRI
from radtune.datasets.source import Format, Item, Question, Source, as_text
from radtune.errors import DataError

DESCRIPTIONS = "Descriptions.json"
CASES = "Case_topic.json"

KEYS = ("U_id", "image", "Type", "Location", "Description")
"""What is read of an image's record."""

SPLITS = ("train", "dev", "test")
SPLIT_FOLDER = "splitted_dataset"

MODALITIES = {"CT": CT, "MR": MRI}
"""CUI of each ``Type``: the release has no other."""

IMAGE_QUESTIONS = {
    "modality": ("Modality", "What imaging modality was used?"),
    "plane": ("Plane", "What is the plane of the image?"),
    "location": ("Location", "What body region or organ system does the image show?"),
}
"""Field of an image's record, and the question it answers, by the question's name."""

CASE_QUESTIONS = {
    "diagnosis": ("Case Diagnosis", "What is the diagnosis?"),
    "differential": ("Differential Diagnosis", "What is the potential diagnosis?"),
}
"""Field of a case's record, and the question it answers, by the question's name."""

ANSWER_WORDS = 60
"""Answers of so many words or more are left out, as in MEDPIX-ClinQA."""

PLACEHOLDER = "replace this"
"""A description that nobody wrote begins so: ``Replace this - DESCRIPTION OF THE IMAGE OR FINDINGS.``"""

NOT_FILLED_IN = frozenset(
    {"", "-", "n/a", "na", "n/c", "none", "not applicable", "unknown", "nos - not specified", "other view (see caption)"}
)
"""Values that state nothing, in lower case."""


def read(source: Source) -> Iterator[Item]:
    """Every described image."""
    lines = {split: f"{SPLIT_FOLDER}/descriptions_{split}.jsonl" for split in SPLITS}
    if source.find(DESCRIPTIONS, *lines.values()) == DESCRIPTIONS:
        tables, case_tables, split_of = {"": DESCRIPTIONS}, [source.find(CASES)], _splits(source)
    else:
        tables = source.split_files({split: (name,) for split, name in lines.items()})
        case_tables = [source.find(f"{SPLIT_FOLDER}/data_{split}.jsonl") for split in tables]
        split_of = {}
    cases = {
        as_text(record["U_id"]): _fields(source, place, record, "Case")
        for name in case_tables
        for place, record in source.records(name, ("U_id", "Case"))
    }
    images = source.image_index(source.find("images"))
    for split, name in tables.items():
        for place, record in source.records(name, KEYS):
            of_case = split or split_of.get(as_text(record["U_id"]), "")
            yield _item(source, place, record, split=of_case, cases=cases, images=images)


def _item(
    source: Source,
    place: str,
    record: Mapping[str, Any],
    *,
    split: str,
    cases: Mapping[str, Mapping[str, Any]],
    images: Mapping[str, Path],
) -> Item:
    """One described image. What is odd about it is noted."""
    item_id, case_id = as_text(record["image"]).strip(), as_text(record["U_id"])
    description = _fields(source, place, record, "Description")
    caption = as_text(description.get("Caption"))
    if caption.strip().lower().startswith(PLACEHOLDER):
        source.note(item_id, "placeholder_caption", f"{place}: the description was never written; the caption is left empty")
        caption = ""
    if case_id not in cases:
        source.note(item_id, "case_without_record", f"{place}: no record of case {case_id}; nothing is asked on the diagnosis")
    modality = MODALITIES.get(as_text(record["Type"]))
    return Item(
        item_id=item_id,
        place=place,
        split=split,
        caption=caption,
        image=images.get(item_id),
        group=case_id,
        manual_concepts=(modality,) if modality else (),
        licence="none stated",
        attribution="MedPix 2.0 (Siragusa et al., doi:10.1007/s41019-025-00297-8), cases of https://medpix.nlm.nih.gov",
        link="https://github.com/CHILab1/MedPix-2.0",
        questions=(
            *_questions(source, item_id, IMAGE_QUESTIONS, {**description, "Location": record["Location"]}),
            *_questions(source, item_id, CASE_QUESTIONS, cases.get(case_id, {})),
        ),
    )


def _fields(source: Source, place: str, record: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object that a record holds under ``key``; empty for null. Raises :class:`DataError` if it is no object."""
    fields = record[key]
    if fields is not None and not isinstance(fields, dict):
        raise DataError(f"{source.folder}: {place}: {key} is not an object", "restore the published record")
    return fields or {}


def _splits(source: Source) -> dict[str, str]:
    """Split of each case. Raises :class:`DataError` if a case is in two, or the list has another form."""
    name = source.find(f"{SPLIT_FOLDER}/uid_list.json")
    listed = source.json(name)
    if not isinstance(listed, dict) or not all(isinstance(listed.get(split), list) for split in SPLITS):
        raise DataError(f"{source.folder / name}: no lists {', '.join(SPLITS)} of cases", "fetch the file again")
    found: dict[str, str] = {}
    for split in SPLITS:
        for case_id in map(as_text, listed[split]):
            if found.setdefault(case_id, split) != split:
                raise DataError(
                    f"{source.folder / name}: case {case_id} is in {found[case_id]} and in {split}", "fetch the file again"
                )
    return found


def _questions(
    source: Source, item_id: str, templates: Mapping[str, tuple[str, str]], fields: Mapping[str, Any]
) -> Iterator[Question]:
    """The templates whose field is filled in."""
    for name, (key, question) in templates.items():
        answer = _one_line(as_text(fields.get(key)))
        if answer.lower() in NOT_FILLED_IN or answer.lower().startswith(PLACEHOLDER):
            continue
        if len(answer.split()) >= ANSWER_WORDS:
            source.note(item_id, "long_answer", f"question {name}: its answer would have {ANSWER_WORDS} words or more; not asked")
        else:
            yield Question(name, question, answer)


def _one_line(text: str) -> str:
    """The lines of a list, such as a differential diagnosis, parted by semicolons and without their bullets."""
    lines = (" ".join(line.split()).lstrip("•*- ") for line in text.splitlines())
    return "; ".join(line for line in lines if line).replace(":; ", ": ")


FORMAT = Format(read, watched=("*.json", f"{SPLIT_FOLDER}/*.json*"))
