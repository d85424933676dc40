"""The baseline every captioner must beat: for each test image, captions drawn at random from the training split."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from radtune.artifacts.io import read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.layout import BASELINE
from radtune.artifacts.provenance import provenance
from radtune.config.inference import BaselineSettings
from radtune.errors import DataError
from radtune.images.store import ImageStore


def draw_random_captions(captions: Path, images: list[Path], output: Path, *, settings: BaselineSettings, seed: int) -> None:
    """Write ``settings.draws`` predictions for each test image, each the caption of a training item drawn with replacement.

    The draws of an image depend on the seed, its item id and the training captions alone, not on the other test images. Raises
    :class:`DataError` if there are no training captions.
    """
    rows = [row for row in read_rows(captions, CAPTIONS) if row["caption"]]
    store = ImageStore(images)
    training = [row["caption"] for row in sorted(rows, key=lambda row: row["item_id"]) if row["split"] == "train"]
    if not training:
        raise DataError(f"{captions}: no rows of the split `train` to draw from", "correct the splits of the data set")
    test = sorted((row for row in rows if row["split"] == "test"), key=lambda row: row["item_id"])
    shown = [row for row in test if row["item_id"] in store]
    missing = len(test) - len(shown)
    write(
        output,
        PREDICTIONS,
        (prediction for row in shown for prediction in _draw(row, training, settings.draws, seed)),
        provenance(__name__, settings, seed, inputs={"captions": captions, "images": images}),
        rows_in=len(test) * settings.draws,
        dropped={"no_image": missing * settings.draws} if missing else {},
    )


def _draw(row: dict[str, Any], training: list[str], draws: int, seed: int) -> Iterator[dict[str, Any]]:
    generator = random.Random(f"{seed}:{row['item_id']}")  # a text seed is hashed with SHA-512, the same everywhere
    for draw in range(draws):
        yield {
            "prediction_id": f"caption:{row['item_id']}#{draw}",
            "row_id": f"caption:{row['item_id']}",
            "item_id": row["item_id"],
            "group_id": row["group_id"],
            "system": BASELINE,
            "arm": "plain",
            "task": "caption",
            "prompt": "",
            "prediction": generator.choice(training),
            "reference": row["caption"],
            "generated_tokens": 0,
            "stopped": "end",
        }
