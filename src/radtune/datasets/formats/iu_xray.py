"""The Indiana University chest X-ray collection as Open-i publishes it: radiographs with the findings of their reports.

Demner-Fushman et al., JAMIA 23(2):304–310, 2016, https://openi.nlm.nih.gov. ``NLMCXR_reports.tgz`` holds
``ecgen-radiology/1.xml`` …, one report each: ``AbstractText`` with the labels COMPARISON, INDICATION, FINDINGS and IMPRESSION,
``licenseURL``, and a ``parentImage`` for each image, whose id is the stem of a file of ``NLMCXR_png.tgz``.

Every image is an item. Its caption is the report's findings; reports do not say which image shows which view. The release has no
splits: :func:`split_of_report` makes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import parse

from radtune.artifacts.digests import text_digest
from radtune.datasets import concept_names as cui
from radtune.datasets.source import Format, Item, Source
from radtune.errors import DataError

REPORTS = ("ecgen-radiology", "NLMCXR_reports/ecgen-radiology")
IMAGES = ("NLMCXR_png", "images")

SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
"""Share of the reports in each split: those of most work on this collection (Chen et al., EMNLP 2020), though not its draw."""


def split_of_report(report: str) -> str:
    """The split of a report: a function of its id alone, so that neither seed, nor order, nor a missing file moves any other.

    The first 32 bits of the id's SHA-256, as a fraction of 1, fall into the ranges that :data:`SHARES` make in their order.
    """
    position, end = int(text_digest(report)[:8], 16) / 2**32, 0.0
    for split, share in SHARES.items():
        end += share
        if position < end:
            return split
    return split


def read(source: Source) -> Iterator[Item]:
    """Every image of every report, in the order of the reports' numbers."""
    folder = source.folder / source.find(*REPORTS)
    reports = sorted(folder.glob("*.xml"), key=lambda path: (len(path.stem), path.stem))
    if not reports:
        raise DataError(f"{folder}: no report (*.xml)", "unpack NLMCXR_reports.tgz again")
    images = source.image_index(source.find(*IMAGES))
    source.files["reports"] = folder
    for path in reports:
        yield from _items(source, path, images)


def _items(source: Source, path: Path, images: dict[str, Path]) -> Iterator[Item]:
    """Images of one report; a report that has none, or cannot be read, is an item that is left out."""
    place = str(path.relative_to(source.folder))
    try:
        root = parse(path).getroot()
    except (ParseError, DefusedXmlException, OSError, ValueError) as error:
        yield _left_out(path.stem, place, "unreadable_report", type(error).__name__)
        return
    identity = root.find("uId")
    report = (identity.get("id") or "") if identity is not None else ""
    report = report or path.stem
    parents = root.findall("parentImage")
    if not parents:
        yield _left_out(report, place, "report_without_image", "names no image")
    for parent in parents:
        image = (parent.get("id") or "").strip()
        yield Item(
            item_id=image,
            place=place,
            split=split_of_report(report),
            caption=_section(root, "FINDINGS"),
            image=images.get(image),
            group=report,
            manual_concepts=(cui.RADIOGRAPH,),
            licence=(root.findtext("licenseURL") or "").strip(),
            attribution="Indiana University Chest X-ray Collection (Demner-Fushman et al., JAMIA 23(2):304, 2016)",
            link="https://openi.nlm.nih.gov",
        )


def _left_out(report: str, place: str, reason: str, detail: str) -> Item:
    """A report that gives no image."""
    split = split_of_report(report)
    return Item(item_id=report, place=place, split=split, caption="", image=None, group=report, left_out=(reason, detail))


def _section(root: Element, label: str) -> str:
    """Text of the report's section of that label; empty if it has none."""
    texts = (part for part in root.iter("AbstractText") if (part.get("Label") or "").strip().upper() == label)
    return " ".join("".join(part.itertext()).strip() for part in texts).strip()


FORMAT = Format(read, watched=tuple(f"{folder}/*.xml" for folder in REPORTS))
