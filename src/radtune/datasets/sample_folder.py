"""Write pictures as a folder in ROCOv2's layout, whole or not at all."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable
from pathlib import Path

from radtune.artifacts.digests import file_digest
from radtune.datasets import concept_names as cui
from radtune.datasets.picture import Picture
from radtune.datasets.sample_captions import compose
from radtune.datasets.splits import SHARES
from radtune.errors import DataError
from radtune.progress import progress

CAPTION_LICENCE = "Apache-2.0"
"""Captions are composed by radtune and carry its licence."""


def write_folder(folder: Path, items: list[tuple[str, Picture]], seed: int) -> dict[str, Path]:
    """Write the folder beside its place and move it there when it is whole; return its tables by name."""
    temporary, old = folder.with_name(f".{folder.name}.tmp"), folder.with_name(f".{folder.name}.old")
    try:
        for leftover in (temporary, old):  # of a run that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        temporary.mkdir(parents=True)
        sources = _write_images(temporary, items)
        _write_tables(temporary, items, sources, seed)
        if folder.exists():
            folder.rename(old)
            temporary.rename(folder)
            shutil.rmtree(old)
        else:
            temporary.rename(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error}", "free disk space or correct the permissions") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return {f"{folder.name}/{path.name}": path for path in sorted(folder.glob("*.csv"))}


def _write_images(folder: Path, items: list[tuple[str, Picture]]) -> list[dict[str, str]]:
    """Write each image as PNG; return the rows of ``sources.csv``."""
    rows = []
    for split in SHARES:
        (folder / f"{split}_images").mkdir()
    for item_id, picture in progress(items, "writing images", unit="image"):
        path = folder / f"{picture.split}_images" / f"{item_id}.png"
        picture.image.save(path, optimize=False, compress_level=6)
        rows.append(
            {
                "ID": item_id,
                "split": str(picture.split),
                "source_dataset": f"{picture.package.name} {picture.package.version}",
                "original_id": f"{picture.source_file} | {picture.key}",
                "image_licence": picture.package.licence,
                "caption_licence": CAPTION_LICENCE,
                "link": picture.package.link,
                "group": picture.group,
                "sha256": file_digest(path),
            }
        )
    return rows


def _write_tables(folder: Path, items: list[tuple[str, Picture]], sources: list[dict[str, str]], seed: int) -> None:
    """Write the CSV files of the layout."""
    for split in SHARES:
        own = [(item_id, picture) for item_id, picture in items if picture.split == split]
        captions = ({"ID": item_id, "Caption": compose(picture.facts, picture.key, seed)} for item_id, picture in own)
        _write_csv(folder / f"{split}_captions.csv", ["ID", "Caption"], captions)
        for name, attribute in (("concepts", "concepts"), ("concepts_manual", "manual_concepts")):
            rows = ({"ID": item_id, "CUIs": ";".join(getattr(picture, attribute))} for item_id, picture in own)
            _write_csv(folder / f"{split}_{name}.csv", ["ID", "CUIs"], rows)
    mapping = ({"CUI": concept, "Canonical name": name} for concept, name in sorted(cui.NAMES.items()))
    _write_csv(folder / "cui_mapping.csv", ["CUI", "Canonical name"], mapping)
    licences = (
        {
            "ID": item_id,
            "PMCID": "",
            "Attribution": f"{picture.package.licence} [{picture.package.name} {picture.package.version}, {picture.source_file}]",
            "Link": picture.package.link,
        }
        for item_id, picture in items
    )
    _write_csv(folder / "license_information.csv", ["ID", "PMCID", "Attribution", "Link"], licences)
    _write_csv(folder / "sources.csv", list(sources[0]), sources)


def _write_csv(path: Path, columns: list[str], rows: Iterable[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
