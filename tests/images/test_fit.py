from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from radtune.images.fit import Pixels, fitted_size, pad, resize

RESAMPLES: tuple[Literal["area", "lanczos", "bicubic"], ...] = ("area", "lanczos", "bicubic")


def noise(width: int, height: int) -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def psnr(one: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio in dB; 99 for equal pictures."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 1_024))
def test_fitting_keeps_the_aspect(width: int, height: int, side: int) -> None:
    new_width, new_height = fitted_size((width, height), side)
    assert max(new_width, new_height) == side
    scale = side / max(width, height)
    assert abs(new_width - width * scale) <= 0.5 or new_width == 1
    assert abs(new_height - height * scale) <= 0.5 or new_height == 1
    assert fitted_size((height, width), side) == (new_height, new_width)


def test_area_is_the_mean_of_the_pixels_that_a_pixel_covers() -> None:
    picture = noise(60, 40)
    means = picture.reshape(10, 4, 15, 4, 3).mean(axis=(1, 3))
    assert np.abs(resize(picture, (15, 10), "area") - means).max() <= 0.5 + 1e-9


def test_area_interpolates_from_four_fifths_on() -> None:
    picture = noise(100, 50)
    assert np.array_equal(resize(picture, (80, 40), "area"), cv2.resize(picture, (80, 40), interpolation=cv2.INTER_CUBIC))
    assert np.array_equal(resize(picture, (79, 40), "area"), cv2.resize(picture, (79, 40), interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("name", ["lanczos", "bicubic"])
def test_the_other_filters_are_pillows(name: Any) -> None:
    picture = noise(64, 48)
    expected = Image.fromarray(picture).resize((20, 15), Image.Resampling[name.upper()])
    assert np.array_equal(resize(picture, (20, 15), name), np.asarray(expected))


@pytest.mark.parametrize("resample", RESAMPLES)
@pytest.mark.parametrize("size", [(1, 1), (64, 1), (1, 512), (700, 3), (64, 48)])
def test_every_size_can_be_made(resample: Any, size: tuple[int, int]) -> None:
    picture = noise(64, 48)
    made = resize(picture, size, resample)
    assert (made.shape, made.dtype) == ((size[1], size[0], 3), np.uint8)
    assert size != (64, 48) or np.array_equal(made, picture)


def test_a_picture_lies_in_the_middle() -> None:
    picture = noise(7, 4)
    square, offset = pad(picture, 8, (9, 80, 200))
    assert offset == (0, 2)
    assert np.array_equal(square[2:6, :7], picture)
    square[2:6, :7] = (9, 80, 200)
    assert (square == (9, 80, 200)).all()


def test_a_grey_picture_takes_the_colour_of_the_padding() -> None:
    square, _ = pad(np.full((2, 4), 7, np.uint8), 4, (1, 2, 3))
    assert square.tolist() == [[[1, 2, 3]] * 4, [[7, 7, 7]] * 4, [[7, 7, 7]] * 4, [[1, 2, 3]] * 4]
    square, _ = pad(np.full((2, 4), 7, np.uint8), 4, (5, 5, 5))
    assert square.tolist() == [[5] * 4, [7] * 4, [7] * 4, [5] * 4]


@pytest.mark.parametrize("resample", RESAMPLES)
def test_a_grey_picture_is_resampled_as_one_of_three_channels(resample: Any) -> None:
    grey = noise(90, 60)[:, :, 0]
    three = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    for size in ((30, 20), (41, 27), (85, 57), (120, 80)):
        one = resize(grey, size, resample)
        assert one.shape == size[::-1]
        # OpenCV rounds halves differently in the two.
        assert np.abs(one[:, :, np.newaxis].astype(int) - resize(three, size, resample)).max() <= 1


def test_area_looks_like_lanczos_on_real_images(rocov2_mini: Path) -> None:
    found = []
    for path in sorted(rocov2_mini.rglob("*.jpg"))[::3]:
        picture = np.asarray(Image.open(path).convert("RGB"))
        size = fitted_size(picture.shape[1::-1], 512)
        found.append(psnr(resize(picture, size, "area"), resize(picture, size, "lanczos")))
    assert np.median(found) >= 44
    assert np.percentile(found, 5) >= 40
