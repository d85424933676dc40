"""Find what training shares with testing: near-duplicate images, shared articles or cases, near-duplicate captions."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from radtune.artifacts.io import check_kind, read_batches, read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.kinds.leakage import LEAKAGE
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import LeakageKind, LeakageSettings
from radtune.datasets.near_captions import rank_shingles, similar_texts
from radtune.datasets.near_images import SIDE, Hashes, Thumbnails, close_hashes, near_duplicates, thumbnail
from radtune.progress import progress

Row = dict[str, Any]

_PUBLISHED = re.compile(r"(?<![a-z0-9])(PMC|MPX)0*([1-9]\d*)", re.IGNORECASE)
"""An article in PubMed Central or a case in MedPix, on which several data sets draw: ``pmc1234_f2.jpg``, ``MPX1009``."""


def find_leakage(captions: Sequence[Path], images: Sequence[Path], output: Path, *, settings: LeakageSettings, seed: int) -> None:
    """Write the pairs of items that overlap (``leakage``), sorted by kind and ids.

    ``captions`` are those of the first data set, which is tested on, and then of the further ones; ``images`` the shards of all.
    Compared are: items of different splits of the first set; items of further sets with its validation and test items. What its
    training items share with the published test items of a further set is only counted, in the footer's notes: it says on which
    sets a model trained here can still be tested.

    An image pair is a row of its own. Of a group, and of captions with the same words, each item stands in at least one row with
    each split that it overlaps with, but not every pair is listed: the rows grow with the items and not with their square.
    """
    sets = [read_rows(path, CAPTIONS, ["item_id", "dataset", "split", "caption", "group_id"]) for path in captions]
    first = sets[0][0]["dataset"]
    items = sorted((row for rows in sets for row in rows), key=lambda row: str(row["item_id"]))
    comparisons = _comparisons(items, first)
    hashes = _read_hashes(images, items)
    close = [_close_images(comparison, hashes, settings.hash_distance) for comparison in comparisons]
    pictured = np.unique(np.concatenate([pairs[:, :2].ravel() for pairs in close]))
    thumbnails = _read_thumbnails(images, [items[index]["item_id"] for index in pictured.tolist()])
    shingles = rank_shingles([row["caption"] for row in items], settings.caption_words)

    rows: list[Row] = []
    dropped: Counter[str] = Counter()
    elsewhere: Counter[tuple[str, str]] = Counter()
    for comparison, pairs in zip(comparisons, close, strict=True):
        found = [*_shared_groups(comparison, items), *_near_captions(comparison, shingles, settings.caption_similarity)]
        near, alike = near_duplicates(
            thumbnails, np.searchsorted(pictured, pairs[:, :2]), settings.pixel_similarity, settings.aligned_similarity
        )
        for (index, other, bits), is_near, value in zip(pairs.tolist(), near.tolist(), alike.tolist(), strict=True):
            if is_near:
                found.append(_Pair("image", index, other, bits, value))
            else:
                dropped["pixels_differ"] += 1
        if comparison.only_counted:
            elsewhere.update((pair.kind, items[pair.other]["dataset"]) for pair in found)
            dropped["further_test_item"] += len(found)
        else:
            rows += [pair.row(items, first) for pair in found]
    rows.sort(key=lambda row: (row["kind"], row["item_id"], row["other_id"]))
    notes = {
        "items": len(items),
        "items_with_image": sum(value is not None for value in hashes),
        "captions_compared": sum(map(bool, shingles)),
        "first_training_in_further_test": [
            {"dataset": dataset, "kind": kind, "pairs": count} for (kind, dataset), count in sorted(elsewhere.items())
        ],
    }
    record = provenance(__name__, settings, seed, inputs={"captions": list(captions), "images": list(images)}, notes=notes)
    write(output, LEAKAGE, rows, record, len(rows) + dropped.total(), dict(sorted(dropped.items())))


@dataclass(frozen=True)
class _Comparison:
    """Items that may be learned from, and items of one split that they must not give away; as indices into all items."""

    items: list[int]
    others: list[int]
    only_counted: bool = False


@dataclass(frozen=True)
class _Pair:
    """Two items that overlap, as indices into all items."""

    kind: LeakageKind
    item: int
    other: int
    distance: int | None
    similarity: float
    group: str = ""

    def row(self, items: Sequence[Row], first: str) -> Row:
        """The row of the ``leakage`` artifact."""
        item, other = items[self.item], items[self.other]
        return {
            "kind": self.kind,
            "across": "splits" if item["dataset"] == first else "sets",
            "item_id": item["item_id"],
            "dataset": item["dataset"],
            "split": item["split"],
            "other_id": other["item_id"],
            "other_dataset": other["dataset"],
            "other_split": other["split"],
            "distance": self.distance,
            "similarity": self.similarity,
            "group": self.group,
        }


def _comparisons(items: Sequence[Row], first: str) -> list[_Comparison]:
    by_part: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, row in enumerate(items):
        by_part[row["dataset"], row["split"]].append(index)
    train, valid, test = (by_part.get((first, split), []) for split in ("train", "valid", "test"))
    further = [index for (dataset, _), part in sorted(by_part.items()) if dataset != first for index in part]
    return [
        _Comparison(train, valid),
        _Comparison(train, test),
        _Comparison(valid, test),
        _Comparison(further, valid),
        _Comparison(further, test),
        *(
            _Comparison(train, part, only_counted=True)
            for (dataset, split), part in sorted(by_part.items())
            if dataset != first and split == "test"
        ),
    ]


def _read_hashes(images: Sequence[Path], items: Sequence[Row]) -> list[tuple[int, int] | None]:
    """The hashes of each item's image and of its inside; None where it has no image."""
    found = {
        row["item_id"]: (row["perceptual_hash"], row["inner_hash"])
        for path in images
        for batch in read_batches(path, IMAGES, ["item_id", "perceptual_hash", "inner_hash"])
        for row in batch.to_pylist()
    }
    return [found.get(row["item_id"]) for row in items]


