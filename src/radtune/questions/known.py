"""Questions whose answers are known by construction: from the modality label and the concepts that a person assigned.

They are the small high-quality set that annealing mixes in (MedM took MedPix for it), and the only questions whose references are
free of a language model's mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from radtune.artifacts.digests import text_digest
from radtune.artifacts.io import read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.provenance import provenance
from radtune.config.questions import KnownSettings
from radtune.errors import DataError

MODALITY_QUESTION = "Which imaging modality is this?"
PLANE_QUESTION = "In which plane is this image?"
PROJECTION_QUESTION = "Which projection is this radiograph?"
REGION_QUESTION = "Which part of the body does this image show?"

YES_NO_QUESTIONS = {
    "CT": "Is this a CT image?",
    "MRI": "Is this an MRI image?",
    "Radiograph": "Is this a radiograph?",
    "Ultrasound": "Is this an ultrasound image?",
}
"""By modality label; the label Other names no modality, so nothing is known about such an image."""

PLANES = {"C0205131": "Axial", "C0205123": "Coronal", "C0205129": "Sagittal"}
"""Answers by UMLS concept."""

PROJECTIONS = {"C1996865": "Postero-anterior", "C1999039": "Antero-posterior"}
"""Answers by UMLS concept, as ROCOv2's manual concepts of radiographs use them."""

REGIONS = frozenset(
    {
        "C0000726",  # abdomen
        "C0006141",  # breast
        "C0023216",  # lower extremity
        "C0030797",  # pelvis
        "C0037303",  # cranium
        "C0037949",  # vertebral column
        "C0817096",  # chest
        "C1140618",  # upper extremity
    }
)
"""Body regions among ROCOv2's manual concepts; its concept table names no semantic types."""

BODY_TYPES = frozenset({"T023", "T029", "T030"})
"""UMLS semantic types of body parts, locations and spaces, for concept tables that have them."""


def make_known_questions(
    captions: Path, concepts: Path, labels: Path, output: Path, *, settings: KnownSettings, seed: int
) -> None:
    """Write ``question_pairs`` (origin ``known``) for every item about which something is known.

    Each item with a modality gets an open question on it and one yes/no question; plane, projection and body region are asked
    where the manual concepts name exactly one. How many items got none is in the footer's notes.
    Raises :class:`DataError` if an item has no label row.
    """
    items = sorted(read_rows(captions, CAPTIONS, ["item_id", "split", "manual_concepts"]), key=lambda row: str(row["item_id"]))
    label_of = {row["item_id"]: row["label"] for row in read_rows(labels, MODALITY_LABELS, ["item_id", "label"])}
    if missing := [row["item_id"] for row in items if row["item_id"] not in label_of]:
        raise DataError(f"{labels}: no label for {len(missing)} items, such as {missing[0]}", "label these captions again")
    region_of = _regions(read_rows(concepts, CONCEPTS))
    yes_no = {
        item_id: pair
        for split in sorted({row["split"] for row in items})
        for item_id, pair in yes_no_pairs(
            {row["item_id"]: label_of[row["item_id"]] for row in items if row["split"] == split}, seed
        ).items()
    }

    pairs = [
        {
            "question_id": f"{row['item_id']}/known/{about}",
            "item_id": row["item_id"],
            "split": row["split"],
            "question": question,
            "answer": answer,
            "origin": "known",
            "accepted": True,
            "reasons": [],
        }
        for row in items
        for about, (question, answer) in _facts(row, label_of[row["item_id"]], yes_no, region_of).items()
        if about in settings.about
    ]
    asked = {pair["item_id"] for pair in pairs}
    notes = {"items": len(items), "items_without_known_questions": len(items) - len(asked)}
    inputs: dict[str, Path | list[Path]] = {"captions": captions, "concepts": concepts, "labels": labels}
    write(output, QUESTION_PAIRS, pairs, provenance(__name__, settings, seed, inputs, notes=notes), rows_in=len(pairs))


def yes_no_pairs(labels: dict[str, str], seed: int) -> dict[str, tuple[str, str]]:
    """A yes/no question and its answer for each item of ``labels`` (item id to modality) whose modality is known.

    Half of the answers are yes, and each modality is asked about as often with one answer as with the other, as far as the
    modalities' frequencies allow: the wording gives nothing away. Of the items of each modality half, drawn with the seed, are
    asked about their own; the others take over the modalities asked of the first half, shifted so that hardly any meets its
    own. What still does (one modality holds more than half of all items) gets another one.
    """
    known = {item: label for item, label in labels.items() if label in YES_NO_QUESTIONS}
    present = sorted(set(known.values()))
    yes: list[str] = []
    no: list[str] = []
    for label in present:
        drawn = sorted((item for item in known if known[item] == label), key=lambda item: text_digest(f"{seed}/yes_no/{item}"))
        extra = len(yes) <= len(no)  # an odd one goes to the side that is behind
        half = (len(drawn) + extra) // 2
        yes += drawn[:half]
        no += drawn[half:]

    asked = [known[item] for item in yes]
    shift = max((asked.count(label) for label in present), default=0)
    pairs = {item: (YES_NO_QUESTIONS[known[item]], "Yes") for item in yes}
    for place, item in enumerate(no):
        other = asked[(place + shift) % len(asked)] if asked else known[item]
        if other == known[item]:
            choices = [label for label in (present if len(present) > 1 else YES_NO_QUESTIONS) if label != known[item]]
            other = choices[place % len(choices)]
        pairs[item] = (YES_NO_QUESTIONS[other], "No")
    return pairs


def _facts(
    item: dict[str, Any], label: str, yes_no: dict[str, tuple[str, str]], region_of: dict[str, str]
) -> dict[str, tuple[str, str]]:
    """Question and answer of everything known about ``item``, by what it is about."""
    facts = {}
    if label in YES_NO_QUESTIONS:
        facts = {"modality": (MODALITY_QUESTION, label), "yes_no": yes_no[item["item_id"]]}
    for about, question, answers in (
        ("plane", PLANE_QUESTION, PLANES),
        ("projection", PROJECTION_QUESTION, PROJECTIONS),
        ("region", REGION_QUESTION, region_of),
    ):
        named = {answers[cui] for cui in item["manual_concepts"] or [] if cui in answers}
        if len(named) == 1:
            facts[about] = (question, named.pop())
    return facts


def _regions(concepts: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Name of each body region of the concept table by CUI, as one would say it: "Bone structure of cranium" is "Cranium"."""
    return {
        row["cui"]: row["name"].removeprefix("Bone structure of ").capitalize()
        for row in concepts
        if row["cui"] in REGIONS or BODY_TYPES & set(row["type_ids"] or [])
    }
