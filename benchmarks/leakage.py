"""Leakage at the size of ROCOv2: 80,000 images and captions made from real ones; and what the rule for images finds."""

from __future__ import annotations

import csv
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from benchmarks.captioner import REAL_DATA, ROOT, SEED
from benchmarks.measure import Counted, NotMeasured, run_for_memory
from radtune.artifacts.io import ArtifactWriter, read_footer, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import LeakageSettings
from radtune.config.images import ImageSettings
from radtune.datasets.near_images import close_hashes, near_duplicates, thumbnail
from radtune.images.standardise import standardise_image

ITEMS = 80_000
SPLITS = (("train", 60_000), ("valid", 10_000), ("test", 10_000))
"""About ROCOv2's."""
MOST_BITS = 32
"""Most bits in which a made hash differs from the real one that it comes from: about one pair in 5,000 is then as close as the
rule asks, a little more than among different real images."""
SIDE = 128
"""Side of the made images in pixels; what images of the default size cost to decode is measured on real ones."""


def benchmarks() -> Iterator[Counted | NotMeasured]:
    """Time and memory of the whole step, then recall and precision of the rule for images."""
    folder = REAL_DATA / "rocov2-mini"
    if not folder.is_dir():
        yield NotMeasured(f"leakage of {ITEMS:,} images and captions", f"{folder} is absent")
        return
    with tempfile.TemporaryDirectory() as name:
        make_release(folder, Path(name))
        yield Counted(f"leakage of {ITEMS:,} images and captions", measure(Path(name)))
    yield Counted("thumbnails of images of the default size", f"{thumbnails_a_second(folder):.0f} a second")
    originals = {path: path.read_bytes() for path in sorted(folder.glob("*_images/*.jpg"))}
    for what, found in recall(originals):
        yield Counted(f"copies of {len(originals)} real images found: {what}", found)


