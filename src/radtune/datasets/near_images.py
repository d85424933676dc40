"""Near-duplicate images: candidates by the distance of their perceptual hashes, confirmed on their pixels."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from radtune.artifacts.kinds.images import INNER_MARGIN
from radtune.progress import progress

SIDE = 64
"""Side of a thumbnail. Pictures are aligned at this size: at 48, a copy is harder to tell from a neighbouring slice."""
COMPARED_SIDE = 32
"""Side of the square in which pixels are compared. Larger squares separate copies from neighbouring slices no better."""
COARSE_SIDE = 16
"""Side of the square in which pictures that are not aligned yet are compared: a shift of a few per cent is within a pixel."""
PROMISING = 0.6
"""Least coarse similarity from which it is worth aligning two pictures. Of real images cropped, framed or turned by 3 degrees,
nearly all are above; of different chest radiographs, nine in ten below. It bounds the cost where images are of one kind."""
ITERATIONS, PRECISION = 30, 1e-4
"""Steps of an alignment at most, and the gain in correlation below which it ends."""
SMOOTHING = 3
"""Side of the Gaussian filter before an alignment, in pixels. Wider ones find fewer framed copies."""
LEAST_OVERLAP = 0.5
"""Least share of a picture that the other must cover once aligned."""
MOST_STRETCH = 2.0
"""Most by which an alignment may enlarge or reduce areas: beyond, it has gone astray."""

PAIRS_AT_ONCE = 1_048_576
"""Pairs of hashes compared at once: 8 MB of 64-bit numbers."""
THUMBNAILS_AT_ONCE = 1_024
"""Pairs of thumbnails compared at once."""

Hashes = npt.NDArray[np.uint64]
"""n x 2: the hash of each picture, and that of its inside."""
Thumbnails = npt.NDArray[np.uint8]
"""n x side x side, grey."""
Pixels = npt.NDArray[np.float32]


def close_hashes(left: Hashes, right: Hashes, maximum: int) -> npt.NDArray[np.int64]:
    """Every pair of pictures whose hashes differ in at most ``maximum`` bits: rows of (index in left, index in right, bits).

    What differs least counts: one picture from the other, or one from the inside of the other. All pairs are compared, block by
    block: nothing is missed, at about a thousand million pairs in a quarter of a minute.
    """
    found = [np.empty((0, 3), np.int64)]
    block = max(1, PAIRS_AT_ONCE // max(1, len(right)))
    pictures, insides = np.ascontiguousarray(right.T)
    for start in range(0, len(left), block):
        picture, inside = left[start : start + block, :1], left[start : start + block, 1:]
        distance = np.bitwise_count(picture ^ pictures)
        for one, others in ((picture, insides), (inside, pictures)):
            np.minimum(distance, np.bitwise_count(one ^ others), out=distance)
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
        image.draft("L", (2 * SIDE, 2 * SIDE))
        grey = image.convert("L")
    scale = grey.width / width
    (x, y), (w, h) = transform["offset"], transform["size"]
    box = (x * scale, y * scale, (x + w) * scale, (y + h) * scale)
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX, box=box))


def near_duplicates(
    thumbnails: Thumbnails, pairs: npt.NDArray[np.int64], least: float, least_aligned: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Which pairs are near-duplicates, and how alike they are; ``pairs`` are rows of two places in ``thumbnails``.

    A pair is one if it is at least ``least`` alike as it stands, or ``least_aligned`` once one picture is aligned with the other.
    """
    alike = similarity(_shrunk(thumbnails, COMPARED_SIDE), pairs)
    near = alike >= least
    rest = np.flatnonzero(~near)
    aligned = aligned_similarity(thumbnails, pairs[rest])
    copies = aligned >= least_aligned
    near[rest[copies]], alike[rest[copies]] = True, aligned[copies]
    return near, alike


