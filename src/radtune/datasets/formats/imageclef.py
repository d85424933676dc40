"""ImageCLEFmedical Caption 2024 and 2025, as the challenge hands them to its participants.

Captions, concepts and images are archives of their own, unpacked side by side or into one folder::

    development_caption_prediction/train_captions.csv       ImageCLEFmedical 2025 ID,Caption    (2024: ID,Caption)
    development_concept_detection/train_concepts.csv        ImageCLEFmedical 2025 ID,Cuis       (2024: ID,CUIs)
    images/train/ImageCLEFmedical_Caption_2025_train_0.jpg  (2024: train/ImageCLEFmedical_Caption_2024_train_000001.jpg)

and the same for ``valid`` and ``test``. These names are those that participants' public code reads: for 2025
``nlpaueb/imageclef2025`` (Exploratory Data Analysis), for 2024 ``axelm11/CLEF-ImageCLEF-2024`` and
``minhquan6203/UIT-DarkCow-team-at-ImageCLEFmedical-Caption-2024``.

Not everybody has the captions of the test images, nor the concepts: a split without captions is noted and passed over. No
release tells articles or licences, so every image is its own group and its licence unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from radtune.datasets.formats import rocov2
from radtune.datasets.source import Concept, Format, Item, Source

RENAME = {"ImageCLEFmedical 2024 ID": "ID", "ImageCLEFmedical 2025 ID": "ID", "Cuis": "CUIs"}
"""Headers of some releases, and what others call the same column."""


def read(source: Source) -> Iterator[Item]:
    """Every row of the caption files, split by split."""
    captions = source.split_files(
        {split: _tables(source, spellings, "captions.csv") for split, spellings in rocov2.SPLITS.items()}
    )
    for split, table in captions.items():
        spellings = rocov2.SPLITS[split]
        files = rocov2.SplitFiles(
            captions=table,
            images=source.find(*(folder for name in spellings for folder in (f"images/{name}", name, f"{name}_images"))),
            concepts=_first(source, _tables(source, spellings, "concepts.csv")),
            manual_concepts=_first(source, _tables(source, spellings, "concepts_manual.csv")),
        )
        yield from rocov2.read_split(source, split, files, RENAME)


def concepts(source: Source) -> Iterator[Concept]:
    """Rows of ``cui_mapping.csv``, where the release has one."""
    if table := _first(source, _places(source, "cui_mapping.csv")):
        for place, row in source.rows(table, ("CUI", "Canonical name")):
            yield Concept(place, row["CUI"], row["Canonical name"])


def _tables(source: Source, spellings: Sequence[str], ending: str) -> list[str]:
    """Where a table of a split may lie, the likeliest first."""
    return [place for spelling in spellings for place in _places(source, f"{spelling}_{ending}")]


def _places(source: Source, name: str) -> list[str]:
    """A file in the folder, and every one of that name in a folder directly in it."""
    return [name, *sorted(str(path.relative_to(source.folder)) for path in source.folder.glob(f"*/{name}"))]


def _first(source: Source, names: Sequence[str]) -> str | None:
    return next(filter(source.has, names), None)


FORMAT = Format(read, watched=("*.csv", "*/*.csv"), concepts=concepts)
