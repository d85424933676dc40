"""Make the embedded sample: real images from pip packages, with captions that say only what is true of them, in ROCOv2's layout."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from radtune.artifacts.digests import canonical_json, file_digest
from radtune.artifacts.io import write
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.sample_sources import SAMPLE_SOURCES
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import SampleSettings
from radtune.datasets import catalogue, dicom, volumes
from radtune.datasets import concept_names as cui
from radtune.datasets.catalogue import Box, Detail, DicomSource, Package, VolumeSource
from radtune.datasets.left_out import survey
from radtune.datasets.mr_weighting import weighting
from radtune.datasets.sample_captions import Facts, Modality, compose
from radtune.datasets.splits import SHARES, cut_slabs, split_studies
from radtune.errors import DataError
from radtune.progress import progress
from radtune.weights.fetch import fetch, prove

CAPTION_LICENCE = "Apache-2.0"
"""Captions are composed by radtune and carry its licence."""

MODALITY_CUIS: dict[Modality, str] = {
    "CT": cui.CT,
    "MRI": cui.MRI,
    "Radiograph": cui.RADIOGRAPH,
    "Ultrasound": cui.ULTRASOUND,
    "Scintigraphy": cui.SCINTIGRAPHY,
}
DICOM_MODALITIES: dict[str, Modality] = {
    "CT": "CT",
    "MR": "MRI",
    "CR": "Radiograph",
    "US": "Ultrasound",
    "NM": "Scintigraphy",
}
PLANE_CUIS = {"axial": cui.AXIAL, "coronal": cui.CORONAL, "sagittal": cui.SAGITTAL}
VIEWS = {"PA": ("posteroanterior", cui.POSTERO_ANTERIOR), "AP": ("anteroposterior", cui.ANTERO_POSTERIOR)}
"""View Position (PS3.3 C.8.1.2): how a caption says it, and its concept."""

OBLIQUE_LIMIT_DEGREES = 30.0
"""A plane tilted by more than this belongs to no anatomical plane and is only called oblique."""


@dataclass(frozen=True)
class Picture:
    """One image of the sample with everything that is known about it."""

    key: str
    """Says where it comes from; unique, and the same in every run."""
    package: Package
    source_file: str
    frame: int
    group: str
    facts: Facts
    concepts: tuple[str, ...]
    manual_concepts: tuple[str, ...]
    transform: dict[str, Any]
    image: Image.Image
    split: str | None = None
    """Already decided for slabs of a volume, else by study."""


def make_sample(
    folder: Path, sources: Path, quarantine: Path, *, settings: SampleSettings, seed: int, weights_cache: Path
) -> None:
    """Make the sample in ``folder`` (replaced as a whole) and write ``sample_sources`` and ``quarantine``.

    The packages of :mod:`radtune.datasets.catalogue` are fetched into ``weights_cache``; each file used is checked against its
    SHA-256. Two runs with equal settings and seed write the same bytes.
    Raises :class:`WeightsError` if a package cannot be had or a file is not the expected one, :class:`DataError` if it cannot be read.
    """
    roots = {package: fetch(package.source, weights_cache) for package in catalogue.PACKAGES}
    rejected = _left_out(roots, settings)
    used: dict[str, Path] = {}
    pictures: list[Picture] = []
    for source in progress([*catalogue.DICOM_SOURCES, *catalogue.VOLUME_SOURCES], "reading sources", unit="file"):
        member = _member(source)
        path = roots[source.package] / member
        prove(path, source.sha256, f"{source.package.source}/{member}")
        used[f"{source.package.name}/{member}"] = path
        if isinstance(source, DicomSource):
            pictures += _dicom_pictures(source, path, settings)
        else:
            kept, dropped = _volume_pictures(source, path, settings, seed)
            pictures += kept
            rejected += dropped
    pictures, dropped = _presentable(pictures, settings)
    rejected += dropped
    items = _numbered(_assigned(pictures, seed))

    digests = _write_folder(folder, items, seed)
    origin = provenance(__name__, settings, seed, inputs=dict(used), products=digests)
    rows_in, reasons = len(items) + len(rejected), dict(sorted(Counter(row["reason"] for row in rejected).items()))
    write(quarantine, QUARANTINE, rejected, origin)
    write(sources, SAMPLE_SOURCES, [_source_row(item_id, picture) for item_id, picture in items], origin, rows_in, reasons)


def _member(source: DicomSource | VolumeSource) -> str:
    """Path of a source's file in its wheel."""
    return f"{catalogue.DICOM_FOLDERS[source.package]}/{source.file}" if isinstance(source, DicomSource) else source.file


