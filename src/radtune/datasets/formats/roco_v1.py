"""ROCO, the first version: ``razorx89/roco-dataset`` with the images that its ``scripts/fetch.py`` fetches.

Pelka et al., LABELS 2018, doi:10.1007/978-3-030-01364-6_20. Below ``data/{train,validation,test}/radiology`` lie

* ``captions.txt``: ID, tab, caption;
* ``cuis.txt``: ID, then a CUI in each further field, parted by tabs;
* ``licences.txt``: CSV with the header ``ROCO_ID,PMC_ID,CC``, where ``PMC_ID`` is ``<article>_<image file>``, and ``CC`` the
  licence or ``NO-CC CODE``;
* ``images/<article>_<image file>``, as ``fetch.py`` names them, or ``images/<ID>.jpg``, as copies elsewhere do.

The article is the group. ``keywords.txt`` and ``semtypes.txt`` are made from caption and CUIs and are not read, nor is
``dlinks.txt``: its links are dead, and the article's page follows from its number. Non-radiology images are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from radtune.datasets.source import Format, Item, Source

SPLITS = ("train", "validation", "test")
ARTICLE_PAGE = "https://www.ncbi.nlm.nih.gov/pmc/articles/"

_ARTICLE = re.compile(r"(?P<article>PMC\d+)_(?P<file>.+)")


class _Origin(NamedTuple):
    """Where an image comes from: a row of ``licences.txt``."""

    article: str = ""
    file: str = ""
    licence: str = ""


def read(source: Source) -> Iterator[Item]:
    """Every line of the caption files, split by split."""
    folders = source.split_files({split: [f"data/{split}/radiology/captions.txt"] for split in SPLITS})
    for split, captions in folders.items():
        folder = str(Path(captions).parent)
        images = source.image_index(f"{folder}/images")
        concepts = _concepts(source, f"{folder}/cuis.txt")
        origins = _origins(source, f"{folder}/licences.txt")
        seen = set()
        for place, row in source.rows(captions, delimiter="\t", header=("ID", "Caption"), quoted=False):
            item_id = row["ID"].strip()
            seen.add(item_id)
            origin = origins.get(item_id, _Origin())
            image_name = Path(f"{origin.article}_{origin.file}").stem
            yield Item(
                item_id=item_id,
                place=place,
                split=split,
                caption=row["Caption"],
                image=images.get(image_name) or images.get(item_id),
                group=origin.article,
                concepts=concepts.get(item_id, ()),
                licence=origin.licence,
                attribution=f"{origin.licence} [{origin.article}, {origin.file}]" if origin.article else "",
                link=ARTICLE_PAGE + origin.article if origin.article else "",
            )
        for item_id in sorted(concepts.keys() - seen):
            source.note(item_id, "concepts_without_caption", f"{split}: concepts are listed for an ID that has no caption")


def _concepts(source: Source, name: str) -> dict[str, list[str]]:
    """ID to CUIs."""
    found: dict[str, list[str]] = {}
    for place, line in source.lines(name):
        item_id, *cuis = (field.strip() for field in line.split("\t"))
        if item_id in found:
            source.note(item_id, "duplicate_concepts", f"{place}: a second row of concepts; the first is kept")
        else:
            found[item_id] = source.checked_cuis(item_id, place, cuis)
    return found


def _origins(source: Source, name: str) -> dict[str, _Origin]:
    """ID to article, image file and licence."""
    found: dict[str, _Origin] = {}
    for place, row in source.rows(name, ("ROCO_ID", "PMC_ID", "CC")):
        item_id = row["ROCO_ID"].strip()
        if item_id in found:
            source.note(item_id, "duplicate_origin", f"{place}: a second row of this ID; the first is kept")
            continue
        match = _ARTICLE.fullmatch(row["PMC_ID"].strip())
        if match is None:
            source.note(item_id, "bad_article", f"{place}: {row['PMC_ID']!r} is not <article>_<image file>")
        article, file = (match["article"], match["file"]) if match else ("", "")
        found[item_id] = _Origin(article, file, row["CC"].strip())
    return found


FORMAT = Format(read, watched=("data/*/radiology/*.txt",))
