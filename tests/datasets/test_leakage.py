"""Leakage: what is compared with what, on real data sets that share images, and on small ones made for one question each."""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import content_digest, read_footer, read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.leakage import LEAKAGE
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import LeakageSettings
from radtune.config.images import ImageSettings
from radtune.datasets.leakage import find_leakage, group_key
from radtune.images.standardise import standardise
from read_data_set import read_into

Row = dict[str, Any]
LONG = "Axial computed tomography of the abdomen shows a large mass in the left adrenal gland of patient number"


def write_set(folder: Path, name: str, rows: Sequence[Row]) -> Path:
    """Captions of one data set. A row names id, split, and perhaps ``group``, ``caption``, ``picture`` (a seed)."""
    folder.mkdir(parents=True, exist_ok=True)
    captions = []
    for number, row in enumerate(rows):
        image = folder / f"{name}-{number}.png"
        noise = np.random.default_rng(row.get("picture", zlib.crc32(row["id"].encode()))).integers(0, 256, (9, 9), dtype=np.uint8)
        Image.fromarray(noise).resize((96, 96), Image.Resampling.BICUBIC).save(image)
        captions.append(
            {
                **dict.fromkeys(CAPTIONS.schema.names, ""),
                "item_id": row["id"],
                "dataset": name,
                "split": row["split"],
                "caption": row.get("caption", ""),
                "concepts": [],
                "manual_concepts": [],
                "image_path": str(image),
                "image_sha256": file_digest(image),
                "group_id": row.get("group", row["id"]),
                "restricted": False,
            }
        )
    path = folder / f"{name}.parquet"
    write(path, CAPTIONS, captions, provenance("radtune.datasets.read", LeakageSettings(), 1, inputs={}))
    return path


def images_of(folder: Path, captions: Sequence[Path], shards: int) -> list[Path]:
    settings = ImageSettings(size=96, shards=shards)
    paths = [folder / f"images-{shard}-of-{shards}.parquet" for shard in range(shards)]
    for shard, path in enumerate(paths):
        standardise(captions, path, folder / "images_quarantine.parquet", shard=shard, settings=settings, seed=1)
    return paths


def overlap(folder: Path, *sets: Sequence[Row], shards: int = 1, **settings: Any) -> tuple[list[Row], Row]:
    """Rows and footer of the leakage of data sets ``first``, ``second`` …"""
    names = ("first", "second", "third")
    captions = [write_set(folder, name, rows) for name, rows in zip(names, sets, strict=False)]
    output = folder / "leakage.parquet"
    find_leakage(captions, images_of(folder, captions, shards), output, settings=LeakageSettings(**settings), seed=1)
    footer = read_footer(output)
    assert footer["rows_in"] == footer["rows_out"] + sum(footer["dropped"].values())
    return read_rows(output, LEAKAGE), footer


def pairs(rows: Sequence[Row], kind: str) -> set[tuple[str, str]]:
    return {(row["item_id"], row["other_id"]) for row in rows if row["kind"] == kind}


def test_splits_are_compared_towards_the_test_split_and_never_within(tmp_path: Path) -> None:
    rows, _ = overlap(
        tmp_path,
        [{"id": f"{split}{number}", "split": split, "picture": 5} for split in ("train", "valid", "test") for number in range(2)],
    )
    expected = {("train", "valid"), ("train", "test"), ("valid", "test")}
    assert pairs(rows, "image") == {(f"{a}{i}", f"{b}{j}") for a, b in expected for i in range(2) for j in range(2)}
    assert {(row["across"], row["distance"], row["similarity"]) for row in rows} == {("splits", 0, 1.0)}


def test_further_sets_are_compared_with_validation_and_test_and_what_training_shares_with_their_test_is_counted(
    tmp_path: Path,
) -> None:
    first = [{"id": split, "split": split, "picture": 5} for split in ("train", "test")]
    second = [{"id": f"second/{split}", "split": split, "picture": 5} for split in ("train", "test")]
    rows, footer = overlap(tmp_path, first, second)
    assert pairs(rows, "image") == {("train", "test"), ("second/train", "test"), ("second/test", "test")}
    assert {row["item_id"]: row["across"] for row in rows} == {"train": "splits", "second/train": "sets", "second/test": "sets"}
    assert footer["notes"]["first_training_in_further_test"] == [{"dataset": "second", "kind": "image", "pairs": 1}]
    assert footer["dropped"]["further_test_item"] == 1


def test_every_item_of_a_shared_group_has_a_row_with_each_split(tmp_path: Path) -> None:
    rows, _ = overlap(
        tmp_path,
        [
            *({"id": f"train{number}", "split": "train", "group": "PMC77"} for number in range(5)),
            *({"id": f"test{number}", "split": "test", "group": "PMC77"} for number in range(2)),
            {"id": "valid", "split": "valid", "group": "PMC77"},
            {"id": "alone", "split": "train", "group": "PMC777"},
        ],
        [{"id": "second/a", "split": "train", "group": "second/pmc00077_fig1.jpg"}],
    )
    found = pairs(rows, "group")
    assert {a for a, b in found if b.startswith("test")} == {*(f"train{n}" for n in range(5)), "valid", "second/a"}
    assert {b for _, b in found} == {"test0", "test1", "valid"}
    assert len(found) == 5 + 5 + 2 + 2 + 1  # as many as the longer side has, for each two splits
    assert {row["group"] for row in rows if row["kind"] == "group"} == {"PMC77"}


