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
from collections.abc import Iterator

from radtune.datasets.source import Concept, Format, Item, Source

SPLITS = {"train": ("train",), "valid": ("valid", "val", "validation"), "test": ("test",)}
"""Names of the splits here, and how releases spell them in file and folder names."""

_LICENCE = re.compile(r"\s*(?P<licence>[^\[]*?)\s*\[")
"""ROCOv2 writes an attribution as ``CC BY [Author et al. (2019)]``: the licence stands before the bracket."""


def read(source: Source) -> Iterator[Item]:
    """Every row of the caption files, split by split."""
    licences = _by_id(source, "license_information.csv", ("ID", "PMCID", "Attribution", "Link"))
    origins = _by_id(source, "sources.csv", ("ID",))
    seen: set[str] = set()
    listed: dict[str, str] = {}
    for split, spellings in SPLITS.items():
        captions = source.find(*(f"{spelling}_captions.csv" for spelling in spellings))
        images = source.image_index(source.find(*(f"{spelling}_images" for spelling in spellings)))
        concepts = _concepts(source, source.find(*(f"{spelling}_concepts.csv" for spelling in spellings)))
        manual_files = [name for spelling in spellings if source.has(name := f"{spelling}_concepts_manual.csv")]
        manual = _concepts(source, manual_files[0]) if manual_files else {}
        for place, row in source.rows(captions, ("ID", "Caption")):
            item_id = row["ID"].strip()
            seen.add(item_id)
            licence, origin = licences.get(item_id, {}), origins.get(item_id, {})
            attribution = licence.get("Attribution", "")
            match = _LICENCE.match(attribution)
            yield Item(
                item_id=item_id,
                place=place,
                split=split,
                caption=row["Caption"],
                image=images.get(item_id),
                group=origin.get("group") or licence.get("PMCID", ""),
                concepts=concepts.get(item_id, ()),
                manual_concepts=manual.get(item_id, ()),
                licence=origin.get("image_licence") or (match["licence"] if match else ""),
                attribution=attribution,
                link=licence.get("Link") or origin.get("link", ""),
                sha256=origin.get("sha256", ""),
            )
        listed |= dict.fromkeys(concepts.keys() | manual.keys(), split)
    for item_id in sorted(listed.keys() - seen):
        source.note(
            item_id, "concepts_without_caption", f"{listed[item_id]}: concepts are listed for an ID that has no caption row"
        )


def _concepts(source: Source, name: str) -> dict[str, list[str]]:
    """ID to CUIs of one concept file."""
    found: dict[str, list[str]] = {}
    for place, row in source.rows(name, ("ID", "CUIs")):
        item_id = row["ID"].strip()
        if item_id in found:
            source.note(item_id, "duplicate_concepts", f"{place}: a second row of concepts; the first is kept")
        else:
            found[item_id] = source.cuis(item_id, place, row["CUIs"])
    return found


def _by_id(source: Source, name: str, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Rows of an optional file by ID; empty where the file is absent."""
    found: dict[str, dict[str, str]] = {}
    for _place, row in source.rows(name, columns) if source.has(name) else ():
        found.setdefault(row["ID"].strip(), {key: value.strip() for key, value in row.items()})
    return found


def concepts(source: Source) -> Iterator[Concept]:
    """Rows of ``cui_mapping.csv``."""
    for place, row in source.rows(source.find("cui_mapping.csv"), ("CUI", "Canonical name")):
        yield Concept(place, row["CUI"], row["Canonical name"])


FORMAT = Format(read, watched=("*.csv",), concepts=concepts)
