"""Near-duplicate images: hashes by brute force, thumbnails of the picture alone, and the rule on copies of real images."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from radtune.config.datasets import LeakageSettings
from radtune.config.images import ImageSettings
from radtune.datasets import near_images
from radtune.datasets.near_images import SIDE, close_hashes, similarity, thumbnail
from radtune.images.standardise import standardise_image

HASHES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 15), max_size=12)


@given(left=HASHES, right=HASHES, maximum=st.integers(0, 64))
def test_close_hashes_are_those_of_brute_force(left: list[int], right: list[int], maximum: int) -> None:
    expected = [
        [i, j, (a ^ b).bit_count()] for i, a in enumerate(left) for j, b in enumerate(right) if (a ^ b).bit_count() <= maximum
    ]
    assert close_hashes(np.array(left, np.uint64), np.array(right, np.uint64), maximum).tolist() == expected


def test_hashes_are_compared_alike_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = np.random.default_rng(1).integers(0, 64, 200, dtype=np.uint64)
    whole = close_hashes(hashes, hashes, 2)
    monkeypatch.setattr(near_images, "PAIRS_AT_ONCE", 700)
    assert np.array_equal(close_hashes(hashes, hashes, 2), whole)


def encoded(image: Image.Image, quality: int = 95) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def fingerprint(content: bytes, settings: ImageSettings | None = None) -> tuple[int, np.ndarray]:
    """Hash and thumbnail of an image file once it is standardised."""
    settings = settings or ImageSettings()
    image = standardise_image(content, settings)
    return image.perceptual_hash, thumbnail(image.content, image.transform)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_a_thumbnail_shows_the_picture_without_its_padding(format: str) -> None:
    picture = Image.new("L", (400, 100), 40)
    picture.paste(220, (200, 0, 400, 100))
    _, found = fingerprint(encoded(picture), ImageSettings(format=format))  # type: ignore[arg-type]
    assert found.shape == (SIDE, SIDE)
    assert np.abs(found[:, : SIDE // 2 - 1].astype(int) - 40).max() <= 3
    assert np.abs(found[:, SIDE // 2 + 1 :].astype(int) - 220).max() <= 3


def test_similarity_ignores_brightness_and_contrast_and_gives_nothing_for_one_colour() -> None:
    noise = np.random.default_rng(2).integers(0, 100, (1, SIDE, SIDE), dtype=np.uint8)
    other = np.random.default_rng(3).integers(0, 100, (1, SIDE, SIDE), dtype=np.uint8)
    flat = np.full_like(noise, 7)
    pairs = [(noise, noise), (noise, 2 * noise + 30), (noise, 255 - noise), (noise, other), (noise, flat), (flat, flat)]
    thumbnails = np.concatenate([side for pair in pairs for side in pair])
    found = similarity(thumbnails, np.arange(2 * len(pairs)).reshape(-1, 2))
    same, brighter, inverted, different, against_flat, both_flat = found.tolist()
    assert (same, brighter, inverted, against_flat, both_flat) == (1, 1, -1, 0, 0)
    assert abs(different) < 0.2
    assert similarity(thumbnails, np.empty((0, 2), np.int64)).tolist() == []


def arrow(image: Image.Image) -> Image.Image:
    drawn = image.copy()
    pen, (width, height) = ImageDraw.Draw(drawn), image.size
    pen.line((0.3 * width, 0.3 * height, 0.45 * width, 0.42 * height), fill=(255, 255, 0), width=max(2, width // 80))
    pen.text((0.1 * width, 0.1 * height), "A", fill=(255, 255, 255))
    return drawn


def darker(image: Image.Image) -> Image.Image:
    return image.point([round(255 * (value / 255) ** 1.4) for value in range(256)] * 3)


COPIES: dict[str, tuple[Callable[[Image.Image], bytes], float]] = {
    "encoded at quality 20": (lambda image: encoded(image, 20), 1.0),
    "half the size": (lambda image: encoded(image.resize((image.width // 2, image.height // 2))), 1.0),
    "one and a half the size": (lambda image: encoded(image.resize((image.width * 3 // 2, image.height * 3 // 2))), 1.0),
    "more contrast": (lambda image: encoded(ImageEnhance.Contrast(image).enhance(1.4)), 0.95),
    "darker": (lambda image: encoded(darker(image)), 0.95),
    "arrow and letter": (lambda image: encoded(arrow(image)), 0.85),
}
"""What is done to a copy, and the least share of copies that the rule must find."""

NOT_FOUND: dict[str, Callable[[Image.Image], bytes]] = {
    "mirrored": lambda image: encoded(ImageOps.mirror(image)),
    "turned": lambda image: encoded(image.rotate(90, expand=True)),
    "inverted": lambda image: encoded(ImageOps.invert(image)),
}


def matches(first: tuple[int, np.ndarray], second: tuple[int, np.ndarray]) -> bool:
    settings = LeakageSettings()
    if (first[0] ^ second[0]).bit_count() > settings.hash_distance:
        return False
    return bool(similarity(np.stack([first[1], second[1]]), np.array([[0, 1]]))[0] >= settings.pixel_similarity)


def test_the_rule_finds_copies_of_real_images_and_takes_no_others_for_copies(rocov2_mini: Path) -> None:
    paths = sorted(rocov2_mini.glob("*_images/*.jpg"))[::9]
    originals = [fingerprint(path.read_bytes()) for path in paths]
    images = [Image.open(path).convert("RGB") for path in paths]
    for what, (change, least) in COPIES.items():
        copies = [fingerprint(change(image)) for image in images]
        found = [matches(original, copy) for original, copy in zip(originals, copies, strict=True)]
        assert np.mean(found) >= least, what
        others = [matches(original, copy) for original, copy in combinations(originals + copies, 2)]
        assert sum(others) == sum(found), f"{what}: an image was taken for a copy of another"
    for what, change in NOT_FOUND.items():
        assert not any(
            matches(original, fingerprint(change(image))) for original, image in zip(originals, images, strict=True)
        ), f"{what} copies are found now: say so in docs/leakage.md"
