"""The sample's images from DICOM files: frames, display windows and details, each with the facts its caption states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from radtune.config.datasets import SampleSettings
from radtune.datasets import catalogue, dicom
from radtune.datasets import concept_names as cui
from radtune.datasets.catalogue import Box, Detail, DicomSource
from radtune.datasets.mr_weighting import weighting
from radtune.datasets.picture import MODALITY_CUIS, PLANE_CUIS, Picture, unique
from radtune.datasets.sample_captions import Facts, Modality

DICOM_MODALITIES: dict[str, Modality] = {
    "CT": "CT",
    "MR": "MRI",
    "CR": "Radiograph",
    "US": "Ultrasound",
    "NM": "Scintigraphy",
}
VIEWS = {"PA": ("posteroanterior", cui.POSTERO_ANTERIOR), "AP": ("anteroposterior", cui.ANTERO_POSTERIOR)}
"""View Position (PS3.3 C.8.1.2): how a caption says it, and its concept."""

OBLIQUE_LIMIT_DEGREES = 30.0
"""A plane tilted by more than this belongs to no anatomical plane and is only called oblique."""


def dicom_pictures(source: DicomSource, path: Path, settings: SampleSettings) -> Iterator[Picture]:
    """Every image of one DICOM file: frames, windows, details."""
    dataset = dicom.read_header_and_pixels(path)
    count = int(dataset.get("NumberOfFrames") or 1)
    step = {"first": count, "all": 1, "cine": settings.cine_frame_step}[source.frames]
    for frame in range(0, count, step):
        values = dicom.read_frame(dataset, frame)
        facts = _dicom_facts(source, dataset, frame)
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
    plane = PLANE_CUIS.get(facts.plane.removeprefix("oblique "))
    region = () if facts.modality != "Radiograph" else source.cuis[:1]
    projection = tuple(concept for view, concept in VIEWS.values() if view == facts.view)
    concepts = (modality, plane, *source.cuis, *(detail.cuis if detail else ()), *projection)
    return Picture(
        key=" | ".join(part for part in parts if part),
        package=source.package,
        source_file=source.member,
        frame=frame,
        group=source.study,
        facts=facts,
        concepts=unique(concepts),
        manual_concepts=(modality, *region, *projection),
        transform=transform | {"inverted": inverted, "box": list(box)},
        image=_crop(Image.fromarray(pixels), box),
        split="train" if source.only_of_its_kind else None,
    )


def _eight_bits(values: NDArray[Any], dataset: Dataset, name: str) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Modality values or RGB as 8 bits a channel, with the window ``name`` or the header's own; and what was done."""
    if name and values.ndim == 2:
        centre, width = catalogue.WINDOWS[name]
        return dicom.window(values, centre, width), {"window_centre": centre, "window_width": width, "window_from": name}
    return dicom.eight_bits(values, dataset)


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
    pixels, geometry = dicom.turned_and_square(pixels, dataset)
    return pixels, transform | geometry


def _pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """A box of fractions in pixels."""
    left, top, right, bottom = box
    return round(left * width), round(top * height), round(right * width), round(bottom * height)


def _crop(image: Image.Image, box: Box) -> Image.Image:
    return image if box == catalogue.WHOLE else image.crop(_pixels(box, image.width, image.height))


def _dicom_facts(source: DicomSource, dataset: Dataset, frame: int) -> Facts:
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
        sequences, variants, options = (
            _texts(dataset.get(name)) for name in ("ScanningSequence", "SequenceVariant", "ScanOptions")
        )
        technique = weighting(sequences, variants, float(dataset.RepetitionTime), float(dataset.EchoTime)) or ""
        if "FS" in options:
            technique = f"fat-suppressed {technique}".strip()
        if sequences == ["SE"]:
            technique = f"{technique} spin-echo".strip()
        if sequences == ["GR"]:
            technique = f"{technique} gradient-echo".strip()
    view = VIEWS[dataset.ViewPosition][0] if modality == "Radiograph" else ""
    time = f"{frame * float(dataset.FrameTime) / 1000:.1f} s into the cine loop" if source.frames == "cine" else ""
    return Facts(
        modality, source.subject, technique=technique, plane=plane, contrast=contrast, view=view, frame=time,
        display=source.display,        notes=tuple(notes),
    )  # fmt: skip


def _texts(value: Any) -> list[str]:
    """A DICOM value that may be absent, one text or several, as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(part) for part in value]
