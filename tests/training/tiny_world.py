"""A small data set on disk: captions, images, a mix, questions and modality predictions, as earlier steps would leave them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.kinds.mix import MIX
from radtune.artifacts.kinds.modality_predictions import MODALITY_PREDICTIONS
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.provenance import Provenance
from radtune.config.models import AdaptationSettings, BuildSettings, TrainingSettings, TrainStep

SIDE = 32
SEED = 7
KINDS = ("CT", "MRI", "Radiograph", "Ultrasound", "Other")
MADE_BY_HAND = Provenance(step="tests", settings={}, seed=0, inputs={}, modules=(), code="", environment="")

BUILD = BuildSettings(
    family="smolvlm",
    sources={"model": "tiny:"},
    image_size=SIDE,
    maximum_text_tokens=96,
    options={
        "vision_width": 16,
        "vision_layers": 1,
        "vision_heads": 2,
        "language_width": 32,
        "language_layers": 1,
        "language_heads": 2,
    },
)
ADAPTATION = AdaptationSettings(
    strategy="hybrid", rank=4, alpha=8, dropout=0.1, targets=("language:q_proj", "language:v_proj"), unfrozen=("connector:*",)
)
TRAINING = TrainingSettings(
    epochs=3,
    batch_size=2,
    accumulation=2,
    learning_rate=5e-3,
    precision="float32",
    evaluations=6,
    patience=6,
    checkpoint_steps=2,
    threads=1,
)


def recipe(**changes: Any) -> TrainStep:
    """The settings of a small training, with some values of the recipe changed."""
    return TrainStep(build=BUILD, adaptation=ADAPTATION, training=TRAINING.model_copy(update=changes))


@dataclass(frozen=True)
class World:
    """Paths of the artifacts."""

    folder: Path

    @property
    def captions(self) -> Path:
        return self.folder / "captions.parquet"

    @property
    def images(self) -> list[Path]:
        return [self.folder / f"images-{shard}.parquet" for shard in range(2)]

    @property
    def mix(self) -> Path:
        return self.folder / "mix.parquet"

    @property
    def questions(self) -> Path:
        return self.folder / "questions.parquet"

    @property
    def modality_predictions(self) -> Path:
        return self.folder / "modality_predictions.parquet"


def make_world(folder: Path, *, train: int = 20, valid: int = 4, test: int = 5) -> World:
    """Images of five kinds with captions that name them. The last test item has a caption but no image; the predicted modality
    of every image is the kind after its true one."""
    world = World(folder)
    counts = {"train": train, "valid": valid, "test": test}
    items = [(f"{split}-{number:02d}", split, number % len(KINDS)) for split, count in counts.items() for number in range(count)]
    captions = {
        item_id: f"{KINDS[kind]} image {'that shows a bright disc ' * (number % 3)}({item_id})."
        for number, (item_id, _, kind) in enumerate(items)
    }
    write(world.captions, CAPTIONS, [_caption(item_id, split, captions[item_id]) for item_id, split, _ in items], MADE_BY_HAND)
    shown = [(item_id, kind) for item_id, split, kind in items if not (split == "test" and item_id == f"test-{test - 1:02d}")]
    for shard, path in enumerate(world.images):
        write(path, IMAGES, [_image(item_id, kind) for item_id, kind in shown[shard::2]], MADE_BY_HAND)
    write(
        world.mix,
        MIX,
        [
            {
                "row_id": f"caption:{item_id}",
                "item_id": item_id,
                "split": split,
                "task": "caption",
                "prompt": "",
                "target": captions[item_id],
                "origin": "captions",
                "why": "caption",
            }
            for item_id, split, _ in items
            if split != "test"
        ],
        MADE_BY_HAND,
    )
    write(
        world.questions,
        QUESTION_PAIRS,
        [
            {
                "question_id": f"{item_id}-{number}",
                "item_id": item_id,
                "split": split,
                "question": "What is shown?",
                "answer": KINDS[kind],
                "origin": "known",
                "accepted": number == 0,
                "reasons": [] if number == 0 else ["duplicate"],
            }
            for item_id, split, kind in items
            for number in range(2)
        ],
        MADE_BY_HAND,
    )
    write(
        world.modality_predictions,
        MODALITY_PREDICTIONS,
        [
            {
                "item_id": item_id,
                "split": split,
                "label": KINDS[kind],
                "predicted": KINDS[(kind + 1) % len(KINDS)],
                "probabilities": [{"label": KINDS[(kind + 1) % len(KINDS)], "probability": 1.0}],
            }
            for item_id, split, kind in items
        ],
        MADE_BY_HAND,
    )
    return world


def _caption(item_id: str, split: str, caption: str) -> dict[str, Any]:
    return {
        "item_id": item_id,
        "dataset": "tiny",
        "split": split,
        "caption": caption,
        "concepts": [],
        "manual_concepts": [],
        "restricted": False,
        "image_path": f"{item_id}.png",
        "image_sha256": "",
        "group_id": f"group-{item_id}",
        "licence": "CC0-1.0",
        "attribution": "",
        "link": "",
    }


def _image(item_id: str, kind: int) -> dict[str, Any]:
    noise = np.random.default_rng(_number(item_id)).integers(0, 40, (SIDE, SIDE, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    ImageDraw.Draw(image).ellipse((2, 2, 6 + 5 * kind, 6 + 5 * kind), fill=(50 * kind + 50,) * 3)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return {
        "item_id": item_id,
        "image": {"bytes": buffer.getvalue(), "path": f"{item_id}.png"},
        "width": SIDE,
        "height": SIDE,
        "original_width": SIDE,
        "original_height": SIDE,
        "original_mode": "RGB",
        "transform": json.dumps({}),
        "sha256": "",
        "perceptual_hash": 0,
        "inner_hash": 0,
    }


def _number(item_id: str) -> int:
    """A number of its own for each item."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(item_id))


@dataclass(frozen=True)
class Outputs:
    """Where one training writes."""

    folder: Path

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter.safetensors"

    @property
    def training_log(self) -> Path:
        return self.folder / "training_log.parquet"

    @property
    def trained_modules(self) -> Path:
        return self.folder / "trained_modules.parquet"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def arguments(self) -> tuple[Path, Path, Path, Path]:
        """In the order of `train`."""
        return self.adapter, self.training_log, self.trained_modules, self.checkpoints

    def digest(self) -> str:
        """SHA-256 of the adapter's bytes."""
        return file_digest(self.adapter)
