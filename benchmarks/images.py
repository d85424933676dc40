"""Standardising images against ``datasets.map`` with Pillow and against the codec alone; memory; reading in shuffled order.

All encode 512 x 512 JPEG files of quality 95 with colour at full resolution. Wall time belongs to the machine and its neighbours;
processor time, of all processes of a piece of work, is counted beside it.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image

from benchmarks import measure
from benchmarks.captioner import REAL_DATA, SEED
from benchmarks.measure import Comparison, Counted, NotMeasured, median
from radtune.artifacts.io import read_batches, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.provenance import provenance
from radtune.config.images import ImageSettings
from radtune.images.fit import fitted_size
from radtune.images.standardise import standardise
from radtune.images.store import ImageStore

IMAGES_TIMED = 2_000
IMAGES_OF_CODEC = 500
MANY_IMAGES = 20_000
PROCESSES = 2
REPEATS = 3
"""Of the long comparison; the others are repeated five times."""
SETTINGS = ImageSettings(shards=PROCESSES)
FEW_PIXELS = ImageSettings(shards=1, size=64)
"""For counting memory with many images in little time: what grows with their number does not know their size."""

MEMORY_PROGRAM = """
import sys
from pathlib import Path
from radtune.config.images import ImageSettings
from radtune.images.standardise import standardise
captions, folder, settings = Path(sys.argv[1]), Path(sys.argv[2]), ImageSettings.parse(sys.argv[3])
standardise([captions], folder / "i.parquet", folder / "q.parquet", shard=0, settings=settings, seed=1)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
"""The peak is that of /proc: the one of getrusage would begin at what this process had when it started the program."""


def benchmarks() -> Iterator[Comparison | Counted | NotMeasured]:
    """Every comparison of this module."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files, origin = _jpeg_files(folder)
        yield from _against_datasets(files, origin, folder)
        yield from _against_codec(files[:IMAGES_OF_CODEC], origin, folder)
        yield from _shuffled_epoch(folder)
        yield _peak_memory(files[:IMAGES_TIMED], SETTINGS.model_copy(update={"shards": 1}), folder)
        smallest = sorted(set(files), key=lambda path: path.stat().st_size)[:50]
        for count in (IMAGES_TIMED, MANY_IMAGES):
            yield _peak_memory(list(islice(cycle(smallest), count)), FEW_PIXELS, folder)


def _jpeg_files(folder: Path) -> tuple[list[Path], str]:
    """``IMAGES_TIMED`` JPEG files: real ones, repeated, or made-up ones of a size between theirs; and which of both."""
    real = sorted(REAL_DATA.rglob("*.jpg")) if REAL_DATA.is_dir() else []
    if real:
        random.Random(SEED).shuffle(real)
        return list(islice(cycle(real), IMAGES_TIMED)), f"{len(real)} real ones, repeated"
    rng = np.random.default_rng(SEED)
    made = [folder / f"made-{number}.jpg" for number in range(100)]
    for path in made:
        small = rng.integers(0, 256, (90, 80), np.uint8)
        Image.fromarray(small).resize((640, 720), Image.Resampling.BICUBIC).convert("RGB").save(path, quality=85)
    return list(islice(cycle(made), IMAGES_TIMED)), "made up"


def _write_captions(files: list[Path], folder: Path) -> Path:
    """A captions artifact with an item for each file."""
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in set(files)}
    empty = {**dict.fromkeys(CAPTIONS.schema.names, ""), "concepts": [], "manual_concepts": [], "restricted": False}
    rows = (
        {**empty, "item_id": f"item-{number:06d}", "image_path": str(path), "image_sha256": digests[path]}
        for number, path in enumerate(files)
    )
    target = folder / "captions.parquet"
    write(target, CAPTIONS, rows, provenance("radtune.images.shards", SETTINGS, SEED, inputs={}))
    return target


def _compare(
    work: str,
    ours: Callable[[], object],
    peer_name: str,
    peer: Callable[[], object],
    samples: int,
    repeats: int = measure.REPEATS,
) -> Iterator[Comparison | Counted]:
    """As :func:`benchmarks.measure.compare`, with the processor time beside the wall time."""
    ours(), peer()
    pairs = [(_times(ours), _times(peer)) for _ in range(repeats)]
    (our_wall, our_processor), (peer_wall, peer_processor) = (
        tuple(zip(*(pair[side] for pair in pairs), strict=True)) for side in (0, 1)
    )
    yield Comparison(work, peer_name, our_wall, peer_wall, samples)
    each = [1e3 * median(seconds) / samples for seconds in (our_processor, peer_processor)]
    ratio = median([peer / ours for ours, peer in zip(our_processor, peer_processor, strict=True)])
    yield Counted(f"{work}: processor time", f"{each[0]:.2f} against {each[1]:.2f} ms an image, ratio {ratio:.2f}")


def _times(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time, and processor time of this process and of those it waits for."""
    start, used = time.perf_counter(), _processor_seconds()
    work()
    return time.perf_counter() - start, _processor_seconds() - used