@pytest.mark.parametrize(
    ("group", "key"),
    [
        ("PMC1234", "PMC1234"),
        ("roco/pmc0001234_f1.jpg", "PMC1234"),
        ("medpix/MPX1009", "MPX1009"),
        ("xPMC12", "xPMC12"),
        ("PMC", "PMC"),
        ("study 7", "study 7"),
    ],
)
def test_groups_of_all_data_sets_are_written_alike(group: str, key: str) -> None:
    assert group_key(group) == key


def test_captions_must_be_long_enough_and_share_most_of_their_words(tmp_path: Path) -> None:
    stock = "Chest X-ray, frontal view."
    rows, footer = overlap(
        tmp_path,
        [
            {"id": "same", "split": "train", "caption": f"{LONG} 1"},
            {"id": "twin", "split": "train", "caption": f"{LONG.upper()} 1."},
            {"id": "near", "split": "train", "caption": f"{LONG} 2"},
            {
                "id": "other",
                "split": "train",
                "caption": "Sagittal T2-weighted MR image of the lumbar spine with a prolapsed disc",
            },
            {"id": "stock", "split": "train", "caption": stock},
            {"id": "no caption", "split": "train"},
            {"id": "test", "split": "test", "caption": f"{LONG} 1"},
            {"id": "test stock", "split": "test", "caption": stock},
        ],
    )
    found = {row["item_id"]: row["similarity"] for row in rows if row["kind"] == "caption"}
    assert found == {"same": 1.0, "twin": 1.0, "near": pytest.approx(16 / 18, abs=1e-6)}
    assert footer["notes"]["captions_compared"] == 5


def test_rows_depend_on_neither_shards_nor_the_order_of_items_and_files(tmp_path: Path) -> None:
    first = [
        {"id": f"{split}{number}", "split": split, "picture": number, "caption": f"{LONG} {number}", "group": f"PMC{number // 2}"}
        for split in ("train", "valid", "test")
        for number in range(4)
    ]
    second = [
        {"id": f"second/{number}", "split": "train", "picture": number, "caption": f"{LONG} {number}"} for number in range(3)
    ]
    third = [{"id": f"third/{number}", "split": "test", "picture": number} for number in range(3)]
    captions = [write_set(tmp_path / "a", name, rows) for name, rows in (("first", first), ("second", second), ("third", third))]
    turned = [
        write_set(tmp_path / "b", name, rows[::-1]) for name, rows in (("first", first), ("third", third), ("second", second))
    ]
    outputs = [tmp_path / name for name in ("one.parquet", "other.parquet")]
    find_leakage(captions, images_of(tmp_path / "a", captions, 1), outputs[0], settings=LeakageSettings(), seed=1)
    find_leakage(turned, images_of(tmp_path / "b", captions, 3)[::-1], outputs[1], settings=LeakageSettings(), seed=1)
    assert {row["kind"] for row in read_rows(outputs[0], LEAKAGE)} == {"image", "group", "caption"}
    assert content_digest(outputs[0], LEAKAGE) == content_digest(outputs[1], LEAKAGE)


def test_items_without_image_or_further_sets_are_no_obstacle(tmp_path: Path) -> None:
    captions = write_set(tmp_path, "first", [{"id": "a", "split": "train", "caption": LONG}])
    output = tmp_path / "leakage.parquet"
    find_leakage([captions], [], output, settings=LeakageSettings(), seed=1)
    assert read_rows(output, LEAKAGE) == []
    assert read_footer(output)["notes"]["items_with_image"] == 0


def synpic(text: str) -> str:
    """Number of a MedPix image, which VQA-Med 2019 and MedPix 2.0 keep in their file names."""
    named = re.search(r"synpic\d+", text)
    return named[0] if named else ""


def test_the_images_that_real_data_sets_share_are_found_and_no_others(
    real_sample: Callable[[str], Path], rocov2_mini: Path, tmp_path: Path
) -> None:
    """rocov2-mini names the MedPix image behind some of its items; the other sets have it from archives of their own."""
    with (rocov2_mini / "sources.csv").open(encoding="utf-8") as file:
        origin = {row["ID"]: synpic(row["original_id"]) for row in csv.DictReader(file)}
    mini = read_into(tmp_path / "mini", rocov2_mini)
    captions, further = [mini.captions_path], []
    for name, layout in (("vqa-med-2019", "vqa_med_2019"), ("medpix-2.0", "medpix")):
        folder = real_sample(name)
        # The reading helper calls every data set alike; here they are told apart by their names.
        rows = [row | {"dataset": name} for row in read_into(tmp_path / name, folder, prefix=f"{name}/", format=layout).captions]
        captions.append(tmp_path / f"{name}.parquet")
        write(captions[-1], CAPTIONS, rows, provenance("radtune.datasets.read", LeakageSettings(), 1, inputs={}))
        further += [row["item_id"] for row in rows]
    settings = ImageSettings(shards=1)
    images, quarantine = tmp_path / "images.parquet", tmp_path / "images_quarantine.parquet"
    standardise(captions, images, quarantine, shard=0, settings=settings, seed=1)
    output = tmp_path / "leakage.parquet"
    find_leakage(captions, [images], output, settings=LeakageSettings(), seed=1)

    evaluated = [row["item_id"] for row in mini.captions if row["split"] != "train"]
    shared = {(item, other) for item in further for other in evaluated if synpic(item) and synpic(item) == origin[other]}
    assert len(shared) >= 10
    rows = read_rows(output, LEAKAGE)
    # One copy is a screenshot with wide margins and text, which no hash of the whole picture can match; its caption is found.
    framed = {("medpix-2.0/MPX2558_synpic20832", "ROCOv2mini_valid_000006")}
    assert pairs(rows, "image") == shared - framed
    assert framed < pairs(rows, "caption")
