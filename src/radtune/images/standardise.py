"""Standardise images: check, decode, make upright RGB, fit into a square, pad, encode; one shard a call."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radtune.artifacts.digests import canonical_json
from radtune.artifacts.io import ArtifactWriter, read_batches
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.provenance import provenance
from radtune.config.images import ImageSettings
from radtune.errors import ConfigError
from radtune.images.decode import RejectedImage, decode
from radtune.images.encode import SUFFIXES, encode
from radtune.images.fit import fitted_size, pad, resize
from radtune.images.perceptual_hash import hashes
from radtune.images.shards import shard_of
from radtune.progress import progress


def standardise(
    captions: Sequence[Path], output: Path, quarantine: Path, *, shard: int, settings: ImageSettings, seed: int
) -> None:
    """Write the standardised images of one shard, sorted by item id; what cannot be used goes to ``quarantine``.

    ``captions`` are those of all data sets of a run; items without a caption are standardised too.

    Reasons there: ``missing``, ``empty``, ``too_large``, ``digest_differs``, ``not_an_image``, ``damaged``. Memory holds one
    row group of encoded images and the ids of the shard, never the data set.
    """
    if not 0 <= shard < settings.shards:
        raise ConfigError(f"shard {shard}: there are {settings.shards} shards", f"give 0 to {settings.shards - 1}")
    items = _items_of_shard(captions, shard, settings.shards)
    record = provenance(__name__, settings, seed, inputs={"captions": list(captions)}, notes={"shard": shard})
    dropped: Counter[str] = Counter()
    with (
        ArtifactWriter(output, IMAGES, record, rows_in=len(items), quarantine=quarantine) as accepted,
        ArtifactWriter(quarantine, QUARANTINE, record) as rejected,
    ):
        for item_id, path, sha256 in progress(items, f"images of shard {shard}", unit="image"):
            try:
                image = standardise_image(read_image_file(path, sha256, settings.maximum_bytes), settings)
            except RejectedImage as problem:
                dropped[problem.reason] += 1
                detail = f"{path}: {problem.detail}"
                row = {"item_id": item_id, "step": __name__, "reason": problem.reason, "detail": detail}
                rejected.write_rows([row])
            else:
                accepted.write_rows([image.row(item_id, settings)])
        accepted.dropped = dict(sorted(dropped.items()))


def _items_of_shard(captions: Sequence[Path], shard: int, shards: int) -> list[tuple[str, Path, str]]:
    """Item id, image file and its recorded SHA-256 of every item of ``shard``, sorted by item id."""
    return sorted(
        (row["item_id"], Path(row["image_path"]), row["image_sha256"])
        for path in captions
        for batch in read_batches(path, CAPTIONS, ["item_id", "image_path", "image_sha256"])
        for row in batch.to_pylist()
        if shard_of(row["item_id"], shards) == shard
    )


def read_image_file(path: Path, sha256: str, maximum_bytes: int) -> bytes:
    """The bytes of an image file, proved against the digest recorded when the data set was read.

    Raises :class:`RejectedImage` with the reason ``missing``, ``empty``, ``too_large`` or ``digest_differs``.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise RejectedImage("empty", "the file holds no bytes")
            if size > maximum_bytes:
                raise RejectedImage("too_large", f"{size} bytes, more than {maximum_bytes}")
            content = file.read()
    except OSError as error:
        raise RejectedImage("missing", f"cannot be read: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise RejectedImage("digest_differs", f"sha256 is {found}, but was {sha256} when the data set was read")
    return content


@dataclass(frozen=True)
class StandardisedImage:
    """One encoded square image and how it came about."""

    content: bytes
    """The encoded image, without metadata."""
    original_size: tuple[int, int]
    """Width and height of the upright source, in pixels."""
    original_mode: str
    """Pillow mode of the source."""
    perceptual_hash: int
    """Of the picture inside the padding (:func:`radtune.images.perceptual_hash.hashes`)."""
    inner_hash: int
    """Of the same without its margins."""
    transform: dict[str, Any]
    """What was done: see :class:`radtune.images.decode.DecodedImage`, and ``size`` and ``offset`` of the picture inside
    the square in pixels, ``scale`` (pixels after a pixel before, of the longer side) and ``fill``."""

    def row(self, item_id: str, settings: ImageSettings) -> dict[str, Any]:
        """The row of the ``images`` artifact."""
        return {
            "item_id": item_id,
            "image": {"bytes": self.content, "path": f"{item_id}.{SUFFIXES[settings.format]}"},
            "width": settings.size,
            "height": settings.size,
            "original_width": self.original_size[0],
            "original_height": self.original_size[1],
            "original_mode": self.original_mode,
            "transform": canonical_json(self.transform),
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "perceptual_hash": self.perceptual_hash,
            "inner_hash": self.inner_hash,
        }


def standardise_image(content: bytes, settings: ImageSettings) -> StandardisedImage:
    """Standardise one image file. Raises :class:`RejectedImage` if it cannot be decoded."""
    decoded = decode(
        content,
        settings.fill,
        settings.maximum_pixels,
        window=settings.window,
        scaled_to=settings.size if settings.scaled_decoding else None,
    )
    size = fitted_size(decoded.size, settings.size)
    picture = resize(decoded.pixels, size, settings.resample)
    square, offset = pad(picture, settings.size, settings.fill)
    of_picture, of_inside = hashes(picture)
    return StandardisedImage(
        content=encode(square, settings),
        original_size=decoded.size,
        original_mode=decoded.mode,
        perceptual_hash=of_picture,
        inner_hash=of_inside,
        transform={
            **decoded.steps,
            "size": list(size),
            "offset": list(offset),
            "scale": settings.size / max(decoded.size),
            "fill": list(settings.fill),
        },
    )
