"""The DICOM images of the sample's packages that are not used, each with the reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

PATIENT_MODALITIES = frozenset({"CR", "CT", "DX", "MG", "MR", "NM", "PT", "US", "XA", "RF"})
"""Modality codes of images of a patient (PS3.3 C.7.3.1.1.1); others here are test patterns, segmentations and dose grids."""


def survey(
    folder: Path, used: Collection[str], reviewed: Mapping[str, tuple[str, str]], minimum_side: int
) -> list[tuple[str, str, str]]:
    """Path below ``folder``, reason and detail of every DICOM file with pixels that is not in ``used``; sorted by path.

    ``reviewed`` are reasons that a person gave. Pictures are compared by study: in these packages all images of a study that
    is used are the same picture in another encoding, size or crop.
    """
    studies: dict[str, str] = {}
    others: dict[str, Dataset] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or path.suffix in {".py", ".pyc", ".json", ".txt", ".icc", ".dump", ".gz"}:
            continue
        try:
            dataset = dcmread(path, stop_before_pixels=True)
        except InvalidDicomError:
            continue  # no DICOM file
        except (OSError, ValueError) as error:
            others[name] = Dataset()
            others[name].ImageComments = str(error)
            continue
        if "Rows" not in dataset:
            continue  # no image
        study = str(dataset.get("StudyInstanceUID", ""))
        if name in used:
            studies[study] = name
        else:
            others[name] = dataset
    return [(name, *_reason(name, dataset, studies, reviewed, minimum_side)) for name, dataset in sorted(others.items())]


def _reason(
    name: str, dataset: Dataset, studies: Mapping[str, str], reviewed: Mapping[str, tuple[str, str]], minimum_side: int
) -> tuple[str, str]:
    if name in reviewed:
        return reviewed[name]
    if "Rows" not in dataset:
        return "unreadable", str(dataset.ImageComments)
    side = min(int(dataset.Rows), int(dataset.Columns))
    if side < minimum_side:
        return "too_small", f"shorter side {side} pixels, at least {minimum_side} are wanted"
    modality = str(dataset.get("Modality", ""))
    if modality not in PATIENT_MODALITIES:
        return "not_a_radiology_image", f"modality {modality or 'not stated'}: test pattern, segmentation or dose grid"
    study = studies.get(str(dataset.get("StudyInstanceUID", "")))
    if study is not None:
        return "same_picture", f"another encoding, size or crop of {study}"
    return "not_taken", "a variant of a picture that was looked at and left out"
