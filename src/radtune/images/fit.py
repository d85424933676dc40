"""Fit a picture into a square: resize it so that its longer side is the square's, and pad."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""A picture: height x width if it is grey, height x width x 3 (RGB) if not."""

LEAST_SCALE_OF_CUBIC = 0.8
"""From here on ``area`` interpolates: averaging over little more than a pixel would only blur. On 537 real images the result is
closest to Lanczos's with a bound of 0.75 to 0.8 (docs/images.md)."""

BAND_ROWS = 32
"""Rows that are looked at together for colour: few enough to stay in the processor's cache, and to stop early."""

PILLOW_FILTERS = {"lanczos": Image.Resampling.LANCZOS, "bicubic": Image.Resampling.BICUBIC}

cv2.setNumThreads(1)  # shards are processed side by side already


def one_channel_if_grey(pixels: Pixels) -> Pixels:
    """One channel of a picture whose three are equal; any other as it is.

    Four of five real images are stored in colour without having any. Each is fitted, encoded and later decoded in a third to
    two thirds of the time.
    """
    if pixels.ndim == 2:
        return pixels
    grey = np.empty(pixels.shape[:2], np.uint8)
    for top in range(0, len(pixels), BAND_ROWS):
        band = slice(top, top + BAND_ROWS)
        cv2.extractChannel(pixels[band], 0, dst=grey[band])
        if cv2.norm(cv2.cvtColor(grey[band], cv2.COLOR_GRAY2RGB), pixels[band], cv2.NORM_INF):
            return pixels
    return grey


def fitted_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height of an image of ``size`` scaled, up or down, so that its longer side is ``side``; never below one pixel."""
    longer = max(size)
    # In whole numbers, rounding halves up, so that no floating-point error decides a pixel.
    width, height = (max(1, (2 * length * side + longer) // (2 * longer)) for length in size)
    return width, height


def resize(pixels: Pixels, size: tuple[int, int], resample: Literal["area", "lanczos", "bicubic"]) -> Pixels:
    """Resample a picture to ``size`` (width, height).

    ``area`` averages the pixels that a new pixel covers where the longer side shrinks below 0.8 of its length, and
    interpolates with cubic polynomials (a = -0.75) else: OpenCV's ``INTER_AREA`` and ``INTER_CUBIC``. ``lanczos`` (three
    lobes) and ``bicubic`` are Pillow's, whose support grows as the picture shrinks.
    """
    before = pixels.shape[1::-1]
    if before == size:
        return pixels
    if resample == "area":
        cubic = max(size) >= LEAST_SCALE_OF_CUBIC * max(before)
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC if cubic else cv2.INTER_AREA), np.uint8)
    return np.asarray(Image.fromarray(pixels).resize(size, PILLOW_FILTERS[resample]))


def pad(picture: Pixels, side: int, fill: tuple[int, int, int]) -> tuple[Pixels, tuple[int, int]]:
    """A square of ``side`` pixels with the picture in its middle, and the picture's offset from the left and from the top."""
    if picture.ndim == 2 and len(set(fill)) > 1:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB), np.uint8)
    height, width = picture.shape[:2]
    left, top = (side - width) // 2, (side - height) // 2
    right, bottom = side - width - left, side - height - top
    square = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=fill)
    return np.asarray(square, np.uint8), (left, top)