def similarity(thumbnails: Thumbnails, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How alike the thumbnails of each pair are, -1 to 1; ``pairs`` are rows of two places in ``thumbnails``.

    The correlation of the differences between neighbouring pixels, in both directions. Differences rather than grey values, since
    all chest radiographs are bright and dark in the same places. Brightness and contrast do not count; an image of one colour
    is like nothing (0).
    """
    found = [np.empty(0, np.float64)]
    for start in range(0, len(pairs), THUMBNAILS_AT_ONCE):
        block = pairs[start : start + THUMBNAILS_AT_ONCE]
        found.append(_correlation(thumbnails[block[:, 0]], thumbnails[block[:, 1]]))
    # Rounded, so that no order of floating-point sums shows.
    return np.concatenate(found).round(6)


def aligned_similarity(thumbnails: Thumbnails, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How alike the pictures of each pair are where they overlap, once aligned; 0 where no alignment is likely or found.

    The pictures are first compared coarsely, each also with the inside of the other; from the best match on, an affine map is
    refined (:func:`_aligned`). The wider picture of the two is the one that is kept, so that a frame lies outside the other.
    """
    found = np.zeros(len(pairs))
    if not len(pairs):
        return found
    margin, count = round(SIDE * INNER_MARGIN), len(thumbnails)
    insides = thumbnails[:, margin : SIDE - margin, margin : SIDE - margin]
    views = np.concatenate([_shrunk(thumbnails, COARSE_SIDE), _shrunk(insides, COARSE_SIDE)])
    coarse = np.stack([similarity(views, pairs + np.array(inside)) for inside in ((0, 0), (count, 0), (0, count))])
    best = coarse.argmax(axis=0)
    likely = np.flatnonzero(coarse.max(axis=0) >= PROMISING)
    for place in progress(likely if len(likely) else [], "aligning images", unit="pair"):
        wide, narrow = thumbnails[pairs[place] if best[place] < 2 else pairs[place, ::-1]].astype(np.float32)
        found[place] = _aligned(wide, narrow, 1 / (1 - 2 * INNER_MARGIN) if best[place] else 1.0)
    # An alignment is not exact to the last digits on every processor.
    return found.round(3)


def _aligned(wide: Pixels, narrow: Pixels, scale: float) -> float:
    """The correlation of two pictures where they overlap, once ``narrow`` is mapped onto ``wide``.

    ``wide`` shows about ``scale`` times as much in each direction; the alignment starts there and finds the affine map:
    G. D. Evangelidis and E. Z. Psarakis, Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization (2008).
    """
    shift = (SIDE - 1) / 2 * (1 - scale)
    start = np.array([[scale, 0, shift], [0, scale, shift]], np.float32)
    everywhere = np.ones((SIDE, SIDE), np.uint8)
    criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, ITERATIONS, PRECISION)
    try:
        _, found = cv2.findTransformECC(wide, narrow, start, cv2.MOTION_AFFINE, criteria, everywhere, SMOOTHING)
    except cv2.error:  # It does not converge: the pictures have nothing in common.
        return 0.0
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    mapped = cv2.warpAffine(narrow, found, (SIDE, SIDE), flags=how)
    covered = cv2.warpAffine(np.ones_like(narrow), found, (SIDE, SIDE), flags=how)
    # Compared at half the size, since mapping blurs.
    kept, mapped, covered = (
        cv2.resize(image, (COMPARED_SIDE, COMPARED_SIDE), interpolation=cv2.INTER_AREA) for image in (wide, mapped, covered)
    )
    outside = covered < 0.999
    if outside.mean() > 1 - LEAST_OVERLAP or not 1 / MOST_STRETCH <= np.linalg.det(found[:, :2]) <= MOST_STRETCH:
        return 0.0
    kept[outside] = mapped[outside] = np.nan
    return float(_correlation(kept[None], mapped[None])[0])


def _shrunk(thumbnails: Thumbnails, side: int) -> Thumbnails:
    shrunk = np.empty((len(thumbnails), side, side), np.uint8)
    for image, small in zip(thumbnails, shrunk, strict=True):
        cv2.resize(image, (side, side), dst=small, interpolation=cv2.INTER_AREA)
    return shrunk


def _correlation(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Of the differences between neighbouring pixels, image by image; a pixel that is not a number is left out."""
    a, b = _differences(left), _differences(right)
    energy: npt.NDArray[np.float64] = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    found: npt.NDArray[np.float64] = np.divide((a * b).sum(axis=1), energy, out=np.zeros(len(a)), where=energy > 0)
    return found


def _differences(images: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    pixels = images.astype(np.float64)
    across, down = np.diff(pixels, axis=2), np.diff(pixels, axis=1)
    both: npt.NDArray[np.float64] = np.concatenate([across.reshape(len(images), -1), down.reshape(len(images), -1)], axis=1)
    both[np.isnan(both)] = 0
    return both
