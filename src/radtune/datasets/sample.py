"""Make the embedded sample: real images from pip packages, with captions that say only what is true of them."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from radtune.artifacts.digests import canonical_json
from radtune.artifacts.io import write
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.sample_sources import SAMPLE_SOURCES
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import SampleSettings
from radtune.datasets.catalogue import (
    DICOM_FOLDERS,
    DICOM_SOURCES,
    LEFT_OUT,
    PACKAGES,
    VOLUME_SOURCES,
    DicomSource,
    Package,
    VolumeSource,
)
from radtune.datasets.dicom_pictures import dicom_pictures
from radtune.datasets.left_out import survey
from radtune.datasets.picture import Picture, Rejected
from radtune.datasets.sample_folder import write_folder
from radtune.datasets.splits import SHARES, split_studies
from radtune.datasets.volume_pictures import volume_pictures
from radtune.progress import progress
from radtune.weights.fetch import fetch, prove


def make_sample(
    folder: Path, sources: Path, quarantine: Path, *, settings: SampleSettings, seed: int, weights_cache: Path
) -> None:
    """Make the sample in ``folder`` (replaced as a whole) and write ``sample_sources`` and ``quarantine``.

    The packages of :mod:`radtune.datasets.catalogue` are fetched into ``weights_cache``; each file used is checked against its
    SHA-256. Two runs with equal settings and seed write the same bytes.
    Raises :class:`WeightsError` if a package cannot be had or a file is not the expected one, and :class:`DataError` if a
    file cannot be read or the folder cannot be written.
    """
    roots = {package: fetch(package.source, weights_cache) for package in PACKAGES}
    with warnings.catch_warnings():
        # Many of these files break the standard on purpose; pydicom reads them and says so at length.
        warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")
        rejected = _left_out(roots, settings)
        pictures, not_taken, used = _read_catalogue(roots, settings, seed)
    rejected += not_taken
    pictures, not_shown = _presentable(pictures, settings)
    rejected += not_shown
    items = _numbered(_assigned(pictures, seed))

    tables = write_folder(folder, items, seed)
    origin = provenance(__name__, settings, seed, inputs=used, products=tables)
    reasons = Counter(reason for _key, reason, _detail in rejected)
    rows_in = len(items) + len(rejected)
    write(
        quarantine,
        QUARANTINE,
        [{"item_id": key, "step": __name__, "reason": reason, "detail": detail} for key, reason, detail in rejected],
        origin,
    )
    rows = [_row(*item) for item in items]
    write(sources, SAMPLE_SOURCES, rows, origin, rows_in, dict(sorted(reasons.items())), quarantine)


def _read_catalogue(
    roots: dict[Package, Path], settings: SampleSettings, seed: int
) -> tuple[list[Picture], list[Rejected], dict[str, Path | list[Path]]]:
    """Every picture of the catalogue's files, the slices that are not taken, and the files by package and path."""
    pictures: list[Picture] = []
    rejected: list[Rejected] = []
    used: dict[str, Path | list[Path]] = {}
    catalogue: tuple[DicomSource | VolumeSource, ...] = (*DICOM_SOURCES, *VOLUME_SOURCES)
    for source in progress(catalogue, "reading sources", unit="file"):
        path = roots[source.package] / source.member
        prove(path, source.sha256, f"{source.package.source}/{source.member}")
        used[f"{source.package.name}/{source.member}"] = path
        if isinstance(source, DicomSource):
            pictures += dicom_pictures(source, path, settings)
        else:
            slices, not_taken = volume_pictures(source, path, settings, seed)
            pictures += slices
            rejected += not_taken
    return pictures, rejected, used


def _left_out(roots: dict[Package, Path], settings: SampleSettings) -> list[Rejected]:
    """Files that are not used: of the DICOM folders every image, of the other packages those that were looked at."""
    folders = [roots[package] / folder for package, folder in DICOM_FOLDERS.items()]
    used = {roots[source.package] / source.member for source in DICOM_SOURCES}
    names = {root: f"{package.name}=={package.version}" for package, root in roots.items()}
    rejected: list[Rejected] = []
    for path, reason, detail in survey(folders, used, LEFT_OUT, settings.minimum_side):
        root = next(root for root in names if path.is_relative_to(root))
        rejected.append((f"{names[root]}/{path.relative_to(root).as_posix()}", reason, detail))
    for member, (reason, detail) in LEFT_OUT.items():
        rejected += [(f"{name}/{member}", reason, detail) for root, name in names.items() if (root / member).is_file()]
    return rejected


def _presentable(pictures: list[Picture], settings: SampleSettings) -> tuple[list[Picture], list[Rejected]]:
    """Pictures large enough and unlike any other, none larger than wanted; and quarantine rows of the rest."""
    kept: list[Picture] = []
    rejected: list[Rejected] = []
    seen: dict[tuple[tuple[int, int], bytes], str] = {}
    for picture in pictures:
        image = picture.image
        content = (image.size, image.tobytes())
        if min(image.size) < settings.minimum_side:
            detail = f"{image.width} by {image.height} pixels, at least {settings.minimum_side} are wanted"
            rejected.append((picture.key, "too_small", detail))
        elif content in seen:
            rejected.append((picture.key, "same_picture", f"the same pixels as {seen[content]}"))
        else:
            seen[content] = picture.key
            limit = settings.maximum_side
            if max(image.size) > limit:
                image = image.copy()
                image.thumbnail((limit, limit), Image.Resampling.LANCZOS)
            kept.append(replace(picture, image=image, transform=picture.transform | {"size": list(image.size)}))
    return kept, rejected


def _assigned(pictures: list[Picture], seed: int) -> list[Picture]:
    """Pictures with their split: those that have one keep it, the studies of the others are divided."""
    studies = [picture for picture in pictures if picture.split is None]
    sizes = Counter(picture.group for picture in studies)
    splits = split_studies(sizes, {picture.group: picture.facts.modality for picture in studies}, seed)
    return [replace(picture, split=picture.split or splits[picture.group]) for picture in pictures]


def _numbered(pictures: list[Picture]) -> list[tuple[str, Picture]]:
    """Pictures with their ID, in ROCOv2's manner, ordered by split and key."""
    by_split = defaultdict(list)
    for picture in sorted(pictures, key=lambda picture: picture.key):
        by_split[picture.split].append(picture)
    return [
        (f"sample_{split}_{number:06d}", picture) for split in SHARES for number, picture in enumerate(by_split[split], start=1)
    ]


def _row(item_id: str, picture: Picture) -> dict[str, Any]:
    """The row of ``sample_sources`` of one picture."""
    return {
        "item_id": item_id,
        "package": f"{picture.package.name}=={picture.package.version}",
        "source_file": picture.source_file,
        "frame": picture.frame,
        "transform": canonical_json(picture.transform),
        "facts": canonical_json(picture.facts.known()),
        "group_id": picture.group,
        "split": picture.split,
    }