def _rejection(item_id: str, reason: str, detail: str) -> dict[str, str]:
    return {"item_id": item_id, "step": __name__, "reason": reason, "detail": detail}


def _left_out(roots: dict[Package, Path], settings: SampleSettings) -> list[dict[str, str]]:
    """Quarantine rows of files that are not used: of the DICOM folders all, of the other packages those looked at."""
    rows = []
    for package, folder in catalogue.DICOM_FOLDERS.items():
        used = {source.file for source in catalogue.DICOM_SOURCES}
        for name, reason, detail in survey(roots[package] / folder, used, catalogue.LEFT_OUT, settings.minimum_side):
            rows.append(_rejection(f"{package.name}/{folder}/{name}", reason, detail))
    for name, (reason, detail) in catalogue.LEFT_OUT.items():
        if any((roots[package] / name).is_file() for package in catalogue.PACKAGES):
            rows.append(_rejection(name, reason, detail))
    return rows


def _dicom_pictures(source: DicomSource, path: Path, settings: SampleSettings) -> Iterator[Picture]:
    """Every image of one DICOM file: frames, windows, details."""
    dataset = dicom.read_header_and_pixels(path)
    count = int(dataset.get("NumberOfFrames") or 1)
    step = {"first": count, "all": 1, "cine": settings.cine_frame_step}[source.frames]
    for frame in range(0, count, step):
        values = dicom.read_frame(dataset, frame)
        facts = _dicom_facts(source, dataset, frame, count)
        for name in source.windows or ("",):
            pixels, transform = _eight_bits(values, dataset, name)
            pixels, geometry = _as_displayed(pixels, dataset, source)
            transform |= geometry
            for detail in (None, *source.details):
                if detail is not None and detail.windows and name not in detail.windows:
                    continue
                for inverted in (False, True) if source.inverted_too else (False,):
                    yield _dicom_picture(source, pixels, transform, facts, frame, name, detail, inverted)


def _dicom_picture(
    source: DicomSource,
    pixels: NDArray[np.uint8],
    transform: dict[str, Any],
    facts: Facts,
    frame: int,
    window: str,
    detail: Detail | None,
    inverted: bool,
) -> Picture:
    """One image: the whole picture or a ``detail`` of it."""
    parts = [source.study, f"frame {frame}", window, detail.name if detail else "", "inverted" if inverted else ""]
    box = detail.box if detail else catalogue.WHOLE
    facts = replace(facts, window=window, detail=detail.name if detail else "")
    if inverted:
        facts, pixels = replace(facts, display="dark on light"), 255 - pixels
    modality = MODALITY_CUIS[facts.modality]
    plane = PLANE_CUIS.get(facts.plane)
    region = () if facts.modality != "Radiograph" else source.cuis[:1]
    projection = tuple(concept for view, concept in VIEWS.values() if view == facts.view)
    concepts = (modality, plane, *source.cuis, *(detail.cuis if detail else ()), *projection)
    return Picture(
        key=" | ".join(part for part in parts if part),
        package=source.package,
        source_file=_member(source),
        frame=frame,
        group=source.study,
        facts=facts,
        concepts=_unique(concepts),
        manual_concepts=(modality, *region, *projection),
        transform=transform | {"inverted": inverted, "box": list(box)},
        image=_crop(Image.fromarray(pixels), box),
    )


