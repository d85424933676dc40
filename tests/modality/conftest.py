"""A data set of generated pictures that three modality concepts tell apart, for the tests of the room."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.provenance import provenance
from radtune.config.images import ImageSettings
from radtune.config.modality import LabelSettings, ModalitySettings
from radtune.images.standardise import standardise
from radtune.modality.labels import label_modalities

CUIS = {"CT": "C0040405", "MRI": "C0024485", "Ultrasound": "C0041618", "Other": "C0032743"}
SIDE = 48


@dataclass(frozen=True)
class Pictures:
    """Artifacts of the generated data set."""

    captions: Path
    labels: Path
    images: list[Path]


def picture(label: str, number: int) -> Image.Image:
    """CT: horizontal stripes; MRI: vertical ones; Ultrasound: noise; Other: grey."""
    random = np.random.default_rng([number, len(label)])
    rows, columns = np.mgrid[:SIDE, :SIDE]
    period = random.uniform(6, 10)
    patterns = {
        "CT": np.sin(2 * np.pi * rows / period),
        "MRI": np.sin(2 * np.pi * columns / period),
        "Ultrasound": random.uniform(-1, 1, (SIDE, SIDE)),
        "Other": np.zeros((SIDE, SIDE)),
    }
    return Image.fromarray((127 + 100 * patterns[label] + random.normal(0, 8, (SIDE, SIDE))).clip(0, 255).astype(np.uint8))


def make_pictures(folder: Path, counts: dict[str, dict[str, int]]) -> Pictures:
    """Write ``counts[split][label]`` pictures and the artifacts made of them."""
    rows = []
    for split, of_split in counts.items():
        for label, count in of_split.items():
            for number in range(count):
                item_id = f"{split}-{label}-{number:02d}"
                path = folder / f"{item_id}.png"
                picture(label, hash_free_number(item_id)).save(path)
                rows.append(
                    {
                        **dict.fromkeys(CAPTIONS.schema.names, ""),
                        "item_id": item_id,
                        "split": split,
                        "concepts": [],
                        "manual_concepts": [CUIS[label]],
                        "restricted": False,
                        "image_path": str(path),
                        "image_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                    }
                )
    captions, labels = folder / "captions.parquet", folder / "labels.parquet"
    write(captions, CAPTIONS, rows, provenance("radtune.images.shards", ImageSettings(), 1, inputs={}))
    label_modalities(captions, labels, settings=LabelSettings(), seed=1)
    chosen = ImageSettings(size=SIDE, format="png", shards=2)
    images = [folder / f"images-{shard}.parquet" for shard in range(2)]
    for shard, path in enumerate(images):
        standardise([captions], path, folder / f"quarantine-{shard}.parquet", shard=shard, settings=chosen, seed=1)
    return Pictures(captions, labels, images)


def hash_free_number(text: str) -> int:
    """A number that is the same for the same text in every process, unlike ``hash``."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """Three classes in every split; a fourth, Other, in the valid and test splits only."""
    counts = {
        "train": {"CT": 20, "MRI": 12, "Ultrasound": 8},
        "valid": {"CT": 5, "MRI": 5, "Ultrasound": 5, "Other": 1},
        "test": {"CT": 4, "MRI": 4, "Ultrasound": 4, "Other": 2},
    }
    return make_pictures(tmp_path_factory.mktemp("pictures"), counts)


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """Make another such data set."""
    return lambda counts: make_pictures(tmp_path_factory.mktemp("pictures"), counts)


@pytest.fixture(scope="session")
def frozen() -> ModalitySettings:
    """The last layer on a random backbone: quick."""
    return ModalitySettings(
        backbone="shufflenet_v2_x0_5", source="tiny:", frozen_backbone=True, image_size=SIDE, epochs=40, batch_size=16,
        learning_rate=0.01, patience=40, threads=1,
    )  # fmt: skip
