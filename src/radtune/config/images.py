"""Settings of the ``images`` room."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from radtune.config.base import Settings

Channel = Annotated[int, Field(ge=0, le=255)]
Percentile = Annotated[float, Field(ge=0, le=100)]


class BurnedInTextSettings(Settings):
    """How text that is burned into the pixels, such as a patient's name, is looked for. Needs the extra `phi`."""

    find: bool = False
    """Look for it: about half a second an image of 512 pixels on one core."""
    minimum_characters: int = Field(16, ge=1)
    """Images with this many characters or more are flagged: a marker of the side or a letter of a figure has fewer, a name with a
    date has more."""
    minimum_confidence: float = Field(0.5, ge=0, le=1)
    """Lines that the recogniser is less sure of are not counted: edges of bones and of ultrasound fans may look like text."""


class ImageSettings(Settings):
    """How images are standardised."""

    size: int = Field(512, gt=0, le=16_383)
    """Side of the square, in pixels."""
    fill: tuple[Channel, Channel, Channel] = (0, 0, 0)
    """RGB colour of the padding, and of what lies behind transparent pixels."""
    resample: Literal["area", "lanczos", "bicubic"] = "area"
    """Resampling: `area` averages where a picture shrinks and interpolates where it grows or shrinks little (OpenCV);
    `lanczos` and `bicubic` are Pillow's."""
    scaled_decoding: bool = False
    """Decode a JPEG file of twice the size or more at a half, three eighths, a quarter or an eighth: faster, but other pixels."""
    window: tuple[Percentile, Percentile] = (0.0, 100.0)
    """Percentiles of the values of a picture of more than 8 bits that become black and white; 0 and 100 are the lowest and the
    highest value. A DICOM file's own window has been applied before."""
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    """Encoding of the standardised image."""
    quality: int = Field(95, ge=1, le=100)
    """Quality of lossy encodings, 1 to 100."""
    png_level: int = Field(1, ge=0, le=9)
    """Effort of PNG's compression, which loses nothing: 1 is several times as fast as 6, for files a little larger."""
    shards: int = Field(32, gt=0, le=99_999)
    """Number of Parquet shards; items go to shards by a hash of their id."""
    maximum_pixels: int = Field(178_956_970, gt=0, le=178_956_970)
    """Larger images are refused as decompression bombs (at most Pillow's own bound)."""
    maximum_bytes: int = Field(268_435_456, gt=0)
    """Larger image files are refused unread."""
    burned_in_text: BurnedInTextSettings = BurnedInTextSettings()
    """Text that is burned into the pixels."""

    def standardising_canonical(self) -> str:
        """What standardised images depend on, as canonical JSON: not what is looked for in them."""
        return self.model_copy(update={"burned_in_text": BurnedInTextSettings()}).canonical()

    @field_validator("window")
    @classmethod
    def _window_is_open(cls, window: tuple[float, float]) -> tuple[float, float]:
        """Black lies below white."""
        if window[0] >= window[1]:
            raise ValueError("the first percentile, which becomes black, must be below the second")
        return window
