"""From images to normalised pixel tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image, Resampling

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Normalisation:
    """How a pretrained vision tower wants its pixels."""

    mean: Triple
    std: Triple


HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""SigLIP and the augmented-regularised ViTs: pixels from -1 to 1."""
CLIP = Normalisation((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
"""OpenAI's CLIP: mean and deviation of its training images."""
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""torchvision's networks: mean and deviation of ImageNet's training images."""


def normalised(images: Sequence[Image], side: int, resampling: Resampling, normalisation: Normalisation) -> Tensor:
    """Pixels of the images at ``side`` × ``side``, (images, 3, side, side), float32.

    A standardised image is already a square; it is resampled only where the model's side is another.
    """
    squares = [
        image.convert("RGB") if image.size == (side, side) else image.convert("RGB").resize((side, side), resampling)
        for image in images
    ]
    pixels = torch.from_numpy(np.stack([np.asarray(square) for square in squares])).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor(normalisation.mean).view(1, 3, 1, 1)
    std = torch.tensor(normalisation.std).view(1, 3, 1, 1)
    return ((pixels - mean) / std).contiguous()
