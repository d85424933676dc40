"""What image–caption metrics share: the interface of an encoder, vectors that are computed once, and their rescaled cosine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import torch
from PIL import Image

from radtune.artifacts.code_digest import code_digest
from radtune.artifacts.digests import canonical_json
from radtune.errors import DataError, UnavailableError
from radtune.metrics.contract import Images, Resources, versions
from radtune.metrics.kept_tensors import kept
from radtune.progress import progress

SCALE: Final = 2.5
"""Factor of CLIPScore (Hessel et al. 2021, section 3), which ImageCLEFmedical's similarity took over."""


STORE: Final = "image_vectors"
"""Folder of the weights cache that keeps the images' vectors."""


class ImageTextEncoder(Protocol):
    """What an image–caption metric needs of a model."""

    def __hash__(self) -> int:
        """By identity: vectors are kept by encoder."""

    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Unit vectors of RGB images, float32, images x width."""

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors of texts, float32, texts x width. Texts that are too long are cut."""


def normalised_pixels(image: Image.Image, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """Pixels of an RGB image in [0, 1], less ``mean`` and over ``std`` by channel; 3 x height x width, float32."""
    pixels = torch.from_numpy(np.asarray(image, dtype=np.float32) / 255)
    return ((pixels - torch.tensor(mean)) / torch.tensor(std)).permute(2, 0, 1)


def unit_vectors(features: torch.Tensor) -> torch.Tensor:
    """``features``, vectors x width, each of length 1, on the CPU."""
    return torch.nn.functional.normalize(features, dim=-1).cpu()


class EncodedImages:
    """Vectors of images by item; each image is encoded once, and its vector kept for other systems and later runs.

    Vectors are kept batch by batch, so that what was interrupted goes on. They are found again by the pixels of the batch's
    images, the ``checkpoint`` (SHA-256 of its files) and all else that they depend on to the last bit.
    """

    def __init__(self, encoder: ImageTextEncoder, images: Images, cache: Path, checkpoint: str) -> None:
        self._encoder, self._images, self._cache = encoder, images, cache
        self._conditions = {
            "checkpoint": checkpoint,
            "code": code_digest(type(encoder).__module__),
            "device": "cuda" if torch.cuda.is_available() else "cpu",
            "threads": torch.get_num_threads(),
            "versions": versions("torch", "transformers", "pillow"),
        }
        self._vectors: dict[str, torch.Tensor | None] = {}

    def vectors(self, item_ids: Iterable[str], batch_size: int) -> dict[str, torch.Tensor | None]:
        """Vector of each item's image; None where it is missing or cannot be read."""
        wanted = sorted(set(item_ids))
        new = [item_id for item_id in wanted if item_id not in self._vectors]
        batches = [new[start : start + batch_size] for start in range(0, len(new), batch_size)]
        for batch in progress(batches, "Images", unit="batch") if batches else ():
            self._vectors |= dict.fromkeys(batch)
            readable = {item_id: image for item_id in batch if (image := self._read(item_id))}
            if readable:
                self._vectors |= dict(zip(readable, self._encoded(list(readable.values())), strict=True))
        return {item_id: self._vectors[item_id] for item_id in wanted}

    def _encoded(self, images: list[Image.Image]) -> torch.Tensor:
        content = [[*image.size, hashlib.sha256(image.tobytes()).hexdigest()] for image in images]
        tensors = kept(
            self._cache / STORE, self._conditions, json.dumps(content), lambda: {"vectors": self._encoder.encode_images(images)}
        )
        return tensors["vectors"]

    def _read(self, item_id: str) -> Image.Image | None:
        try:
            return self._images(item_id).convert("RGB")
        except (DataError, OSError):  # not among the images; Pillow cannot read it
            return None


def encoded_images(encoder: ImageTextEncoder, resources: Resources, digests: Mapping[str, str]) -> EncodedImages:
    """The images of ``resources`` as ``encoder`` sees them, whose checkpoint's files have the SHA-256 ``digests``."""
    return _held(encoder, given_images(resources), resources.weights_cache, canonical_json(dict(digests)))


@lru_cache(maxsize=2)  # of as many metrics
def _held(encoder: ImageTextEncoder, images: Images, cache: Path, checkpoint: str) -> EncodedImages:
    return EncodedImages(encoder, images, cache, checkpoint)


def given_images(resources: Resources) -> Images:
    """The images to score with. Raises :class:`UnavailableError` if there are none: ask before an encoder is downloaded."""
    if resources.images is None:
        raise UnavailableError("no images were given", "pass them with --images")
    return resources.images


def text_vectors(encoder: ImageTextEncoder, texts: Iterable[str], batch_size: int) -> dict[str, torch.Tensor]:
    """Vector of each distinct text, encoded once. Texts of like length share a batch, which keeps padding short."""
    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    vectors: dict[str, torch.Tensor] = {}
    batches = [distinct[start : start + batch_size] for start in range(0, len(distinct), batch_size)]
    for batch in progress(batches, "Texts", unit="batch"):
        vectors |= dict(zip(batch, encoder.encode_texts(batch), strict=True))
    return vectors


def rescaled_cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    """``2.5 * max(0, cos)`` of two unit vectors, in [0, 2.5]."""
    return SCALE * max(0.0, cosine(first, second))


def cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    """Cosine of two unit vectors; rounding cannot take it beyond 1."""
    return max(-1.0, min(1.0, float(first.double() @ second.double())))
