"""Near-duplicate images: candidates by the distance of their perceptual hashes, confirmed on their pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 32
"""Side of the square in which pixels are compared. Larger squares separate copies from neighbouring slices no better."""

PAIRS_AT_ONCE = 4_194_304
"""Pairs of hashes compared at once: 32 MB of 64-bit numbers."""
THUMBNAILS_AT_ONCE = 1_024
"""Pairs of thumbnails compared at once."""

Thumbnails = npt.NDArray[np.uint8]


def close_hashes(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], maximum: int) -> npt.NDArray[np.int64]:
    """Every pair of hashes that differ in at most ``maximum`` bits: rows of (index in left, index in right, bits).

    All pairs are compared, block by block: nothing is missed, at about a thousand million pairs in a few seconds.
    """
    found = [np.empty((0, 3), np.int64)]
    block = max(1, PAIRS_AT_ONCE // max(1, len(right)))
    for start in range(0, len(left), block):
        distance = np.bitwise_count(left[start : start + block, None] ^ right[None, :])
        rows, columns = np.nonzero(distance <= maximum)
        found.append(np.stack([rows + start, columns, distance[rows, columns]], axis=1).astype(np.int64))
    return np.concatenate(found)


def thumbnail(content: bytes, transform: dict[str, Any]) -> Thumbnails:
    """The picture inside the padding of a standardised image, grey, stretched to :data:`SIDE` x :data:`SIDE`.

    ``transform`` is the image's record of how it was made, with the picture's ``offset`` and ``size`` in pixels.
    """
    with Image.open(io.BytesIO(content)) as image:
        width = image.width
        # A JPEG is decoded at a part of its size, several times faster; other formats ignore this.
        image.draft("L", (4 * SIDE, 4 * SIDE))
        grey = image.convert("L")
    scale = grey.width / width
    (x, y), (w, h) = transform["offset"], transform["size"]
    box = (x * scale, y * scale, (x + w) * scale, (y + h) * scale)
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX, box=box))


def similarity(thumbnails: Thumbnails, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How alike the thumbnails of each pair are, -1 to 1; ``pairs`` are rows of two places in ``thumbnails``.

    The correlation of the differences between neighbouring pixels, in both directions. Differences rather than grey values, since
    all chest radiographs are bright and dark in the same places. Brightness and contrast do not count; an image of one colour
    is like nothing (0).
    """
    found = [np.empty(0, np.float64)]
    for start in range(0, len(pairs), THUMBNAILS_AT_ONCE):
        block = pairs[start : start + THUMBNAILS_AT_ONCE]
        a, b = (_differences(thumbnails[block[:, side]]) for side in (0, 1))
        energy: npt.NDArray[np.float64] = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
        found.append(np.divide((a * b).sum(axis=1), energy, out=np.zeros(len(a), np.float64), where=energy > 0))
    # Rounded, so that no order of floating-point sums shows.
    return np.concatenate(found).round(6)


def _differences(images: Thumbnails) -> npt.NDArray[np.float64]:
    pixels = images.astype(np.float64)
    across, down = np.diff(pixels, axis=2), np.diff(pixels, axis=1)
    return np.concatenate([across.reshape(len(images), -1), down.reshape(len(images), -1)], axis=1)