def make_release(real: Path, folder: Path) -> None:
    """Write ``captions.parquet`` and ``images.parquet`` of ITEMS items below ``folder``.

    A hash is a real one with random bits turned. An image is a part of a real one. A caption is the halves of two real ones.
    """
    draw = random.Random(SEED)
    settings, record = ImageSettings(size=SIDE), provenance("radtune.datasets.leakage", LeakageSettings(), SEED, inputs={})
    real_rows = [
        standardise_image(_encoded(_part(Image.open(path).convert("RGB"), draw)), settings).row("", settings)
        for path in sorted(real.glob("*_images/*.jpg"))
        for _ in range(4)
    ]
    hashes = [(row["perceptual_hash"], row["inner_hash"]) for row in real_rows[::4]]
    texts = [
        row["Caption"] for path in sorted(real.glob("*_captions.csv")) for row in csv.DictReader(path.open(encoding="utf-8"))
    ]
    halves = [(text.split()[: len(text.split()) // 2], text.split()[len(text.split()) // 2 :]) for text in texts]
    splits = [split for split, count in SPLITS for _ in range(count)]
    captions = [
        {
            **dict.fromkeys(CAPTIONS.schema.names, ""),
            "item_id": f"item_{index:05d}",
            "dataset": "ROCOv2",
            "split": split,
            "caption": " ".join(draw.choice(halves)[0] + draw.choice(halves)[1]),
            "concepts": [],
            "manual_concepts": [],
            "group_id": f"PMC{draw.randrange(ITEMS // 2)}",
            "restricted": False,
        }
        for index, split in enumerate(splits)
    ]
    write(folder / "captions.parquet", CAPTIONS, captions, record)
    with ArtifactWriter(folder / "images.parquet", IMAGES, record) as writer:
        for row in captions:
            turned = sum(1 << bit for bit in draw.sample(range(64), draw.randrange(MOST_BITS + 1)))
            picture, inside = draw.choice(hashes)
            made = {"item_id": row["item_id"], "perceptual_hash": picture ^ turned, "inner_hash": inside ^ turned}
            writer.write_rows([draw.choice(real_rows) | made])


def _part(image: Image.Image, draw: random.Random) -> Image.Image:
    """Half of the image in each direction, from anywhere."""
    x, y = draw.randrange(image.width // 2), draw.randrange(image.height // 2)
    return image.crop((x, y, x + image.width // 2, y + image.height // 2))


def measure(folder: Path) -> str:
    """Seconds and peak memory of the command, in a process of its own, on what :func:`make_release` wrote."""
    output = folder / "leakage.parquet"
    command = [sys.executable, "-m", "radtune", "datasets", "leakage", "--settings", "{}", "--seed", str(SEED)]
    command += ["--captions", str(folder / "captions.parquet"), "--images", str(folder / "images.parquet")]
    _, seconds, gigabytes = run_for_memory([*command, "--output", str(output)], ROOT)
    footer = read_footer(output)
    return (
        f"{seconds:.0f} s, {gigabytes:.2f} GB at most; "
        f"close by hash: {footer['dropped']['pixels_differ']:,} refuted, {footer['rows_out']:,} rows"
    )


def thumbnails_a_second(real: Path) -> float:
    """How many standardised images are decoded and shrunk in a second."""
    settings = ImageSettings()
    images = [standardise_image(path.read_bytes(), settings) for path in sorted(real.glob("*_images/*.jpg"))[:200]]
    start = time.perf_counter()
    for image in images:
        thumbnail(image.content, image.transform)
    return len(images) / (time.perf_counter() - start)


def _encoded(image: Image.Image, quality: int = 95) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _resized(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)))


def _bordered(image: Image.Image, share: float, colour: tuple[int, int, int]) -> Image.Image:
    return ImageOps.expand(image, round(share * max(image.size)), colour)


def _cropped(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    return image.crop((int(width * share), int(height * share), int(width * (1 - share)), int(height * (1 - share))))


def _with_arrow(image: Image.Image) -> Image.Image:
    drawn = image.copy()
    pen, (width, height) = ImageDraw.Draw(drawn), image.size
    pen.line((0.3 * width, 0.3 * height, 0.45 * width, 0.42 * height), fill=(255, 255, 0), width=max(2, width // 80))
    pen.text((0.1 * width, 0.1 * height), "A", fill=(255, 255, 255))
    return drawn


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG quality 20": lambda image: _encoded(image, 20),
    "half the size": lambda image: _encoded(_resized(image, 0.5)),
    "1.5 times the size": lambda image: _encoded(_resized(image, 1.5)),
    "contrast x 1.4": lambda image: _encoded(ImageEnhance.Contrast(image).enhance(1.4)),
    "gamma 0.7": lambda image: _encoded(image.point([round(255 * (value / 255) ** 0.7) for value in range(256)] * 3)),
    "arrow and letter": lambda image: _encoded(_with_arrow(image)),
    "1 % cut off each side": lambda image: _encoded(_cropped(image, 0.01)),
    "2 % cut off each side": lambda image: _encoded(_cropped(image, 0.02)),
    "5 % cut off each side": lambda image: _encoded(_cropped(image, 0.05)),
    "7 % cut off each side": lambda image: _encoded(_cropped(image, 0.07)),
    "10 % cut off each side": lambda image: _encoded(_cropped(image, 0.1)),
    "8 % cut off the left": lambda image: _encoded(image.crop((round(0.08 * image.width), 0, image.width, image.height))),
    "white border of 6 %": lambda image: _encoded(_bordered(image, 0.06, (255, 255, 255))),
    "black border of 6 %": lambda image: _encoded(_bordered(image, 0.06, (0, 0, 0))),
    "black border of 10 %": lambda image: _encoded(_bordered(image, 0.1, (0, 0, 0))),
    "turned by 3 degrees": lambda image: _encoded(image.rotate(3, Image.Resampling.BICUBIC)),
    "turned by 90 degrees": lambda image: _encoded(image.rotate(90, expand=True)),
    "mirrored": lambda image: _encoded(ImageOps.mirror(image)),
    "inverted": lambda image: _encoded(ImageOps.invert(image)),
}


def recall(originals: dict[Path, bytes]) -> Iterator[tuple[str, str]]:
    """Of each kind of copy, how many the rule finds; and how many different images it takes for copies of each other."""
    settings, standard = LeakageSettings(), ImageSettings()

    def fingerprints(contents: list[bytes]) -> tuple[Any, Any]:
        images = [standardise_image(content, standard) for content in contents]
        thumbnails = [thumbnail(image.content, json.loads(json.dumps(image.transform))) for image in images]
        return np.array([(image.perceptual_hash, image.inner_hash) for image in images], np.uint64), np.stack(thumbnails)

    hashes, pictures = fingerprints(list(originals.values()))
    opened = [Image.open(io.BytesIO(content)).convert("RGB") for content in originals.values()]
    for what, change in COPIES.items():
        copy_hashes, copies = fingerprints([change(image) for image in opened])
        close = close_hashes(hashes, copy_hashes, settings.hash_distance)
        pairs = close[:, :2] + np.array([0, len(pictures)])
        both = np.concatenate([pictures, copies])
        alike, _ = near_duplicates(both, pairs, settings.pixel_similarity, settings.aligned_similarity)
        own = close[:, 0] == close[:, 1]
        yield what, f"{np.sum(alike & own)} of {len(opened)} (by hash alone {np.sum(own)}), wrong: {np.sum(alike & ~own)}"
