"""Read a data set in ROCOv2's published layout into ``captions`` and ``concepts``.

The layout (Rückert et al., Scientific Data 11, 688, 2024, doi:10.1038/s41597-024-03496-6): ``train_captions.csv``
(``ID,Caption``), ``train_concepts.csv`` and ``train_concepts_manual.csv`` (``ID,CUIs``, joined by ``;``), the same for
``valid`` and ``test``, ``cui_mapping.csv`` (``CUI,Canonical name``), ``license_information.csv``
(``ID,PMCID,Attribution,Link``) and the image folders ``train_images/ID.jpg`` or, as the published archives unpack,
``train_images/train/ID.jpg``. A ``sources.csv`` (``ID``, ``group``, ``image_licence``, ``sha256`` …) is radtune's own
addition and optional.
"""

from __future__ import annotations

import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import DatasetSettings
from radtune.errors import DataError
from radtune.progress import progress

SPLITS = {"train": ("train",), "valid": ("valid", "val", "validation"), "test": ("test",)}
"""Names of the splits here, and how releases spell them in file and folder names."""

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

_CUI = re.compile(r"C\d{7}")
"""A concept unique identifier of the UMLS: C and seven digits (UMLS Reference Manual, chapter 2)."""

_LICENCE = re.compile(r"\s*(?P<licence>[^\[]*?)\s*\[")
"""ROCOv2 writes an attribution as ``CC BY [Author et al. (2019)]``: the licence stands before the bracket."""


