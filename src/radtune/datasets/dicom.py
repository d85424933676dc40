"""Pixels and geometry of DICOM images, as a viewer would show them: pydicom does the reading, here is only what it leaves open.

Overlays are never burned in. Directions are DICOM's patient coordinates (LPS: x to the patient's left, y to the back, z to
the head; PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array

from radtune.errors import DataError

AXES = ("sagittal", "coronal", "axial")
"""Anatomical plane by the patient axis that is its normal: x, y, z."""

OBLIQUE_DEGREES = 5.0
"""A plane tilted by more than this from the nearest anatomical plane is called oblique."""


def read_header_and_pixels(path: Path) -> Dataset:
    """Parse one DICOM file. Raises :class:`DataError` if it is none."""
    try:
        return dcmread(path)
    except (InvalidDicomError, OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable DICOM file: {error}", "delete the package cache and fetch it again") from error


def read_frame(dataset: Dataset, index: int = 0) -> NDArray[Any]:
    """Frame ``index``: (height, width) float64 modality values (Hounsfield units in CT), or (height, width, 3) uint8 RGB.

    Modality LUT or rescale is applied; YBR is converted; palettes are looked up, also the supplemental palette of colour
    maps. Compressed pixels are always decoded by GDCM, so that the bytes do not depend on which decoders are installed.
    """
    compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
    array = pixel_array(dataset, index=index, decoding_plugin="gdcm" if compressed else "")
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        return _eight_bits(apply_color_lut(array, dataset), dataset)
    if array.ndim == 3:
        return array
    if "RedPaletteColorLookupTableData" in dataset:
        return _supplemental_palette(array, dataset)
    return np.asarray(apply_modality_lut(array, dataset), dtype=np.float64)


def _eight_bits(rgb: NDArray[Any], dataset: Dataset) -> NDArray[np.uint8]:
    """Palette colours as 8 bits a channel, from the bits the palette's descriptor states."""
    bits = dataset.RedPaletteColorLookupTableDescriptor[2]
    return np.asarray(rgb >> (bits - 8), dtype=np.uint8)


def _supplemental_palette(stored: NDArray[Any], dataset: Dataset) -> NDArray[np.uint8]:
    """RGB of a MONOCHROME2 frame with a supplemental palette (PS3.3 C.7.6.19), of which only the coloured range is shown.

    Stored values from the palette's first mapped value on are looked up, values beyond its end take the last colour;
    values below (the grey range, in a parametric map the background) become black.
    """
    entries, first, bits = (int(value) for value in dataset.RedPaletteColorLookupTableDescriptor)
    channels = [
        np.frombuffer(dataset[f"{colour}PaletteColorLookupTableData"].value, dtype="<u2" if bits > 8 else "u1")[:entries]
        for colour in ("Red", "Green", "Blue")
    ]
    table = (np.stack(channels, axis=-1) >> (bits - 8)).astype(np.uint8)
    rgb = table[np.clip(stored.astype(np.int64) - first, 0, entries - 1)]
    rgb[stored < first] = 0
    return rgb