def _eight_bits(values: NDArray[Any], dataset: Dataset, name: str) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Modality values or RGB as 8 bits a channel, with the window ``name`` or the header's own; and what was done."""
    if values.ndim == 3:
        return values, {"colour": str(dataset.PhotometricInterpretation)}
    if name:
        centre, width = catalogue.WINDOWS[name]
        return dicom.window(values, centre, width), {"window_centre": centre, "window_width": width, "window_from": name}
    pixels, transform = dicom.default_window(values, dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        return 255 - pixels, transform | {"monochrome1": True}
    return pixels, transform


def _as_displayed(pixels: NDArray[np.uint8], dataset: Dataset, source: DicomSource) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Cropped to the image proper, turned to the radiological convention, with square pixels; and what was done."""
    transform: dict[str, Any] = {}
    height, width = pixels.shape[:2]
    if source.crop is not None:
        if source.crop == "ultrasound region":
            left, top, right, bottom = dicom.ultrasound_region(dataset)
        else:
            left, top, right, bottom = _pixels(source.crop, width, height)
        pixels = pixels[top:bottom, left:right]
        transform["crop"] = [left, top, right, bottom]
    flip_rows, flip_columns = dicom.flips(dataset)
    if flip_rows:
        pixels = pixels[::-1]
    if flip_columns:
        pixels = pixels[:, ::-1]
    transform |= {"flip_rows": flip_rows, "flip_columns": flip_columns}
    vertical, horizontal = (int(value) for value in dataset.get("PixelAspectRatio") or (1, 1))
    if vertical != horizontal:
        stretched = round(pixels.shape[0] * vertical / horizontal)
        picture = Image.fromarray(np.ascontiguousarray(pixels)).resize((pixels.shape[1], stretched), Image.Resampling.BICUBIC)
        pixels = np.asarray(picture)
        transform["pixel_aspect"] = [vertical, horizontal]
    return np.ascontiguousarray(pixels), transform


def _pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """A box of fractions in pixels."""
    left, top, right, bottom = box
    return round(left * width), round(top * height), round(right * width), round(bottom * height)


def _crop(image: Image.Image, box: Box) -> Image.Image:
    return image if box == catalogue.WHOLE else image.crop(_pixels(box, image.width, image.height))


def _dicom_facts(source: DicomSource, dataset: Dataset, frame: int, count: int) -> Facts:
    """What the header and the catalogue say about one frame."""
    modality = DICOM_MODALITIES[dataset.Modality]
    technique, contrast, plane = source.technique, "", ""
    notes: list[str] = []
    if modality in ("CT", "MRI"):
        plane, tilt = dicom.plane(dataset) or ("", 0.0)
        if plane and tilt > dicom.OBLIQUE_DEGREES:
            gantry = abs(float(dataset.get("GantryDetectorTilt") or 0.0))
            if modality == "CT" and gantry > dicom.OBLIQUE_DEGREES:
                notes.append(f"The gantry is tilted by {gantry:.0f} degrees.")
            else:
                plane = "oblique" if tilt > OBLIQUE_LIMIT_DEGREES else f"oblique {plane}"
        if dataset.get("ContrastBolusAgent"):
            contrast = "contrast-enhanced"
        if plane == "axial" and source.sides_known:
            notes.append("The patient's right is on the left of the image.")
        if dataset.get("SliceThickness"):
            notes.append(f"Slice thickness {float(dataset.SliceThickness):g} mm.")
    if modality == "MRI":
        sequences, variants = (_texts(dataset.get(name)) for name in ("ScanningSequence", "SequenceVariant"))
        technique = weighting(sequences, variants, float(dataset.RepetitionTime), float(dataset.EchoTime)) or ""
        if sequences == ["SE"]:
            technique = f"{technique} spin-echo".strip()
        if sequences == ["GR"]:
            technique = f"{technique} gradient-echo".strip()
    view = VIEWS[dataset.ViewPosition][0] if modality == "Radiograph" else ""
    time = f"{frame * float(dataset.FrameTime) / 1000:.1f} s into the cine loop" if source.frames == "cine" else ""
    level = f"slice {frame + 1} of {count}" if source.frames == "all" else ""
    return Facts(
        modality, source.subject, technique=technique, plane=plane, level=level, contrast=contrast, view=view, frame=time,
        notes=tuple(notes),
    )  # fmt: skip


def _texts(value: Any) -> list[str]:
    """A DICOM value that may be absent, one text or several, as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(part) for part in value]


