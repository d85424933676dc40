"""The DICOM images of the sample's packages that are not used, each with the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

PATIENT_MODALITIES = frozenset({"CR", "CT", "MR", "NM", "US"})
"""Modality codes (PS3.3 C.7.3.1.1.1) of the packages' images of patients; others are test patterns, segmentations, dose grids."""

NOT_DICOM = frozenset({".dump", ".gz", ".icc", ".json", ".py", ".pyc", ".txt"})


def survey(
    folders: Collection[Path], used: Collection[Path], reviewed: Mapping[str, tuple[str, str]], minimum_side: int
) -> Iterator[tuple[Path, str, str]]:
    """Yield path, reason and detail of every DICOM image below ``folders`` that is not in ``used``, ordered by path.

    ``reviewed`` holds reasons that a person gave, by path below the folder. Pictures are compared by study: in these packages all
    images of one study are the same picture in another encoding, size or crop.
    """
    images = {path: dataset for folder in folders for path, dataset in _images(folder)}
    reasons = {folder / name: reason for folder in folders for name, reason in reviewed.items()}
    known = {_study(images[path]): path.name for path in images if path in used or path in reasons}
    for path, dataset in images.items():
        if path in used:
            continue
        side = min(int(dataset.Rows), int(dataset.Columns))
        modality = str(dataset.get("Modality", ""))
        if path in reasons:
            yield path, *reasons[path]
        elif modality not in PATIENT_MODALITIES:
            yield path, "not_a_radiology_image", f"modality {modality or 'not stated'}: test pattern, segmentation or dose grid"
        elif _study(dataset) in known:
            yield path, "same_picture", f"another encoding, size or crop of {known[_study(dataset)]}"
        elif side < minimum_side:
            yield path, "too_small", f"shorter side {side} pixels, at least {minimum_side} are wanted"
        else:
            yield path, "not_reviewed", "nobody has looked at it yet"


def _study(dataset: Dataset) -> str:
    return str(dataset.get("StudyInstanceUID", ""))


def _images(folder: Path) -> Iterator[tuple[Path, Dataset]]:
    """Path and header of each DICOM file below ``folder`` that has an image."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in NOT_DICOM:
            try:
                dataset = dcmread(path, stop_before_pixels=True)
            except InvalidDicomError:
                continue
            if "Rows" in dataset:
                yield path, dataset