def window(values: NDArray[Any], centre: float, width: float) -> NDArray[np.uint8]:
    """Linear VOI window to 8 bits (PS3.3 C.11.2.1.2.1)."""
    scaled = (values - (centre - 0.5)) / (width - 1) + 0.5
    return (np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def default_window(values: NDArray[Any], dataset: Dataset) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """The header's first window or VOI LUT, else the range between the 0.5th and 99.5th percentile; and what was done."""
    if "VOILUTSequence" in dataset:
        looked_up = apply_voi_lut(values.astype(np.int64), dataset, index=0).astype(np.float64)
        bits = dataset.VOILUTSequence[0].LUTDescriptor[2]
        return window(looked_up, 2 ** (bits - 1), 2**bits), {"voi_lut": 0}
    if "WindowCenter" in dataset:
        centre, width = (float(np.atleast_1d(dataset[name].value)[0]) for name in ("WindowCenter", "WindowWidth"))
        return window(values, centre, width), {"window_centre": centre, "window_width": width, "window_from": "header"}
    low, high = (float(value) for value in np.percentile(values, (0.5, 99.5)))
    centre, width = (low + high) / 2, max(high - low, 1.0)
    return window(values, centre, width), {"window_centre": centre, "window_width": width, "window_from": "percentiles"}


def directions(dataset: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Unit vectors of patient space along a row and along a column of the image, or None where the header gives neither.

    Taken from Image Orientation (Patient), of the file or its shared functional groups, or from Patient Orientation.
    """
    source = dataset
    if "ImageOrientationPatient" not in source and "SharedFunctionalGroupsSequence" in source:
        groups = source.SharedFunctionalGroupsSequence[0]
        source = groups.PlaneOrientationSequence[0] if "PlaneOrientationSequence" in groups else dataset
    if "ImageOrientationPatient" in source:
        cosines = np.array([float(value) for value in source.ImageOrientationPatient])
        return cosines[:3], cosines[3:]
    letters = dataset.get("PatientOrientation") or []
    axes = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}
    if len(letters) == 2 and all(str(letter)[:1] in axes for letter in letters):
        row, column = (np.array(axes[str(letter)[0]], dtype=np.float64) for letter in letters)
        return row, column
    return None


def plane(dataset: Dataset) -> tuple[str, float] | None:
    """The nearest anatomical plane and the tilt away from it in degrees, or None where the header has no image orientation."""
    vectors = directions(dataset)
    if vectors is None:
        return None
    normal = np.abs(np.cross(*vectors))
    axis = int(normal.argmax())
    return AXES[axis], float(np.degrees(np.arccos(min(1.0, normal[axis] / np.linalg.norm(normal)))))


def flips(dataset: Dataset) -> tuple[bool, bool]:
    """Whether rows and columns must be reversed for the radiological convention.

    Patient's left at the right edge of the image, or the back at the right edge of a sagittal image; the back at the bottom
    of an axial image, the feet at the bottom of every other.
    """
    vectors = directions(dataset)
    if vectors is None:
        return False, False
    row, column = vectors
    along_row, along_column = int(np.abs(row).argmax()), int(np.abs(column).argmax())
    flip_columns = along_row < 2 and row[along_row] < 0
    flip_rows = column[along_column] > 0 if along_column == 2 else bool(along_column == 1 and column[1] < 0)
    return bool(flip_rows), bool(flip_columns)


def eight_bits(values: NDArray[Any], dataset: Dataset) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """A frame of :func:`read_frame` as 8 bits a channel in the header's own window, MONOCHROME1 inverted; and what was done."""
    if values.ndim == 3:
        return values, {"colour": str(dataset.PhotometricInterpretation)}
    pixels, transform = default_window(values, dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        return 255 - pixels, transform | {"monochrome1": True}
    return pixels, transform


def turned_and_square(pixels: NDArray[np.uint8], dataset: Dataset) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Turned to the radiological convention (:func:`flips`), with square pixels; and what was done."""
    flip_rows, flip_columns = flips(dataset)
    if flip_rows:
        pixels = pixels[::-1]
    if flip_columns:
        pixels = pixels[:, ::-1]
    transform: dict[str, Any] = {"flip_rows": flip_rows, "flip_columns": flip_columns}
    vertical, horizontal = (int(value) for value in dataset.get("PixelAspectRatio") or (1, 1))
    if vertical != horizontal:
        stretched = round(pixels.shape[0] * vertical / horizontal)
        picture = Image.fromarray(np.ascontiguousarray(pixels)).resize((pixels.shape[1], stretched), Image.Resampling.BICUBIC)
        pixels = np.asarray(picture)
        transform["pixel_aspect"] = [vertical, horizontal]
    return np.ascontiguousarray(pixels), transform


def ultrasound_region(dataset: Dataset, number: int = 0) -> tuple[int, int, int, int]:
    """Box of one region of an ultrasound screen (PS3.3 C.8.5.5): left, top, right, bottom in pixels, the last two exclusive."""
    region = dataset.SequenceOfUltrasoundRegions[number]
    return (
        int(region.RegionLocationMinX0),
        int(region.RegionLocationMinY0),
        int(region.RegionLocationMaxX1) + 1,
        int(region.RegionLocationMaxY1) + 1,
    )