def _volume_pictures(
    source: VolumeSource, path: Path, settings: SampleSettings, seed: int
) -> tuple[list[Picture], list[dict[str, str]]]:
    """Slices of one volume, and quarantine rows of those that are not taken."""
    volume = volumes.read_volume(path)
    pictures: list[Picture] = []
    rejected: list[dict[str, str]] = []
    for plane in source.planes:
        count = volume.values.shape[volumes.NORMAL_AXIS[plane]]
        if source.template:
            places = volumes.slice_indices(volume, plane, settings.slice_spacing_mm)
        else:
            places = [(index, float(index)) for index in range(count)]
        chosen: list[tuple[int, float]] = []
        for index, place in places:
            key = f"{source.study} | {plane} | {index}"
            if source.template and plane == "sagittal" and place < 0:
                rejected.append(_rejection(key, "mirror_image", "the template is symmetric: its left half mirrors the right"))
            elif volumes.tissue_share(volume, plane, index) < settings.minimum_tissue:
                rejected.append(
                    _rejection(key, "little_tissue", f"less than {settings.minimum_tissue:.0%} of the slice is tissue")
                )
            else:
                chosen.append((index, place))
        splits: Sequence[str | None] = [None] * len(chosen)
        if source.template:
            splits = cut_slabs([place for _, place in chosen], settings.slab_gap_mm, f"{seed} {source.study} {plane}")
        for (index, place), split in zip(chosen, splits, strict=True):
            key = f"{source.study} | {plane} | {index}"
            if source.template and split is None:
                rejected.append(_rejection(key, "slab_gap", "lies in the gap between the slabs of two splits"))
                continue
            tilted = volume.tilt > dicom.OBLIQUE_DEGREES and not _sheared(source)
            facts = Facts(
                "MRI",
                source.subject,
                technique=source.technique,
                plane=f"oblique {plane}" if tilted else plane,
                level=_level(plane, place) if source.template else f"slice {index + 1} of {count} counted from below",
                notes=source.notes,
            )
            pictures.append(
                Picture(
                    key=key,
                    package=source.package,
                    source_file=source.file,
                    frame=index,
                    group=f"{source.study}-{plane}-{split}" if source.template else source.study,
                    facts=facts,
                    concepts=_unique((cui.MRI, PLANE_CUIS[plane], *source.cuis)),
                    manual_concepts=(cui.MRI,),
                    transform={"plane": plane, "low": volume.low, "high": volume.high},
                    image=Image.fromarray(volumes.cut(volume, plane, index)),
                    split=split,
                )
            )
    return pictures, rejected


def _sheared(source: VolumeSource) -> bool:
    """Whether the header's slice direction is known to be wrong, so that no tilt can be told from it."""
    return source.study == "mr-diffusion-b0"


def _level(plane: str, place: float) -> str:
    """Place of a slice in MNI coordinates as a phrase. The origin lies at the anterior commissure, to within a few millimetres
    (Brett et al., Nature Reviews Neuroscience 3, 243, 2002), hence ``about``."""
    if plane == "sagittal":
        return "in the midline" if place == 0 else f"{place:g} mm to the right of the midline"
    if place == 0:
        return "at the level of the anterior commissure"
    side = {"axial": ("above", "below"), "coronal": ("in front of", "behind")}[plane][place < 0]
    return f"about {abs(place):g} mm {side} the anterior commissure"


def _unique(cuis: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(concept for concept in cuis if concept))


