"""Encoders that map images and texts into one space, and the rescaled cosine that image–caption metrics take there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from PIL import Image

from radtune.artifacts.digests import file_digest
from radtune.errors import DataError, UnavailableError, WeightsError
from radtune.metrics.contract import Images, Resources
from radtune.progress import progress
from radtune.weights.fetch import fetch, prove

SCALE: Final = 2.5
"""Factor of CLIPScore (Hessel et al. 2021, section 3), which ImageCLEFmedical's similarity took over."""

CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's training images, by channel."""


class ImageTextEncoder(Protocol):
    """What an image–caption metric needs of a model."""

    def __hash__(self) -> int:
        """By identity: vectors are kept by encoder."""

    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Unit vectors of RGB images, float32, images x width."""

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors of texts, float32, texts x width. Texts that are too long are cut."""


@dataclass(frozen=True, eq=False)
class ClipEncoder:
    """A CLIP in the layout of ``transformers``."""

    tokenizer: Any
    model: Any

    @torch.inference_mode()
    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Unit vectors, images x width."""
        side = self.model.config.vision_config.image_size
        pixels = torch.stack([clip_pixels(image, side) for image in images]).to(self.model.device)
        return unit_vectors(self.model.get_image_features(pixel_values=pixels).pooler_output)

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors, texts x width. Attention looks back only, so that padding at the end changes nothing."""
        limit = self.model.config.text_config.max_position_embeddings
        tokens = self.tokenizer(list(texts), padding=True, truncation=True, max_length=limit, return_tensors="pt")
        return unit_vectors(self.model.get_text_features(**tokens.to(self.model.device)).pooler_output)


def clip_pixels(image: Image.Image, side: int) -> torch.Tensor:
    """``image`` as CLIP's own code prepares it: shorter side to ``side`` (bicubic), centre cut out; 3 x side x side, float32.

    Its code converts to RGB last, which spoils palette images; here they come as RGB.
    """
    shorter = min(image.size)
    width, height = (side * length // shorter for length in image.size)  # cut off as torchvision does, which its code uses
    left, top = round((width - side) / 2), round((height - side) / 2)
    square = image.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + side, top + side))
    return normalised_pixels(square, CLIP_MEAN, CLIP_STD)


def normalised_pixels(image: Image.Image, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """Pixels of an RGB image in [0, 1], less ``mean`` and over ``std`` by channel; 3 x height x width, float32."""
    pixels = torch.from_numpy(np.asarray(image, dtype=np.float32) / 255)
    return ((pixels - torch.tensor(mean)) / torch.tensor(std)).permute(2, 0, 1)


def fetch_clip(source: str, sha256: str | None, cache: Path) -> tuple[ClipEncoder, dict[str, str]]:
    """The CLIP that ``source`` names, and its weight file's SHA-256 by name.

    Raises :class:`WeightsError` if it cannot be had, is another file than ``sha256`` says, or is no CLIP.
    """
    folder = fetch(source, cache)
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise WeightsError(f"{source}: no model.safetensors in {folder}", "name a revision that has it")
    if sha256 is not None:
        prove(weights, sha256, source)
    return load_clip(folder), {weights.name: file_digest(weights)}


@lru_cache(maxsize=2)  # the arms of a system are scored one after another, by at most two metrics
def load_clip(folder: Path) -> ClipEncoder:
    """Load tokenizer and model in float32. Raises :class:`WeightsError` if ``folder`` holds no CLIP."""
    from transformers import AutoConfig, AutoTokenizer, CLIPModel

    try:
        kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder}: no model that transformers knows: {error}", "name a CLIP's folder") from error
    if kind != "clip":
        raise WeightsError(f"{folder}: a model of type {kind}, not clip", "name a CLIP's folder")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model: Any = CLIPModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return ClipEncoder(tokenizer, model.eval().to(device))


class EncodedImages:
    """Vectors of images by item; each image is encoded once."""

    def __init__(self, encoder: ImageTextEncoder, images: Images) -> None:
        self._encoder, self._images = encoder, images
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
                self._vectors |= dict(zip(readable, self._encoder.encode_images(list(readable.values())), strict=True))
        return {item_id: self._vectors[item_id] for item_id in wanted}

    def _read(self, item_id: str) -> Image.Image | None:
        try:
            return self._images(item_id).convert("RGB")
        except (DataError, OSError):  # not among the images; Pillow cannot read it
            return None


@lru_cache(maxsize=2)  # of as many metrics
def encoded_images(encoder: ImageTextEncoder, images: Images) -> EncodedImages:
    """The images as ``encoder`` sees them, kept from call to call."""
    return EncodedImages(encoder, images)


def given_images(resources: Resources) -> Images:
    """The images to score with. Raises :class:`UnavailableError` if there are none: ask before an encoder is downloaded."""
    if resources.images is None:
        raise UnavailableError("no images were given", "pass them with --images")
    return resources.images


def text_vectors(encoder: ImageTextEncoder, texts: Iterable[str], batch_size: int) -> dict[str, torch.Tensor]:
    """Vector of each distinct text, encoded once. Texts of like length share a batch, which keeps padding short."""
    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    vectors: dict[str, torch.Tensor] = {}
    for start in range(0, len(distinct), batch_size):
        batch = distinct[start : start + batch_size]
        vectors |= dict(zip(batch, encoder.encode_texts(batch), strict=True))
    return vectors


def rescaled_cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    """``2.5 * max(0, cos)`` of two unit vectors, in [0, 2.5]."""
    return SCALE * max(0.0, cosine(first, second))


def cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    """Cosine of two unit vectors; rounding cannot take it beyond 1."""
    return max(-1.0, min(1.0, float(first.double() @ second.double())))


def unit_vectors(features: torch.Tensor) -> torch.Tensor:
    """``features``, vectors x width, each of length 1, on the CPU."""
    return torch.nn.functional.normalize(features, dim=-1).cpu()