def read_rocov2(folder: Path, captions: Path, concepts: Path, quarantine: Path, *, settings: DatasetSettings, seed: int) -> None:
    """Read ``folder`` and write the artifacts ``captions``, ``concepts`` and ``quarantine``.

    A row that cannot be used (no caption, no image, an empty image, a repeated ID, bytes that are not those ``sources.csv``
    records, beyond ``limit_per_split``) is left out with a row in quarantine; a malformed CUI is left out of its item's list,
    likewise. Captions keep their wording; only white space is collapsed. ``image_path`` is below ``folder`` as it was given.

    Raises :class:`DataError` where nothing sensible can be read: a file or image folder is absent, a header is wrong, a CSV
    is not UTF-8, or no pair is left.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder", "set datasets.folder to a folder in ROCOv2's layout")
    reader = _Reader(folder)
    rows = reader.pairs(settings, seed)
    if not rows:
        raise DataError(f"{folder}: no usable image–caption pair", f"see the reasons: {dict(reader.dropped)}")
    concept_rows, concept_rows_in = reader.concept_table()

    groups = defaultdict(set)
    for row in rows:
        groups[row["group_id"]].add(row["split"])
    named = {row["cui"] for row in concept_rows}
    notes = {
        "groups": len(groups),
        "groups_in_several_splits": sum(len(splits) > 1 for splits in groups.values()),
        "cuis_without_name": len({cui for row in rows for cui in row["concepts"] + row["manual_concepts"]} - named),
    }
    origin = provenance(__name__, settings, seed, inputs=reader.files, notes=notes)
    write(quarantine, QUARANTINE, reader.quarantine, origin)
    write(concepts, CONCEPTS, concept_rows, origin, concept_rows_in, reader.dropped_concepts)
    write(captions, CAPTIONS, rows, origin, reader.rows_in, dict(sorted(reader.dropped.items())))


@dataclass
class _Reader:
    """One reading of one folder: collects the files read, the rejected rows, and their counts."""

    folder: Path
    files: dict[str, Path | list[Path]] = field(default_factory=dict)
    quarantine: list[dict[str, str]] = field(default_factory=list)
    rows_in: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_concepts: Counter[str] = field(default_factory=Counter)

    def _note(self, item_id: str, reason: str, detail: str) -> None:
        self.quarantine.append({"item_id": item_id, "step": __name__, "reason": reason, "detail": detail})

    def _drop(self, item_id: str, reason: str, detail: str) -> None:
        self.dropped[reason] += 1
        self._note(item_id, reason, detail)

    def _rows(self, name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
        """Rows of one CSV file with its place (``file, line n``). A byte order mark is accepted, a wrong header is not."""
        path = self.folder / name
        self.files[name] = path
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, strict=True)
                header = reader.fieldnames or []
                if not set(columns) <= set(header):
                    raise DataError(
                        f"{path}: header is {','.join(header) or 'absent'}, expected {','.join(columns)}",
                        "restore the published header line",
                    )
                for row in reader:
                    place = f"{name}, line {reader.line_num}"
                    if None in row or None in row.values():
                        raise DataError(
                            f"{path}, line {reader.line_num}: not {len(header)} fields as in the header",
                            "quote fields that hold commas or line breaks",
                        )
                    yield place, row
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8: {error}", "save the file as UTF-8") from None
        except csv.Error as error:
            raise DataError(f"{path}: not a CSV file: {error}", "fetch the file again") from None

    def _find(self, split: str, ending: str, required: bool = True) -> str | None:
        """Name of the file of ``split`` with ``ending``, whichever way the release spells the split."""
        names = [f"{spelling}{ending}" for spelling in SPLITS[split]]
        for name in names:
            if (self.folder / name).exists():
                return name
        if required:
            raise DataError(f"{self.folder}: no {' or '.join(names)}", "set datasets.folder to a folder in ROCOv2's layout")
        return None

    def pairs(self, settings: DatasetSettings, seed: int) -> list[dict[str, Any]]:
        """Rows of the ``captions`` artifact, in the order of the files."""
        licences = self._by_id("license_information.csv", ("ID", "PMCID", "Attribution", "Link"))
        sources = self._by_id("sources.csv", ("ID",))
        rows: list[dict[str, Any]] = []
        seen: dict[str, str] = {}
        for split in SPLITS:
            caption_file = self._find(split, "_captions.csv")
            images = self._image_index(split)
            concepts = self._concepts(self._find(split, "_concepts.csv"))
            manual = self._concepts(self._find(split, "_concepts_manual.csv", required=False))
            candidates: dict[str, str] = {}
            for place, row in self._rows(str(caption_file), ("ID", "Caption")):
                self.rows_in += 1
                item_id, caption = row["ID"].strip(), " ".join(row["Caption"].split())
                if not item_id:
                    self._drop(place, "empty_id", f"{place}: no ID")
                elif item_id in seen:
                    self._drop(item_id, "duplicate_id", f"{place}: the ID already stands in {seen[item_id]}; the first is kept")
                else:
                    seen[item_id] = place
                    if caption:
                        candidates[item_id] = caption
                    else:
                        self._drop(item_id, "empty_caption", f"{place}: no caption")
            kept = self._choose(candidates, images, sources, settings.limit_per_split, f"{seed} {split}")
            for item_id, sha256 in kept.items():
                licence, source = licences.get(item_id, {}), sources.get(item_id, {})
                attribution = licence.get("Attribution", "")
                match = _LICENCE.match(attribution)
                rows.append(
                    {
                        "item_id": item_id,
                        "dataset": settings.name,
                        "split": split,
                        "caption": candidates[item_id],
                        "concepts": concepts.get(item_id, []),
                        "manual_concepts": manual.get(item_id, []),
                        "image_path": str(images[item_id]),
                        "image_sha256": sha256,
                        "group_id": source.get("group") or licence.get("PMCID") or item_id,
                        "licence": source.get("image_licence") or (match["licence"] if match else ""),
                        "attribution": attribution,
                        "link": licence.get("Link") or source.get("link") or "",
                    }
                )
            for item_id in sorted((concepts.keys() | manual.keys()) - seen.keys()):
                self._note(item_id, "concepts_without_caption", f"{split}: concepts are listed for an ID that has no caption row")
        return rows

    def _choose(
        self,
        candidates: Mapping[str, str],
        images: Mapping[str, Path],
        sources: Mapping[str, Mapping[str, str]],
        limit: int | None,
        seed: str,
    ) -> dict[str, str]:
        """IDs whose image can be used, with its SHA-256, at most ``limit`` of them drawn with ``seed``; in the given order."""
        order = list(candidates)
        if limit is not None:
            order.sort()  # the draw depends on the IDs, not on the order of rows in the file
            random.Random(seed).shuffle(order)
        kept: dict[str, str] = {}
        for item_id in progress(order, "reading images", unit="image"):
            if limit is not None and len(kept) >= limit:
                self._drop(item_id, "over_limit", f"not among the {limit} pairs drawn of its split (datasets.limit_per_split)")
                continue
            path = images.get(item_id)
            if path is None:
                self._drop(item_id, "missing_image", "no image file with this name")
            elif path.stat().st_size == 0:
                self._drop(item_id, "empty_image", f"{path}: zero bytes")
            else:
                sha256 = file_digest(path)
                recorded = sources.get(item_id, {}).get("sha256") or sha256
                if sha256 != recorded:
                    self._drop(item_id, "altered_image", f"{path}: sha256 {sha256}, sources.csv records {recorded}")
                else:
                    kept[item_id] = sha256
        return {item_id: kept[item_id] for item_id in candidates if item_id in kept}

    def _image_index(self, split: str) -> dict[str, Path]:
        """ID to image file of one split, from the split's image folder and the folders directly in it."""
        folder = self.folder / str(self._find(split, "_images"))
        found: dict[str, Path] = {}
        for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
                first = found.setdefault(path.stem, path)
                if first != path:
                    self._note(path.stem, "second_image", f"{path}: not used, {first} has the same name")
        return found

    def _concepts(self, name: str | None) -> dict[str, list[str]]:
        """ID to CUIs of one concept file, each CUI once and in the file's order."""
        if name is None:
            return {}
        found: dict[str, list[str]] = {}
        for place, row in self._rows(name, ("ID", "CUIs")):
            item_id, cuis = row["ID"].strip(), [cui.strip() for cui in row["CUIs"].split(";") if cui.strip()]
            if item_id in found:
                self._note(item_id, "duplicate_concepts", f"{place}: a second row of concepts; the first is kept")
                continue
            for cui in cuis:
                if not _CUI.fullmatch(cui):
                    self._note(item_id, "bad_cui", f"{place}: {cui!r} is not a CUI (C and seven digits); left out of the list")
            found[item_id] = list(dict.fromkeys(cui for cui in cuis if _CUI.fullmatch(cui)))
        return found

    def _by_id(self, name: str, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
        """Rows of an optional file by ID; empty where the file is absent."""
        if not (self.folder / name).exists():
            return {}
        found: dict[str, dict[str, str]] = {}
        for _place, row in self._rows(name, columns):
            found.setdefault(row["ID"].strip(), {key: value.strip() for key, value in row.items()})
        return found

    def concept_table(self) -> tuple[list[dict[str, Any]], int]:
        """Rows of the ``concepts`` artifact and how many rows ``cui_mapping.csv`` has."""
        name = "cui_mapping.csv"
        if not (self.folder / name).exists():
            raise DataError(f"{self.folder}: no {name}", "add the table that names the data set's CUIs")
        rows: dict[str, dict[str, Any]] = {}
        rows_in = 0
        for place, row in self._rows(name, ("CUI", "Canonical name")):
            rows_in += 1
            cui, concept = row["CUI"].strip(), " ".join(row["Canonical name"].split())
            if not _CUI.fullmatch(cui):
                reason, detail = "bad_cui", f"{place}: {cui!r} is not a CUI (C and seven digits)"
            elif cui in rows:
                reason, detail = "duplicate_cui", f"{place}: {cui} already has the name {rows[cui]['name']!r}"
            elif not concept:
                reason, detail = "empty_name", f"{place}: {cui} has no name"
            else:
                rows[cui] = {"cui": cui, "name": concept, "type_ids": []}
                continue
            self.dropped_concepts[reason] += 1
            self._note(cui, reason, detail)
        return list(rows.values()), rows_in
