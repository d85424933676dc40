"""Find text that is burned into the pixels of standardised images, and flag the images with much of it.

Names and dates in pixels stay when metadata goes. PaddleOCR's PP-OCRv6 (by rapidocr) finds boxes that may hold text and reads
them. Boxes alone do not do: outlines of bones and fans of ultrasound are taken for text, but cannot be read. What was read is
counted and forgotten: it enters no artifact and no log.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radtune.artifacts.io import read_batches, read_footer, write
from radtune.artifacts.kinds.burned_in_text import BURNED_IN_TEXT
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.provenance import provenance
from radtune.config.images import ImageSettings
from radtune.errors import ConfigError
from radtune.progress import progress

MODELS = {"Det.model_path": "PP-OCRv6_det_small.onnx", "Rec.model_path": "PP-OCRv6_rec_small.onnx"}
"""Files of the wheel, by the parameter that names them: rapidocr would download a model that it is not told of."""

LONGEST_SIDE = 4_096
"""Larger images are reduced to this side, in pixels, before text is looked for, which bounds time and memory."""


@dataclass(frozen=True)
class TextLine:
    """One line of text in an image."""

    characters: int
    """Without white space."""
    area: float
    """Of its box, in pixels."""


Reader = Callable[[NDArray[np.uint8]], list[TextLine]]
"""Lines in an image, (height, width, 3) RGB."""


def find_burned_in_text(images: Path, output: Path, *, settings: ImageSettings, seed: int) -> None:
    """Write ``burned_in_text`` for one shard of ``images``, in its order.

    The footer notes how many images hold any text (``with_text``) and how many are ``flagged``.
    Raises :class:`ConfigError` if rapidocr is not installed.
    """
    wanted = settings.burned_in_text
    read = line_reader(wanted.minimum_confidence)
    count = read_footer(images)["rows_out"]
    batches = read_batches(images, IMAGES, ["item_id", "image", "transform"])
    stored = (row for batch in batches for row in batch.to_pylist())
    rows = []
    for row in progress(stored, "looking for burned-in text", total=count, unit="image"):
        lines = read(np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")))
        width, height = json.loads(row["transform"])["size"]
        characters = sum(line.characters for line in lines)
        rows.append(
            {
                "item_id": row["item_id"],
                "lines": len(lines),
                "characters": characters,
                "share": min(1.0, sum(line.area for line in lines) / (width * height)),
                "flagged": characters >= wanted.minimum_characters,
            }
        )
    notes = {"with_text": sum(row["lines"] > 0 for row in rows), "flagged": sum(row["flagged"] for row in rows)}
    origin = provenance(__name__, settings, seed, inputs={"images": images}, notes=notes)
    write(output, BURNED_IN_TEXT, rows, origin, rows_in=count)


def line_reader(minimum_confidence: float) -> Reader:
    """A reader of the lines in an image that the recogniser is at least so sure of; on one core, always with the same result.

    Raises :class:`ConfigError` if rapidocr is not installed.
    """
    try:
        import rapidocr
    except ImportError:
        raise ConfigError(
            "images.burned_in_text.find: rapidocr is not installed", "install radtune's extra phi, or set it to false"
        ) from None
    folder = Path(rapidocr.__file__).parent / "models"
    engine: Any = rapidocr.RapidOCR(
        params={
            **{parameter: str(folder / name) for parameter, name in MODELS.items()},
            "Global.use_cls": False,  # text that stands on its head is found all the same
            "Global.text_score": minimum_confidence,
            "Global.log_level": "critical",
            # In its own size: by default small images are enlarged, at twice the time for nothing more found.
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE,
            "Global.max_side_len": LONGEST_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

    def read(pixels: NDArray[np.uint8]) -> list[TextLine]:
        found = engine(np.ascontiguousarray(pixels[:, :, ::-1]))  # BGR, as OpenCV has it
        if not found.txts:
            return []
        lines = (TextLine(len("".join(text.split())), _area(box)) for box, text in zip(found.boxes, found.txts, strict=True))
        return [line for line in lines if line.characters]

    return read


def _area(corners: NDArray[np.float32]) -> float:
    """Area of a box of (4, 2) corners in pixels, in order around it: the shoelace formula."""
    x, y = corners.astype(np.float64).T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)
