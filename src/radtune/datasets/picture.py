"""One image of the embedded sample with everything that is known about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from radtune.datasets import concept_names as cui
from radtune.datasets.catalogue import Package
from radtune.datasets.sample_captions import Facts, Modality

MODALITY_CUIS: dict[Modality, str] = {
    "CT": cui.CT,
    "MRI": cui.MRI,
    "Radiograph": cui.RADIOGRAPH,
    "Ultrasound": cui.ULTRASOUND,
    "Scintigraphy": cui.SCINTIGRAPHY,
}
PLANE_CUIS = {"axial": cui.AXIAL, "coronal": cui.CORONAL, "sagittal": cui.SAGITTAL}


Rejected = tuple[str, str, str]
"""A picture or file that is not taken: its key, a reason and the detail."""


@dataclass(frozen=True)
class Picture:
    """One image of the sample with everything that is known about it."""

    key: str
    """Says where it comes from; unique, and the same in every run."""
    package: Package
    source_file: str
    frame: int
    group: str
    facts: Facts
    concepts: tuple[str, ...]
    manual_concepts: tuple[str, ...]
    transform: dict[str, Any]
    image: Image.Image
    split: str | None = None
    """Already decided for slabs of a volume and for studies like no other, else by study."""


def unique(cuis: Iterable[str | None]) -> tuple[str, ...]:
    """The concepts that are there, each once, in the given order."""
    return tuple(dict.fromkeys(concept for concept in cuis if concept))
