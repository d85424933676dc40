"""F1 of predicted against true UMLS concepts of an image: the concept detection task of ImageCLEFmedical.

A run's models write captions and predict no concepts, so no rule uses this; it is for scoring files of the task.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from radtune.datasets.source import is_cui
from radtune.metrics.concept_f1 import set_f1

MOST_CONCEPTS: Final = 100
"""Most concepts that the task allows for one image."""


def parse_concepts(cell: str) -> frozenset[str]:
    """CUIs of a cell of the task's files (``C0040405;C0817096``), in capitals; none for an empty cell.

    Raises ``ValueError`` for what is no CUI, one that occurs twice, or more than the task allows.
    """
    if not cell.strip():
        return frozenset()
    concepts = [concept.strip().upper() for concept in cell.split(";")]
    if "" in concepts:
        raise ValueError("an empty concept; separate concepts by one semicolon, with none at the end")
    if wrong := [concept for concept in concepts if not is_cui(concept)]:
        raise ValueError(f"{wrong[0]!r} is not a CUI (C and seven digits)")
    if twice := {concept for concept in concepts if concepts.count(concept) > 1}:
        raise ValueError(f"{min(twice)} occurs more than once")
    if len(concepts) > MOST_CONCEPTS:
        raise ValueError(f"{len(concepts)} concepts, and the task allows {MOST_CONCEPTS}")
    return frozenset(concepts)


def concept_detection_f1(predicted: Set[str], true: Set[str], among: Set[str] | None = None) -> float | None:
    """F1 of one image, in [0, 1]; None where it has no true concept, since the task leaves such images out of the mean.

    ``among``: count only these concepts, as the task's secondary score does with the concepts that people assigned.
    """
    if among is not None:
        predicted, true = predicted & among, true & among
    return set_f1(predicted, true) if true else None
