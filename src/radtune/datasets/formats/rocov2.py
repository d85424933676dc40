"""ROCOv2's published layout, and that of the embedded sample.

The layout (Rückert et al., Scientific Data 11, 688, 2024, doi:10.1038/s41597-024-03496-6): ``train_captions.csv``
(``ID,Caption``), ``train_concepts.csv`` and ``train_concepts_manual.csv`` (``ID,CUIs``, joined by ``;``), the same for
``valid`` and ``test``, ``cui_mapping.csv`` (``CUI,Canonical name``), ``license_information.csv``
(``ID,PMCID,Attribution,Link``) and the image folders ``train_images/ID.jpg`` or, as the published archives unpack,
``train_images/train/ID.jpg``. A ``sources.csv`` (``ID``, ``group``, ``image_licence``, ``sha256`` …) is radtune's own
addition and optional.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from radtune.datasets.source import Concept, Format, Item, Source

SPLITS = {"train": ("train",), "valid": ("valid", "val", "validation"), "test": ("test",)}
"""Names of the splits here, and how releases spell them in file and folder names."""

_LICENCE = re.compile(r"\s*(?P<licence>[^\[]*?)\s*\[")
"""ROCOv2 writes an attribution as ``CC BY [Author et al. (2019)]``: the licence stands before the bracket."""


@dataclass(frozen=True)
class SplitFiles:
    """Tables and image folder of one split, by name below the data set's folder."""

    captions: str
    images: str
    concepts: str | None
    manual_concepts: str | None


def read(source: Source) -> Iterator[Item]:
    """Every row of the caption files, split by split."""
    licences = _by_id(source, "license_information.csv", ("ID", "PMCID", "Attribution", "Link"))
    origins = _by_id(source, "sources.csv", ("ID",))
    for split, spellings in SPLITS.items():
        manual = [name for spelling in spellings if source.has(name := f"{spelling}_concepts_manual.csv")]
        files = SplitFiles(
            captions=source.find(*(f"{spelling}_captions.csv" for spelling in spellings)),
            images=source.find(*(f"{spelling}_images" for spelling in spellings)),
            concepts=source.find(*(f"{spelling}_concepts.csv" for spelling in spellings)),
            manual_concepts=manual[0] if manual else None,
        )
        for item in read_split(source, split, files):
            yield _with_origin(item, licences.get(item.item_id, {}), origins.get(item.item_id, {}))


def read_split(source: Source, split: str, files: SplitFiles, rename: Mapping[str, str] | None = None) -> Iterator[Item]:
    """Every row of the caption file of one split, with its concepts and its image. ``rename``: see :meth:`Source.rows`."""
    images = source.image_index(files.images)
    concepts = _concepts(source, files.concepts, rename)
    manual = _concepts(source, files.manual_concepts, rename)
    seen = set()
    for place, row in source.rows(files.captions, ("ID", "Caption"), rename=rename):
        item_id = row["ID"].strip()
        seen.add(item_id)
        yield Item(
            item_id=item_id,
            place=place,
            split=split,
            caption=row["Caption"],
            image=images.get(item_id),
            concepts=concepts.get(item_id, ()),
            manual_concepts=manual.get(item_id, ()),
        )
    for item_id in sorted((concepts.keys() | manual.keys()) - seen):
        source.note(item_id, "concepts_without_caption", f"{split}: concepts are listed for an ID that has no caption row")


def _with_origin(item: Item, licence: dict[str, str], origin: dict[str, str]) -> Item:
    """The item with what the licence table and ``sources.csv`` say of it."""
    attribution = licence.get("Attribution", "")
    match = _LICENCE.match(attribution)
    return replace(
        item,
        group=origin.get("group") or licence.get("PMCID", ""),
        licence=origin.get("image_licence") or (match["licence"] if match else ""),
        attribution=attribution,
        link=licence.get("Link") or origin.get("link", ""),
        sha256=origin.get("sha256", ""),
    )


def _concepts(source: Source, name: str | None, rename: Mapping[str, str] | None) -> dict[str, list[str]]:
    """ID to CUIs of one concept file, if there is one."""
    found: dict[str, list[str]] = {}
    for place, row in source.rows(name, ("ID", "CUIs"), rename=rename) if name else ():
        item_id = row["ID"].strip()
        if item_id in found:
            source.note(item_id, "duplicate_concepts", f"{place}: a second row of concepts; the first is kept")
        else:
            found[item_id] = source.cuis(item_id, place, row["CUIs"])
    return found


def _by_id(source: Source, name: str, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Rows of an optional file by ID; empty where the file is absent."""
    found: dict[str, dict[str, str]] = {}
    for place, row in source.rows(name, columns) if source.has(name) else ():
        item_id = row["ID"].strip()
        if item_id in found:
            source.note(item_id, "duplicate_origin", f"{place}: a second row of this ID; the first is kept")
        else:
            found[item_id] = {key: value.strip() for key, value in row.items()}
    return found


def concepts(source: Source) -> Iterator[Concept]:
    """Rows of ``cui_mapping.csv``."""
    for place, row in source.rows(source.find("cui_mapping.csv"), ("CUI", "Canonical name")):
        yield Concept(place, row["CUI"], row["Canonical name"])


FORMAT = Format(read, watched=("*.csv",), concepts=concepts)