def _processor_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _shards(folder: Path) -> list[Path]:
    return [folder / f"images-{shard}.parquet" for shard in range(PROCESSES)]


def _standardise_shard(captions: Path, shard: int, settings: ImageSettings) -> None:
    target = _shards(captions.parent)[shard]
    standardise([captions], target, target.with_name(f"q-{shard}.parquet"), shard=shard, settings=settings, seed=SEED)


def _against_datasets(files: list[Path], origin: str, folder: Path) -> Iterator[Comparison | Counted | NotMeasured]:
    """Two shard processes against ``datasets.map`` in two processes."""
    work = f"standardising {len(files):,} JPEG files ({origin}) into Parquet, {PROCESSES} processes"
    captions = _write_captions(files, folder)

    def by_shards() -> None:
        with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
            pool.starmap(_standardise_shard, [(captions, shard, SETTINGS) for shard in range(PROCESSES)], chunksize=1)
            pool.close()
            pool.join()  # so that the processor time of the children is counted

    try:
        import datasets
    except ImportError:
        by_shards()
        yield NotMeasured(work, "datasets is not installed: pip install .[bench]")
        return
    datasets.disable_progress_bars()
    datasets.disable_caching()
    features = datasets.Features({"item_id": datasets.Value("string"), "image": datasets.Image()})

    def by_map() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            rows = [{"item_id": f"item-{number:06d}", "file": str(path)} for number, path in enumerate(files)]
            table = datasets.Dataset.from_list(rows).map(
                _standardised_by_pillow,
                num_proc=PROCESSES,
                remove_columns=["file"],
                features=features,
                cache_file_name=f"{cache}/mapped.arrow",
            )
            table.to_parquet(f"{cache}/mapped.parquet")

    yield from _compare(work, by_shards, "datasets.map with Pillow's LANCZOS", by_map, len(files), REPEATS)


def _standardised_by_pillow(row: dict[str, str]) -> dict[str, Any]:
    """What most repositories do, for one row."""
    side = SETTINGS.size
    with Image.open(row["file"]) as source:
        image = source.convert("RGB")
    size = fitted_size(image.size, side)
    square = Image.new("RGB", (side, side))
    square.paste(image.resize(size, Image.Resampling.LANCZOS), ((side - size[0]) // 2, (side - size[1]) // 2))
    file = io.BytesIO()
    square.save(file, "jpeg", quality=SETTINGS.quality, subsampling=0)
    return {"item_id": row["item_id"], "image": {"bytes": file.getvalue(), "path": None}}


def _against_codec(files: list[Path], origin: str, folder: Path) -> Iterator[Comparison | Counted]:
    """One shard in this process against decoding its files and encoding its squares, both in RGB, from memory to memory."""
    work = f"standardising {len(files)} JPEG files ({origin}) into Parquet, one process"
    with tempfile.TemporaryDirectory(dir=folder) as name:
        settings = SETTINGS.model_copy(update={"shards": 1})
        captions = _write_captions(files, Path(name))
        _standardise_shard(captions, 0, settings)
        contents = [path.read_bytes() for path in files]
        encoded = (row["bytes"] for batch in read_batches(_shards(Path(name))[0], IMAGES) for row in batch["image"].to_pylist())
        squares = [simplejpeg.decode_jpeg(content, "RGB") for content in encoded]

        def codec() -> None:
            for content, square in zip(contents, squares, strict=True):
                simplejpeg.decode_jpeg(content, "RGB", fastdct=False, fastupsample=False)
                simplejpeg.encode_jpeg(square, settings.quality, "RGB", "444", fastdct=False)

        yield from _compare(
            work, lambda: _standardise_shard(captions, 0, settings), "decoding and encoding alone", codec, len(files)
        )


def _shuffled_epoch(folder: Path) -> Iterator[Comparison | Counted]:
    """Every image once, in random order, as bytes; the peer reads files of its own for each image."""
    store = ImageStore(_shards(folder))
    order = store.item_ids
    random.Random(SEED).shuffle(order)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for item_id in order:
            (Path(name) / item_id).write_bytes(store.bytes(item_id))
        yield from _compare(
            f"shuffled epoch over the shards of {len(order):,} images, bytes",
            lambda: [store.bytes(item_id) for item_id in order],
            "a file for each image",
            lambda: [(Path(name) / item_id).read_bytes() for item_id in order],
            len(order),
        )


def _peak_memory(files: list[Path], settings: ImageSettings, folder: Path) -> Counted:
    """Most memory that a process had while it standardised ``files``."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        captions = _write_captions(files, Path(name))
        command = [sys.executable, "-c", MEMORY_PROGRAM, str(captions), name, settings.canonical()]
        found = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TQDM_DISABLE": "1"})
    kibibytes = int(found.stdout)
    return Counted(f"peak memory of standardising {len(files):,} images at {settings.size} pixels", f"{kibibytes / 1024:.0f} MiB")
