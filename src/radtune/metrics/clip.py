"""CLIP (Radford et al. 2021) as an encoder of images and texts, in the layout of ``transformers``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image

from radtune.artifacts.digests import file_digest
from radtune.errors import WeightsError
from radtune.metrics.image_text import normalised_pixels, unit_vectors
from radtune.weights.checkpoint_folder import check_complete, load_tokenizer, reading
from radtune.weights.fetch import fetch, prove

CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's training images, by channel."""


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
    """Load tokenizer and model in float32. Raises :class:`WeightsError` if ``folder`` holds no CLIP, or not all of one."""
    from transformers import AutoConfig, CLIPModel

    try:
        kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder}: no model that transformers knows: {error}", "name a CLIP's folder") from error
    if kind != "clip":
        raise WeightsError(f"{folder}: a model of type {kind}, not clip", "name a CLIP's folder")
    network: Any = CLIPModel  # the library's types know nothing of the loading info
    with reading(folder):
        tokenizer = load_tokenizer(folder)
        model, found = network.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    check_complete(folder, found["missing_keys"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return ClipEncoder(tokenizer, model.eval().to(device))
