import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.images import IMAGES
from radtune.config.images import ImageSettings
from radtune.errors import ArtifactError, DataError
from radtune.images.standardise import standardise
from radtune.images.store import ROW_GROUPS_HELD, ImageStore

SHARDS = 2
ITEMS = 2 * (ROW_GROUPS_HELD + 2) * IMAGES.row_group_size  # more row groups than are held


@pytest.fixture
def shards(tmp_path: Path, write_captions: Any) -> list[Path]:
    """Images of one colour each: the item's number."""
    files = {f"item-{number:04d}": tmp_path / f"{number:04d}.png" for number in range(ITEMS)}
    for number, path in enumerate(files.values()):
        Image.new("RGB", (4, 4), (number % 256, number // 256, 7)).save(path)
    captions = write_captions(files)
    chosen = ImageSettings(size=4, format="png", shards=SHARDS)
    paths = [tmp_path / f"images-{shard}.parquet" for shard in range(SHARDS)]
    for shard, path in enumerate(paths):
        standardise([captions], path, tmp_path / "quarantine.parquet", shard=shard, settings=chosen, seed=1)
    return paths


def test_every_image_is_found_in_any_order(shards: list[Path]) -> None:
    store = ImageStore(shards)
    assert store.item_ids == [f"item-{number:04d}" for number in range(ITEMS)]
    assert len(store) == ITEMS
    numbers = list(range(ITEMS))
    random.Random(3).shuffle(numbers)
    for number in numbers:
        image = store.image(f"item-{number:04d}")
        assert image.mode == "RGB"
        assert np.asarray(image)[0, 0].tolist() == [number % 256, number // 256, 7]
    assert len(store._held) == ROW_GROUPS_HELD
    row = read_rows(shards[0], IMAGES)[-1]
    assert store.bytes(row["item_id"]) == row["image"]["bytes"]


def test_a_store_travels_to_worker_processes(shards: list[Path]) -> None:
    store = ImageStore(shards)
    store.bytes("item-0005")
    copy = pickle.loads(pickle.dumps(store))  # noqa: S301
    assert copy.bytes("item-0005") == store.bytes("item-0005")


def test_an_item_without_an_image(shards: list[Path]) -> None:
    store = ImageStore(shards)
    assert "item-0001" in store
    assert "item-9999" not in store
    with pytest.raises(DataError, match="no image of item-9999"):
        store.image("item-9999")


def test_shards_of_different_runs_are_refused(shards: list[Path]) -> None:
    with pytest.raises(ArtifactError, match=r"holds item-.*and so does"):
        ImageStore([*shards, shards[0]])


def test_other_artifacts_are_refused(shards: list[Path]) -> None:
    with pytest.raises(ArtifactError, match="holds quarantine, expected images"):
        ImageStore([shards[0].with_name("quarantine.parquet")])
