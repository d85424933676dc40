"""Settings of the ``images`` room."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from radtune.config.base import Settings

Channel = Annotated[int, Field(ge=0, le=255)]


class ImageSettings(Settings):
    """How images are standardised."""

    size: int = Field(512, gt=0, le=16_383)
    """Side of the square, in pixels."""
    fill: tuple[Channel, Channel, Channel] = (0, 0, 0)
    """RGB colour of the padding, and of what lies behind transparent pixels."""
    resample: Literal["lanczos", "bicubic", "area"] = "lanczos"
    """Resampling filter."""
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    """Encoding of the standardised image."""
    quality: int = Field(95, ge=1, le=100)
    """Quality of lossy encodings, 1 to 100."""
    shards: int = Field(32, gt=0, le=99_999)
    """Number of Parquet shards; items go to shards by a hash of their id."""
    maximum_pixels: int = Field(178_956_970, gt=0, le=178_956_970)
    """Larger images are refused as decompression bombs (at most Pillow's own bound)."""
    maximum_bytes: int = Field(268_435_456, gt=0)
    """Larger image files are refused unread."""
