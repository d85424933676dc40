import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from radtune.config.images import ImageSettings
from radtune.images.encode import encode

GREY = np.asarray(Image.effect_noise((64, 64), 50))
COLOURED = np.random.default_rng(5).integers(0, 256, (8, 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("square", [GREY, COLOURED], ids=["grey", "coloured"])
@pytest.mark.parametrize("file_format", ["jpeg", "png", "webp"])
def test_the_same_pixels_give_the_same_bytes_without_metadata(file_format: Any, square: Any) -> None:
    settings = ImageSettings(format=file_format)
    content = encode(square, settings)
    assert content == encode(square.copy(), settings)
    image = opened(content)
    assert (image.format, image.size) == (file_format.upper(), (64, 64))
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "background", "timestamp", "duration"}


@pytest.mark.parametrize("file_format", ["jpeg", "png", "webp"])
def test_a_grey_square_has_the_pixels_that_its_file_of_three_channels_would_have(file_format: Any) -> None:
    settings = ImageSettings(format=file_format)
    one, three = encode(GREY, settings), encode(np.repeat(GREY[:, :, np.newaxis], 3, axis=2), settings)
    assert np.array_equal(np.asarray(opened(one).convert("RGB")), np.asarray(opened(three).convert("RGB")))
    assert opened(one).mode == ("RGB" if file_format == "webp" else "L")


def test_colour_is_stored_at_full_resolution() -> None:
    image = opened(encode(COLOURED, ImageSettings(quality=100)))
    assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
    assert np.abs(np.asarray(image).astype(int) - COLOURED).max() <= 3


def test_png_loses_nothing_at_any_level() -> None:
    contents = [encode(COLOURED, ImageSettings(format="png", png_level=level)) for level in (0, 1, 9)]
    assert all(np.array_equal(np.asarray(opened(content)), COLOURED) for content in contents)
    assert len(contents[0]) > len(contents[1]) >= len(contents[2])


def test_quality_counts() -> None:
    assert len(encode(GREY, ImageSettings(quality=50))) < len(encode(GREY, ImageSettings(quality=95)))
