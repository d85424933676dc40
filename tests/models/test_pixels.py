from __future__ import annotations

import pytest
import torch
from PIL import Image
from PIL.Image import Resampling

from radtune.models.pixels import HALF, IMAGENET, normalised


def test_values_and_layout() -> None:
    image = Image.new("RGB", (2, 2), (255, 0, 51))
    image.putpixel((1, 0), (0, 255, 0))  # x 1, y 0
    pixels = normalised([image], 2, Resampling.BICUBIC, HALF)
    assert pixels.shape == (1, 3, 2, 2)
    assert pixels.dtype == torch.float32
    torch.testing.assert_close(pixels[0, :, 0, 0], torch.tensor([1.0, -1.0, -0.6]))
    torch.testing.assert_close(pixels[0, :, 0, 1], torch.tensor([-1.0, 1.0, -1.0]))


def test_imagenet_mean_is_zero() -> None:
    image = Image.new("RGB", (8, 8), (124, 116, 104))  # 255 times the mean, rounded
    assert normalised([image], 8, Resampling.BILINEAR, IMAGENET).abs().max() < 0.02


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_any_mode_and_side(mode: str) -> None:
    images = [Image.new(mode, (10, 10)), Image.new(mode, (6, 6))]
    assert normalised(images, 4, Resampling.LANCZOS, HALF).shape == (2, 3, 4, 4)
