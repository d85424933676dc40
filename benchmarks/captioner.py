"""The model and the data that training and generation are measured on: SmolVLM's shape, random weights."""

from __future__ import annotations

import csv
import io
import os
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from radtune.config.models import BuildSettings
from radtune.models.family import Example

ROOT = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("RADTUNE_REAL_DATA", ROOT.parent / "shared/data"))
"""Folder of real data sets, the same as the tests'."""

SIDE = 256
BUILD = BuildSettings(
    family="smolvlm",
    sources={"model": "tiny:"},
    image_size=SIDE,
    maximum_text_tokens=512,
    options={
        "patch_size": 16,
        "scale_factor": 2,
        "vision_width": 256,
        "vision_layers": 6,
        "vision_heads": 4,
        "language_width": 512,
        "language_layers": 6,
        "language_heads": 8,
    },
)
"""An image takes 64 tokens, as in SmolVLM-500M. A token of text is a byte: there is no other tokenizer without a download."""
THREADS = 2
SEED = 1


@dataclass(frozen=True)
class Captioned:
    """Captions, where they come from, and a JPEG for each."""

    captions: list[str]
    origin: str
    jpegs: list[bytes]

    def examples(self, learned: bool) -> list[Example]:
        """The rows with their images, decoded; with their captions if they are ``learned``."""
        return [self.example(index, learned) for index in range(len(self.captions))]

    def example(self, index: int, learned: bool) -> Example:
        """One row with its image, decoded as from the image store."""
        image = Image.open(io.BytesIO(self.jpegs[index])).convert("RGB")
        return Example(str(index), image, "caption", target=self.captions[index] if learned else None)


def captioned(count: int, length: int | None = None) -> Captioned:
    """``count`` captions of mixed length, or of ``length`` bytes each, with grey pictures of noise."""
    captions, origin = _captions()
    captions = random.Random(SEED).sample(captions, count)
    if length is not None:
        captions = [(caption * length)[:length] for caption in captions]
    return Captioned(captions, origin, [_jpeg(index) for index in range(count)])


def _captions() -> tuple[list[str], str]:
    """ASCII captions of at most 500 bytes."""
    file = REAL_DATA / "rocov2-mini/train_captions.csv"
    if file.is_file():
        with file.open(encoding="utf-8", newline="") as rows:
            found = [row["Caption"] for row in csv.DictReader(rows)]
        origin = "real captions"
    else:
        # Lengths of real captions of ROCOv2 are close to log-normal: median 125 bytes, mean 170.
        lengths = np.random.default_rng(SEED).lognormal(np.log(125), 0.78, 200)
        found = ["Axial CT of the abdomen " * 21 for _ in lengths]
        found = [caption[: max(25, int(length))] for caption, length in zip(found, lengths, strict=True)]
        origin = "generated captions of real captions' lengths"
    return [caption.encode("ascii", "ignore").decode()[:500] for caption in found], origin


def _jpeg(seed: int) -> bytes:
    grey = np.random.default_rng(seed).integers(0, 256, (16, 16), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).convert("RGB").resize((SIDE, SIDE)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()
