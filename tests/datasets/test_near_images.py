"""Near-duplicate images: hashes by brute force, thumbnails of the picture alone, and the rule on copies of real images."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from radtune.config.datasets import LeakageSettings
from radtune.config.images import ImageSettings
from radtune.datasets import near_images
from radtune.datasets.near_images import SIDE, aligned_similarity, close_hashes, near_duplicates, similarity, thumbnail
from radtune.images.standardise import standardise_image

HASH = st.integers(0, 2**64 - 1) | st.integers(0, 15)
HASHES = st.lists(st.tuples(HASH, HASH), max_size=12)


@given(left=HASHES, right=HASHES, maximum=st.integers(0, 64))
def test_close_hashes_are_those_of_brute_force(left: list[tuple[int, int]], right: list[tuple[int, int]], maximum: int) -> None:
    every = ((i, j, bits_between(a, b)) for i, a in enumerate(left) for j, b in enumerate(right))
    expected = [[i, j, bits] for i, j, bits in every if bits <= maximum]
    one, other = (np.array(side, np.uint64).reshape(-1, 2) for side in (left, right))
    assert close_hashes(one, other, maximum).tolist() == expected


def bits_between(one: tuple[int, int], other: tuple[int, int]) -> int:
    """The inside of one picture is compared with the other picture, not with its inside."""
    return min((a ^ b).bit_count() for a, b in ((one[0], other[0]), (one[0], other[1]), (one[1], other[0])))


def test_hashes_are_compared_alike_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = np.random.default_rng(1).integers(0, 64, (200, 2), dtype=np.uint64)
    whole = close_hashes(hashes, hashes, 2)
    monkeypatch.setattr(near_images, "PAIRS_AT_ONCE", 700)
    assert np.array_equal(close_hashes(hashes, hashes, 2), whole)


def encoded(image: Image.Image, quality: int = 95) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


Fingerprint = tuple[tuple[int, int], np.ndarray]


def fingerprint(content: bytes, settings: ImageSettings | None = None) -> Fingerprint:
    """Hashes and thumbnail of an image file once it is standardised."""
    settings = settings or ImageSettings()
    image = standardise_image(content, settings)
    return (image.perceptual_hash, image.inner_hash), thumbnail(image.content, image.transform)


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


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """The image without a share of it on each side."""
    width, height = image.size
    return image.crop((round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height)))


def framed(image: Image.Image, share: float, colour: str) -> Image.Image:
    return ImageOps.expand(image, round(share * max(image.size)), colour)


def waves(shift: float = 0) -> Image.Image:
    """A smooth picture of blobs, no two alike."""
    noise = np.random.default_rng(4).integers(0, 256, (12, 12), dtype=np.uint8)
    return Image.fromarray(noise).resize((512, 512), Image.Resampling.BICUBIC).rotate(shift, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("copy", [cropped(waves(), 0.05, 0.02, 0.03, 0.06), framed(waves(), 0.05, "black"), waves(3)])
def test_copies_are_alike_once_aligned_whichever_is_the_wider(copy: Image.Image) -> None:
    thumbnails = np.stack([fingerprint(encoded(image))[1] for image in (waves(), copy)])
    pairs = np.array([[0, 1], [1, 0]])
    assert similarity(thumbnails, pairs).max() < 0.9
    assert aligned_similarity(thumbnails, pairs).min() >= 0.97


def test_what_has_nothing_in_common_is_not_aligned() -> None:
    flat, slope = np.full((SIDE, SIDE), 7, np.uint8), np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))
    noise = np.random.default_rng(5).integers(0, 256, (2, SIDE, SIDE), dtype=np.uint8)
    thumbnails = np.stack([flat, slope, *noise])
    assert aligned_similarity(thumbnails, np.array([[0, 0], [0, 1], [1, 2], [2, 3]])).tolist() == [0, 0, 0, 0]
    assert aligned_similarity(thumbnails, np.empty((0, 2), np.int64)).tolist() == []


def test_a_pair_is_alike_as_it_stands_or_else_aligned() -> None:
    other = np.random.default_rng(6).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    thumbnails = np.stack([*(fingerprint(encoded(image))[1] for image in (waves(), waves(3))), other])
    pairs = np.array([[0, 0], [0, 1], [0, 2]])
    aligned = aligned_similarity(thumbnails, pairs)[1]
    near, alike = near_duplicates(thumbnails, pairs, 0.9, 0.96)
    assert near.tolist() == [True, True, False]
    assert alike[:2].tolist() == [1, aligned]
    assert alike[2] < 0.2
    near, alike = near_duplicates(thumbnails, pairs, 0.9, 1.0)
    assert near.tolist() == [True, False, False]
    assert alike[1] < 0.9


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
    "2 % cut off each side": (lambda image: encoded(cropped(image, 0.02, 0.02, 0.02, 0.02)), 0.9),
    "5 % cut off each side": (lambda image: encoded(cropped(image, 0.05, 0.05, 0.05, 0.05)), 0.95),
    "black border": (lambda image: encoded(framed(image, 0.06, "black")), 0.95),
    "white border": (lambda image: encoded(framed(image, 0.06, "white")), 0.8),
    "turned by 3 degrees": (lambda image: encoded(image.rotate(3, Image.Resampling.BICUBIC)), 0.7),
}
"""What is done to a copy, and the least share of copies that the rule must find."""

NOT_FOUND: dict[str, Callable[[Image.Image], bytes]] = {
    "mirrored": lambda image: encoded(ImageOps.mirror(image)),
    "turned by 90 degrees": lambda image: encoded(image.rotate(90, expand=True)),
    "inverted": lambda image: encoded(ImageOps.invert(image)),
}


def matches(left: list[Fingerprint], right: list[Fingerprint]) -> set[tuple[int, int]]:
    """Places of the pairs that the rule takes for copies."""
    settings = LeakageSettings()
    hashes, others = (np.array([one[0] for one in side], np.uint64) for side in (left, right))
    pairs = close_hashes(hashes, others, settings.hash_distance)[:, :2]
    thumbnails = np.stack([one[1] for one in left + right])
    near, _ = near_duplicates(
        thumbnails, pairs + np.array([0, len(left)]), settings.pixel_similarity, settings.aligned_similarity
    )
    return {(i, j) for i, j in pairs[near].tolist()}


def test_the_rule_finds_copies_of_real_images_and_takes_no_others_for_copies(rocov2_mini: Path) -> None:
    paths = sorted(rocov2_mini.glob("*_images/*.jpg"))[::9]
    originals = [fingerprint(path.read_bytes()) for path in paths]
    images = [Image.open(path).convert("RGB") for path in paths]
    for what, (change, least) in COPIES.items():
        copies = [fingerprint(change(image)) for image in images]
        found = matches(originals, copies)
        assert all(i == j for i, j in found), f"{what}: an image was taken for a copy of another"
        assert len(found) >= least * len(originals), what
    for what, change in NOT_FOUND.items():
        copies = [fingerprint(change(image)) for image in images]
        assert not matches(originals, copies), f"{what} copies are found now: say so in docs/leakage.md"


def test_of_many_real_images_only_two_frames_of_one_recording_are_near_duplicates(rocov2_mini: Path) -> None:
    paths = sorted(rocov2_mini.glob("*_images/*.jpg"))
    every = [fingerprint(path.read_bytes()) for path in paths]
    found = {(paths[i].stem, paths[j].stem) for i, j in matches(every, every) if i < j}
    assert found == {("ROCOv2mini_test_000007", "ROCOv2mini_test_000010")}, "one ultrasound clip under two names, cut differently"
    # The pair that comes next: neighbouring slices of one examination.
    slices = np.stack([every[i][1] for i, path in enumerate(paths) if path.stem[-12:] in ("train_000003", "train_000148")])
    assert 0.9 < aligned_similarity(slices, np.array([[0, 1]]))[0] < LeakageSettings().aligned_similarity
