"""Settings of the ``images`` room."""

from __future__ import annotations

from typing import Literal

from radtune.config.base import Settings


class ImageSettings(Settings):
    """How images are standardised."""

    size: int = 512
    """Side of the square, in pixels."""
    fill: tuple[int, int, int] = (0, 0, 0)
    """RGB colour of the padding."""
    resample: Literal["lanczos", "bicubic", "area"] = "lanczos"
    """Resampling filter."""
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    """Encoding of the standardised image."""
    quality: int = 95
    """Quality of lossy encodings, 1 to 100."""
    shards: int = 32
    """Number of Parquet shards; items go to shards by a hash of their id."""
    maximum_pixels: int = 178_956_970
    """Larger images are refused as decompression bombs (Pillow's own bound)."""