def _presentable(pictures: list[Picture], settings: SampleSettings) -> tuple[list[Picture], list[dict[str, str]]]:
    """Pictures large enough and unlike any other, none larger than wanted; and quarantine rows of the rest."""
    kept: list[Picture] = []
    rejected: list[dict[str, str]] = []
    seen: dict[tuple[tuple[int, int], bytes], str] = {}
    for picture in pictures:
        image = picture.image
        content = (image.size, image.tobytes())
        if min(image.size) < settings.minimum_side:
            detail = f"{image.width} by {image.height} pixels, at least {settings.minimum_side} are wanted"
            rejected.append(_rejection(picture.key, "too_small", detail))
        elif content in seen:
            rejected.append(_rejection(picture.key, "same_picture", f"the same pixels as {seen[content]}"))
        else:
            seen[content] = picture.key
            limit = settings.maximum_side
            if max(image.size) > limit:
                image = image.copy()
                image.thumbnail((limit, limit), Image.Resampling.LANCZOS)
            kept.append(replace(picture, image=image, transform=picture.transform | {"size": list(image.size)}))
    return kept, rejected


def _assigned(pictures: list[Picture], seed: int) -> list[Picture]:
    """Pictures with their split: slabs keep theirs, studies are divided."""
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


def _source_row(item_id: str, picture: Picture) -> dict[str, Any]:
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


def _write_folder(folder: Path, items: list[tuple[str, Picture]], seed: int) -> dict[str, Path]:
    """Write the folder beside its place and move it there when it is whole; return its tables by name."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        sources = _write_images(temporary, items)
        _write_tables(temporary, items, sources, seed)
        if folder.exists():
            old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
            folder.rename(old)
            temporary.rename(folder)
            shutil.rmtree(old)
        else:
            temporary.rename(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error}", "free disk space or correct the permissions") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return {f"{folder.name}/{path.name}": path for path in sorted(folder.glob("*.csv"))}


def _write_images(folder: Path, items: list[tuple[str, Picture]]) -> list[dict[str, str]]:
    """Write each image as PNG; return the rows of ``sources.csv``."""
    rows = []
    for split in SHARES:
        (folder / f"{split}_images").mkdir()
    for item_id, picture in progress(items, "writing images", unit="image"):
        path = folder / f"{picture.split}_images" / f"{item_id}.png"
        picture.image.save(path, optimize=False, compress_level=6)
        rows.append(
            {
                "ID": item_id,
                "split": str(picture.split),
                "source_dataset": f"{picture.package.name} {picture.package.version}",
                "original_id": f"{picture.source_file} | {picture.key}",
                "image_licence": picture.package.licence,
                "caption_licence": CAPTION_LICENCE,
                "link": picture.package.link,
                "group": picture.group,
                "sha256": file_digest(path),
            }
        )
    return rows


def _write_tables(folder: Path, items: list[tuple[str, Picture]], sources: list[dict[str, str]], seed: int) -> None:
    """Write the CSV files of the layout."""
    for split in SHARES:
        own = [(item_id, picture) for item_id, picture in items if picture.split == split]
        captions = ({"ID": item_id, "Caption": compose(picture.facts, picture.key, seed)} for item_id, picture in own)
        _write_csv(folder / f"{split}_captions.csv", ["ID", "Caption"], captions)
        for name, attribute in (("concepts", "concepts"), ("concepts_manual", "manual_concepts")):
            rows = ({"ID": item_id, "CUIs": ";".join(getattr(picture, attribute))} for item_id, picture in own)
            _write_csv(folder / f"{split}_{name}.csv", ["ID", "CUIs"], rows)
    mapping = ({"CUI": concept, "Canonical name": name} for concept, name in sorted(cui.NAMES.items()))
    _write_csv(folder / "cui_mapping.csv", ["CUI", "Canonical name"], mapping)
    licences = (
        {
            "ID": item_id,
            "PMCID": "",
            "Attribution": f"{picture.package.licence} [{picture.package.name} {picture.package.version}, {picture.source_file}]",
            "Link": picture.package.link,
        }
        for item_id, picture in items
    )
    _write_csv(folder / "license_information.csv", ["ID", "PMCID", "Attribution", "Link"], licences)
    _write_csv(folder / "sources.csv", list(sources[0]), sources)


def _write_csv(path: Path, columns: list[str], rows: Iterable[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
