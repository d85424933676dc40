"""64-bit perceptual hashes of a picture and of its inside: pictures that look alike get hashes that differ in few bits."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from radtune.artifacts.kinds.images import INNER_MARGIN

SIDE = 32
"""Side of the square that the picture is shrunk to, in pixels."""
FREQUENCIES = 8
"""The hash takes the lowest 8 x 8 frequencies, without the mean of any row or column."""
SHRINKING = 4
"""Large pictures are first made smaller by this factor: averaging whole pixels is much faster than averaging parts of them."""


def hashes(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[int, int]:
    """The :func:`perceptual_hash` and the :func:`inner_hash` of a picture, each 0 to 2**64 - 1. ``picture`` is height x width
    grey or height x width x 3 RGB.

    Both are taken from it at a quarter of its size if that leaves the smaller side :data:`SIDE` pixels or more; up to three
    pixels in height and in width are then left out at the edges.
    """
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) if picture.ndim == 3 else picture
    height, width = (length // SHRINKING for length in grey.shape)
    if min(height, width) >= SIDE:
        top, left = (grey.shape[0] - height * SHRINKING) // 2, (grey.shape[1] - width * SHRINKING) // 2
        whole = grey[top : top + height * SHRINKING, left : left + width * SHRINKING]
        grey = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return perceptual_hash(grey), inner_hash(grey)


def perceptual_hash(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    """The DCT hash of a picture, 0 to 2**64 - 1. ``pixels`` is height x width grey or height x width x 3 RGB.

    C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), 3.2.1, as in pHash's
    ``ph_dct_imagehash``: grey, 32 x 32, DCT, rows and columns 1 to 8 of the coefficients; a bit is set where the
    coefficient is above their median, the most significant bit first, row by row. Area averaging takes the place of the
    mean filter. The number of bits in which two hashes differ is the distance of the pictures; the hash knows neither
    aspect nor size, and a picture of one colour has the hash 0.

    Give the picture without its padding: the border would outweigh everything else.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    # Rounded, so that the noise of floating-point sums sets no bit where coefficients are equal (a flat picture: all 0).
    lowest = np.round(_BASIS @ small @ _BASIS.T, 6)
    bits = lowest > np.median(lowest)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def inner_hash(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    """The :func:`perceptual_hash` of a picture without :data:`~radtune.artifacts.kinds.images.INNER_MARGIN` on each side.

    What is left of a copy that was cropped, or what lies within the frame of one, looks like the inside of the other picture.
    """
    height, width = pixels.shape[:2]
    top, left = round(height * INNER_MARGIN), round(width * INNER_MARGIN)
    return perceptual_hash(pixels[top : height - top, left : width - left])


def _basis() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Rows 1 to 8 of the orthonormal DCT-II matrix of 32 points."""
    frequency, place = np.arange(1, FREQUENCIES + 1)[:, None], np.arange(SIDE)[None, :]
    return np.asarray(np.sqrt(2 / SIDE) * np.cos(np.pi * (2 * place + 1) * frequency / (2 * SIDE)))


_BASIS = _basis()
