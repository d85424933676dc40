import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from radtune.images.perceptual_hash import hashes, inner_hash, perceptual_hash

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def distance(one: Pixels, other: Pixels) -> int:
    return (perceptual_hash(one) ^ perceptual_hash(other)).bit_count()


def real_pictures(rocov2_mini: Path, count: int) -> list[Pixels]:
    return [np.asarray(Image.open(path).convert("RGB")) for path in sorted(rocov2_mini.rglob("*.jpg"))[:count]]


def test_bits_are_the_signs_of_the_lowest_frequencies_about_their_median() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (32, 32), np.uint8)
    block = dctn(picture.astype(np.float64), norm="ortho")[1:9, 1:9].ravel()  # SciPy's DCT, not ours
    expected = "".join("1" if value > np.median(block) else "0" for value in block)
    assert f"{perceptual_hash(picture):064b}" == expected


def test_a_flat_picture_has_the_hash_0() -> None:
    assert {perceptual_hash(np.full((40, 30, 3), value, np.uint8)) for value in (0, 77, 255)} == {0}


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (3, 5, 3), (700, 2, 3)])
def test_pictures_of_any_shape_have_a_hash(shape: tuple[int, ...]) -> None:
    assert 0 <= perceptual_hash(np.random.default_rng(1).integers(0, 256, shape, np.uint8)) < 2**64


def test_the_inner_hash_is_that_of_the_picture_without_a_sixteenth_on_each_side() -> None:
    picture = np.random.default_rng(4).integers(0, 256, (64, 160, 3), np.uint8)
    assert inner_hash(picture) == perceptual_hash(picture[4:60, 10:150])
    assert inner_hash(picture[:1, :1]) == perceptual_hash(picture[:1, :1])


def test_a_large_picture_is_hashed_at_a_quarter_of_its_size() -> None:
    blocks = np.random.default_rng(5).integers(0, 256, (32, 40), np.uint8)
    picture = np.kron(blocks, np.ones((4, 4), np.uint8))
    assert hashes(picture) == (perceptual_hash(blocks), inner_hash(blocks))
    assert hashes(np.pad(picture, ((1, 1), (0, 1)))) == hashes(picture), "up to three pixels more are left out at the edges"
    assert hashes(picture[:127]) == (perceptual_hash(picture[:127]), inner_hash(picture[:127])), "a quarter would be too small"


def test_a_quarter_of_the_size_gives_nearly_the_hashes_of_the_whole(rocov2_mini: Path) -> None:
    for picture in real_pictures(rocov2_mini, 60):
        found = zip(hashes(picture), (perceptual_hash(picture), inner_hash(picture)), strict=True)
        assert max((one ^ other).bit_count() for one, other in found) <= 6


def test_real_pictures_keep_their_hash_where_they_look_alike(rocov2_mini: Path) -> None:
    pictures = real_pictures(rocov2_mini, 60)
    changed: dict[str, list[int]] = {"smaller": [], "recompressed": [], "darker": [], "grey": []}
    for picture in pictures:
        half = (max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2))
        changed["smaller"].append(distance(picture, cv2.resize(picture, half, interpolation=cv2.INTER_CUBIC)))
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "jpeg", quality=50)
        changed["recompressed"].append(distance(picture, np.asarray(Image.open(file))))
        changed["darker"].append(distance(picture, (picture * 0.8).astype(np.uint8)))
        changed["grey"].append(distance(picture, np.asarray(Image.fromarray(picture).convert("L"))))
    assert {name: max(found) <= 10 for name, found in changed.items()} == dict.fromkeys(changed, True)
    hashes = [perceptual_hash(picture) for picture in pictures]
    between = [(one ^ other).bit_count() for place, one in enumerate(hashes) for other in hashes[:place]]
    assert np.median(between) >= 24
