"""The sample's images from NIfTI volumes: slices, and the slabs that keep neighbours in one split."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from radtune.config.datasets import SampleSettings
from radtune.datasets import concept_names as cui
from radtune.datasets.catalogue import VolumeSource
from radtune.datasets.dicom import OBLIQUE_DEGREES
from radtune.datasets.picture import PLANE_CUIS, Picture, Rejected, unique
from radtune.datasets.sample_captions import Facts
from radtune.datasets.splits import cut_slabs
from radtune.datasets.volumes import NORMAL_AXIS, Volume, cut, read_volume, slice_indices, tissue_share


def volume_pictures(
    source: VolumeSource, path: Path, settings: SampleSettings, seed: int
) -> tuple[list[Picture], list[Rejected]]:
    """Slices of one volume, and those that are not taken."""
    volume = read_volume(path)
    pictures: list[Picture] = []
    rejected: list[Rejected] = []
    for plane in source.planes:
        slices, not_taken = _slices(source, volume, plane, settings, seed)
        pictures += [_picture(source, volume, plane, *one) for one in slices]
        rejected += not_taken
    return pictures, rejected


def _key(source: VolumeSource, plane: str, index: int) -> str:
    return f"{source.study} | {plane} | {index}"


def _slices(
    source: VolumeSource, volume: Volume, plane: str, settings: SampleSettings, seed: int
) -> tuple[list[tuple[int, float, str | None]], list[Rejected]]:
    """Index, place and split of the slices of one plane that are taken, and the slices that are not.

    The split is None where the whole volume goes to one, like a study.
    """
    if source.template:
        candidates = slice_indices(volume, plane, settings.slice_spacing_mm)
    else:
        candidates = [(index, float(index)) for index in range(volume.values.shape[NORMAL_AXIS[plane]])]
    chosen: list[tuple[int, float]] = []
    rejected: list[Rejected] = []
    for index, place in candidates:
        key = _key(source, plane, index)
        if source.template and plane == "sagittal" and place < 0:
            # Taken, it would put the mirror image of a training slice into the test split.
            rejected.append((key, "mirror_image", "the template is symmetric: its left half mirrors the right"))
        elif tissue_share(volume, plane, index) < settings.minimum_tissue:
            rejected.append((key, "little_tissue", f"less than {settings.minimum_tissue:.0%} of the slice is tissue"))
        else:
            chosen.append((index, place))
    if not source.template:
        return [(index, place, None) for index, place in chosen], rejected
    slices: list[tuple[int, float, str | None]] = []
    splits = cut_slabs([place for _, place in chosen], settings.slab_gap_mm, f"{seed} {source.study} {plane}")
    for (index, place), split in zip(chosen, splits, strict=True):
        if split is None:
            rejected.append((_key(source, plane, index), "slab_gap", "lies in the gap between the slabs of two splits"))
        else:
            slices.append((index, place, split))
    return slices, rejected


def _picture(source: VolumeSource, volume: Volume, plane: str, index: int, place: float, split: str | None) -> Picture:
    """One slice with its facts."""
    tilted = source.slice_direction_known and volume.tilt > OBLIQUE_DEGREES
    count = volume.values.shape[NORMAL_AXIS[plane]]
    return Picture(
        key=_key(source, plane, index),
        package=source.package,
        source_file=source.file,
        frame=index,
        group=f"{source.study}-{plane}-{split}" if split else source.study,
        facts=Facts(
            "MRI",
            source.subject,
            technique=source.technique,
            plane=f"oblique {plane}" if tilted else plane,
            level=_level(plane, place) if source.template else f"slice {index + 1} of {count} counted from below",
            notes=source.notes,
        ),
        concepts=unique((cui.MRI, PLANE_CUIS[plane], *source.cuis)),
        manual_concepts=(cui.MRI,),
        transform={"plane": plane, "low": volume.low, "high": volume.high},
        image=Image.fromarray(cut(volume, plane, index)),
        split=split,
    )


def _level(plane: str, place: float) -> str:
    """Place of a slice in MNI coordinates, in millimetres, as a phrase.

    The origin lies at the anterior commissure to within a few millimetres (Brett et al., Nature Reviews Neuroscience 3, 243,
    2002), hence ``about``.
    """
    if plane == "sagittal":
        return "in the midline" if place == 0 else f"{place:g} mm to the right of the midline"
    if place == 0:
        return "at the level of the anterior commissure"
    side = {"axial": ("above", "below"), "coronal": ("in front of", "behind")}[plane][place < 0]
    return f"about {abs(place):g} mm {side} the anterior commissure"
