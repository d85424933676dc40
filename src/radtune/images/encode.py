"""Encode a standardised square. No encoder is given anything but pixels, so that no metadata can be written."""

from __future__ import annotations

import io

import numpy as np
import simplejpeg
from PIL import Image

from radtune.config.images import ImageSettings
from radtune.images.fit import Pixels

SUFFIXES = {"jpeg": "jpg", "png": "png", "webp": "webp"}


def encode(square: Pixels, settings: ImageSettings) -> bytes:
    """The bytes of an image file of ``settings.format``; the same pixels give the same bytes.

    A grey square becomes a file of one channel (but for WebP, which has none), whose pixels are those that the file of three
    would have.
    """
    if settings.format == "jpeg":
        # Colour at full resolution: halving it would blur overlays such as Doppler colours and coloured arrows.
        grey = square.ndim == 2
        pixels, space, sampling = (square[:, :, np.newaxis], "GRAY", "Gray") if grey else (square, "RGB", "444")
        return bytes(simplejpeg.encode_jpeg(pixels, settings.quality, space, sampling, fastdct=False))
    file = io.BytesIO()
    if settings.format == "png":
        Image.fromarray(square).save(file, "png", compress_level=settings.png_level)
    else:
        Image.fromarray(square).save(file, "webp", quality=settings.quality)
    return file.getvalue()
