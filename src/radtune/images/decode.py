"""From the bytes of an image file to upright 8-bit pixels, with a record of what was done to them.

Pillow reads the header and judges the file. The pixels of a plain JPEG file are then decoded by simplejpeg, which takes about
half of Pillow's time for the same values; all other files, and JPEG files that simplejpeg refuses, are decoded by Pillow.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import simplejpeg
from PIL import ExifTags, Image, ImageCms

from radtune.images.fit import Pixels, fitted_size, one_channel_if_grey

FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""File formats that are read. Pillow knows more, some of which start other programs (EPS) or have no use here."""

DEEP_MODES = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
"""Pillow's modes of more than 8 bits a channel; their range must be scaled, for Pillow's own conversion clips it."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes each EXIF orientation upright (EXIF 2.3, 4.6.4); 1 is upright."""

FULL_RANGE = (0.0, 100.0)
"""Percentiles of the lowest and the highest value."""

_LAB, _SRGB = (ImageCms.ImageCmsProfile(ImageCms.createProfile(space)) for space in ("LAB", "sRGB"))
_SRGB_FROM_LAB = ImageCms.ImageCmsTransform(_LAB, _SRGB, "LAB", "RGB")


class RejectedImage(Exception):
    """An image that cannot be used: ``reason`` is the short code, ``detail`` the sentence, of its quarantine row."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class DecodedImage:
    """Upright pixels and where they came from."""

    pixels: Pixels
    """Upright, of one channel if the picture is grey, however it is stored; smaller than ``size`` where the file was decoded at
    a smaller scale."""
    size: tuple[int, int]
    """Width and height of the upright picture in the file."""
    mode: str
    """Pillow mode of the file."""
    steps: dict[str, Any]
    """What was done, ready for JSON: ``orientation`` (EXIF value that was undone, null if unreadable), ``frames`` (frames
    in the file, of which the first is used), ``scaled_from`` (values that became black and white, where a deep range became
    8 bits), ``alpha`` (whether transparent pixels were laid over the fill colour), ``decoded_size`` (width and height that
    the JPEG decoder gave, where it was asked for a smaller picture)."""


def decode(
    content: bytes,
    fill: tuple[int, int, int],
    maximum_pixels: int,
    *,
    window: tuple[float, float] = FULL_RANGE,
    scaled_to: int | None = None,
) -> DecodedImage:
    """Decode the first frame of an image file.

    ``window`` says which percentiles of a deep image's values become black and white. ``scaled_to`` lets a plain JPEG file be
    decoded at a half, three eighths, a quarter or an eighth of its size, but not below what fits into a square of this side.

    Raises :class:`RejectedImage` with the reason ``not_an_image`` (no known format), ``too_large`` (more than
    ``maximum_pixels``) or ``damaged`` (a known format whose pixels cannot be read, such as a truncated file).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound is checked below
            image: Image.Image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise RejectedImage("too_large", str(error)) from error
    except Exception as error:  # a damaged header makes Pillow raise errors of many types
        raise RejectedImage("not_an_image", f"not an image of a known format ({', '.join(FORMATS)})") from error
    if image.width * image.height > maximum_pixels:
        raise RejectedImage("too_large", f"{image.width} x {image.height} pixels, more than {maximum_pixels}")
    try:
        steps: dict[str, Any] = {"orientation": _orientation(image), "frames": getattr(image, "n_frames", 1)}
        mode, size = image.mode, image.size
        if _is_plain_jpeg(image) and steps["orientation"] == 1:
            plain = _decode_plain_jpeg(content, mode, fitted_size(size, scaled_to) if scaled_to else None)
            if plain is not None:
                height, width = plain.shape[:2]
                scaling = {"decoded_size": [width, height]} if (width, height) != size else {}
                return DecodedImage(one_channel_if_grey(plain), size, mode, steps | scaling)
        image.load()
        # Pillow itself turns a TIFF as it loads it, and then reports no orientation any more. ImageOps.exif_transpose would
        # also write the EXIF block anew, and fail on pictures whose other tags are malformed.
        turn = TURNS.get(_orientation(image) or 1)
        if turn is not None:
            image = image.transpose(turn)
        rgb, colour_steps = to_rgb(image, fill, window)
    except MemoryError:
        raise  # the machine's fault, not the file's
    except Exception as error:  # damaged pixels make Pillow raise errors of many types
        raise RejectedImage("damaged", f"{type(error).__name__}: {error}") from error
    return DecodedImage(one_channel_if_grey(np.asarray(rgb)), rgb.size, mode, steps | colour_steps)


def _orientation(image: Image.Image) -> int | None:
    """The EXIF orientation, 1 to 8 (1: as stored, also where there is none or an undefined one); None if the EXIF block cannot
    be parsed, which is no reason to drop the picture."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a malformed EXIF block makes Pillow raise errors of many types
        return None
    return value if value in range(1, 9) else 1


def _is_plain_jpeg(image: Image.Image) -> bool:
    """Whether a file is a JPEG file of grey or YCbCr pixels, which both decoders read alike."""
    # Adobe's marker says how colour is stored, 1 being YCbCr; readers disagree about files of the other kinds.
    return image.format == "JPEG" and image.mode in ("L", "RGB") and image.info.get("adobe_transform", 1) == 1


def _decode_plain_jpeg(content: bytes, mode: str, at_least: tuple[int, int] | None) -> Pixels | None:
    """The pixels of a plain JPEG file of Pillow's ``mode``, scaled by 1/2, 3/8, 1/4 or 1/8 where both sides stay ``at_least`` as
    long; None if simplejpeg finds anything wrong. What is then to become of the file, Pillow decides."""
    width, height = at_least or (0, 0)  # 0: decode at full size
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(
            content,
            "GRAY" if mode == "L" else "RGB",
            fastdct=False,
            fastupsample=False,
            min_height=height,
            min_width=width,
            min_factor=2,
            strict=True,
        )
    except ValueError:
        return None
    return pixels[:, :, 0] if mode == "L" else pixels


def to_rgb(
    image: Image.Image, fill: tuple[int, int, int], window: tuple[float, float] = FULL_RANGE
) -> tuple[Image.Image, dict[str, Any]]:
    """Turn an image of any mode into RGB; also return what was done (see :class:`DecodedImage`).

    Deep images are scaled to 8 bits from the ``window`` percentiles of their own finite values; transparent ones are laid
    over ``fill``.
    """
    if image.mode in DEEP_MODES:
        grey, low, high = _scale_to_8_bits(np.asarray(image), window)
        return Image.fromarray(grey).convert("RGB"), {"scaled_from": [low, high]}
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, (*fill, 255))
        return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB"), {"alpha": True}
    if image.mode == "LAB":
        image = _SRGB_FROM_LAB.apply(image)
    return image.convert("RGB"), {}


def _scale_to_8_bits(values: np.ndarray[Any, Any], window: tuple[float, float]) -> tuple[Pixels, float, float]:
    """Map the lower percentile of the finite values to 0 and the upper one to 255, linearly, and clip what lies outside; where
    both are equal, the image becomes black.

    Values that are not finite go to the end of the range they point to, NaN to 0.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise ValueError("no finite pixel")
    low, high = (float(value) for value in np.percentile(finite, window))
    scale = 255 / (high - low) if high > low else 0.0
    scaled = (np.clip(np.nan_to_num(values.astype(np.float64), nan=low), low, high) - low) * scale
    return np.rint(scaled).astype(np.uint8), low, high
