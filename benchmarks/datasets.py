"""ROCOv2's 79,789 rows of captions, concepts and licences: read, joined, checked and written, with the images and without."""

from __future__ import annotations

import csv
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.captioner import REAL_DATA
from benchmarks.measure import Counted, NotMeasured
from radtune.artifacts.digests import file_digest
from radtune.config.datasets import SourceSettings
from radtune.datasets.read import read_dataset

ROWS = {"train": 59_958, "valid": 9_904, "test": 9_927}
"""Rows of the public ROCOv2 (Rückert et al. 2024)."""

BUDGET_SECONDS = 20
REPEATS = 3


def benchmarks() -> Iterator[Counted | NotMeasured]:
    """The whole step, and the part of it that takes the checksums of the image files."""
    work = f"{sum(ROWS.values()):,} rows of ROCOv2's tables read, joined, checked and written"
    mini = REAL_DATA / "rocov2-mini"
    if not mini.is_dir():
        yield NotMeasured(work, f"{mini} is absent")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "rocov2"
        _repeat(mini, folder)
        images = sorted(folder.glob("*_images/*"))
        whole, hashing = [], []
        for _ in range(REPEATS):
            whole.append(_seconds_of_reading(folder, Path(name) / "out"))
            start = time.perf_counter()
            for path in images:
                file_digest(path)
            hashing.append(time.perf_counter() - start)
        size = sum(path.stat().st_size for path in images)
    tables = statistics.median(total - part for total, part in zip(whole, hashing, strict=True))
    yield Counted(work, f"{tables:.1f} s without the images' checksums (budget {BUDGET_SECONDS} s)")
    yield Counted(
        f"the same with the checksums of {len(images):,} image files, {size / 1e9:.1f} GB",
        f"{statistics.median(whole):.1f} s, of which {statistics.median(hashing):.1f} s for the checksums",
    )


def _seconds_of_reading(folder: Path, out: Path) -> float:
    paths = [out / f"{name}.parquet" for name in ("captions", "concepts", "questions", "quarantine")]
    start = time.perf_counter()
    read_dataset(folder, *paths, out / "unpacked", name="ROCOv2", settings=SourceSettings(), seed=1)
    return time.perf_counter() - start


def _repeat(mini: Path, folder: Path) -> None:
    """A folder of ROCOv2's size: real captions, CUIs, licences and images (as hard links) in turn, under new IDs."""
    folder.mkdir()
    (folder / "cui_mapping.csv").write_bytes((mini / "cui_mapping.csv").read_bytes())
    licences = {row[0]: row[1:] for row in _table(mini / "license_information.csv")}
    with (folder / "license_information.csv").open("w", newline="") as file:
        licence_rows = csv.writer(file)
        licence_rows.writerow(["ID", *licences.pop("ID")])
        for split, count in ROWS.items():
            header, *originals = _table(mini / f"{split}_captions.csv")
            ids = {f"ROCOv2_2023_{split}_{number:06}": originals[number % len(originals)][0] for number in range(count)}
            captions = dict(originals)
            _write(folder / f"{split}_captions.csv", header, ((new, captions[old]) for new, old in ids.items()))
            for kind in ("concepts", "concepts_manual"):
                header, *rows = _table(mini / f"{split}_{kind}.csv")
                cuis = dict(rows)
                _write(folder / f"{split}_{kind}.csv", header, ((new, cuis.get(old, "")) for new, old in ids.items()))
            licence_rows.writerows([new, *licences[old]] for new, old in ids.items() if old in licences)
            images = folder / f"{split}_images"
            shutil.copytree(mini / images.name, folder / "originals")
            files = {path.stem: path for path in (folder / "originals").rglob("*.*")}
            images.mkdir()
            for new, old in ids.items():
                (images / f"{new}{files[old].suffix}").hardlink_to(files[old])
            shutil.rmtree(folder / "originals")


def _table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _write(path: Path, header: list[str], rows: Iterator[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