def _close_images(comparison: _Comparison, hashes: Sequence[tuple[int, int] | None], maximum: int) -> npt.NDArray[np.int64]:
    """Rows of (item, other item, bits) of the images whose hashes are close."""
    left, right = ([index for index in part if hashes[index] is not None] for part in (comparison.items, comparison.others))
    pairs = close_hashes(_hashes_of(left, hashes), _hashes_of(right, hashes), maximum)
    pairs[:, 0], pairs[:, 1] = np.array(left, np.int64)[pairs[:, 0]], np.array(right, np.int64)[pairs[:, 1]]
    return pairs


def _hashes_of(part: Sequence[int], hashes: Sequence[tuple[int, int] | None]) -> Hashes:
    return np.array([hashes[index] for index in part], np.uint64).reshape(-1, 2)


def _read_thumbnails(images: Sequence[Path], item_ids: Sequence[str]) -> Thumbnails:
    """Thumbnails of the items: 4 KB each, so that those of 80,000 images stay in memory."""
    pixels = np.zeros((len(item_ids), SIDE, SIDE), np.uint8)
    place = {item_id: number for number, item_id in enumerate(item_ids)}
    for path in progress(images if item_ids else [], "comparing images", unit="shard"):
        check_kind(path, IMAGES)
        with pq.ParquetFile(path) as file:
            # Few images are close to another one: only the row groups that hold one of them are read whole.
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, columns=["item_id"]).column("item_id").to_pylist()
                if place.keys().isdisjoint(ids):
                    continue
                rows = file.read_row_group(group, columns=["item_id", "image", "transform"]).to_pylist()
                for row in rows:
                    if row["item_id"] in place:
                        pixels[place[row["item_id"]]] = thumbnail(row["image"]["bytes"], json.loads(row["transform"]))
    return pixels


def _shared_groups(comparison: _Comparison, items: Sequence[Row]) -> Iterator[_Pair]:
    left, right = (_by_group(part, items) for part in (comparison.items, comparison.others))
    for group in sorted(left.keys() & right.keys()):
        for index, other in _covering(left[group], right[group]):
            yield _Pair("group", index, other, None, 1.0, group)


def _by_group(part: Sequence[int], items: Sequence[Row]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for index in part:
        found[group_key(items[index]["group_id"])].append(index)
    return found


def group_key(group_id: str) -> str:
    """The article in PubMed Central or case in MedPix that a group names, written alike in every data set (``PMC1234``); else the
    group as it is."""
    named = _PUBLISHED.search(group_id)
    return f"{named[1].upper()}{named[2]}" if named else group_id


def _near_captions(comparison: _Comparison, shingles: Sequence[tuple[int, ...]], threshold: float) -> Iterator[_Pair]:
    left, right = (_by_text(part, shingles) for part in (comparison.items, comparison.others))
    texts, others = list(left), list(right)
    for place, other, value in similar_texts(texts, others, threshold):
        for index, second in _covering(left[texts[place]], right[others[other]]):
            yield _Pair("caption", index, second, None, round(value, 6))


def _by_text(part: Sequence[int], shingles: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], list[int]]:
    found: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index in part:
        if shingles[index]:
            found[shingles[index]].append(index)
    return found


def _covering(left: Sequence[int], right: Sequence[int]) -> Iterator[tuple[int, int]]:
    """As few pairs as name every element of both: as many as the longer has."""
    for place in range(max(len(left), len(right))):
        yield left[place % len(left)], right[place % len(right)]
