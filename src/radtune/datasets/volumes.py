"""Slices of NIfTI volumes in the orientation a radiologist expects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import obliquity, voxel_sizes
from numpy.typing import NDArray

from radtune.errors import DataError

NORMAL_AXIS = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Array axis of a canonical (right, anterior, superior) volume along which a plane's slices are stacked."""

MAXIMUM_VOXEL_RATIO = 1.02
"""Pixels whose sides differ by more than this ratio would distort the picture; such planes are refused."""


@dataclass(frozen=True)
class Volume:
    """A scalar volume, axes running to the patient's right, front and head (RAS+)."""

    values: NDArray[np.float64]
    """(x, y, z)."""
    affine: NDArray[np.float64]
    """(4, 4): voxel indices to millimetres."""
    low: float
    """Displayed as black: the 0.5th percentile, or the minimum where that equals the 99.5th."""
    high: float
    """Displayed as white: the 99.5th percentile, or the maximum."""

    @property
    def tilt(self) -> float:
        """Largest angle between a voxel axis and its patient axis, in degrees."""
        return float(np.degrees(obliquity(self.affine)).max())  # type: ignore[no-untyped-call]


def read_volume(path: Path) -> Volume:
    """Read a NIfTI file; of a series of volumes the first. Raises :class:`DataError` if it cannot be read."""
    try:
        image = nib.funcs.as_closest_canonical(nib.load(path))  # type: ignore[no-untyped-call]
        values = np.asarray(image.dataobj, dtype=np.float64)
    except (OSError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise DataError(f"{path}: not a readable NIfTI volume: {error}", "delete the package cache and fetch it again") from error
    values = values[..., 0] if values.ndim == 4 else values
    low, high = (float(value) for value in np.percentile(values, (0.5, 99.5)))
    if low == high:  # nearly all voxels alike
        low, high = float(values.min()), float(max(values.max(), values.min() + 1.0))
    return Volume(values, np.asarray(image.affine, dtype=np.float64), low, high)


def slice_indices(volume: Volume, plane: str, spacing_mm: float) -> list[tuple[int, float]]:
    """Indices of slices whose places are the multiples of ``spacing_mm``, with the place: millimetres along the patient axis.

    Only for volumes that are not oblique, where a slice has one place. Ascending.
    """
    axis = NORMAL_AXIS[plane]
    step, origin = volume.affine[axis, axis], volume.affine[axis, 3]
    count = volume.values.shape[axis]
    first, last = int(np.ceil(origin / spacing_mm)), int(np.floor((origin + step * (count - 1)) / spacing_mm))
    return [(round((k * spacing_mm - origin) / step), k * spacing_mm) for k in range(first, last + 1)]


def cut(volume: Volume, plane: str, index: int) -> NDArray[np.uint8]:
    """One slice as 8 bits, (height, width), in the radiological convention.

    Seen from the patient's feet (axial) or front (coronal): the patient's right is on the left of the image; sagittal: the
    front is on the left. Head, or in axial slices the front, is at the top.
    Raises :class:`DataError` if the slice's pixels are not square.
    """
    axis = NORMAL_AXIS[plane]
    sides = np.delete(voxel_sizes(volume.affine), axis)  # type: ignore[no-untyped-call]
    if sides.max() / sides.min() > MAXIMUM_VOXEL_RATIO:
        raise DataError(f"{plane} pixels of the volume measure {sides[0]:.2f} by {sides[1]:.2f} mm", "take another plane")
    picture = _slice(volume, plane, index)[::-1, ::-1].T
    scaled = np.clip((picture - volume.low) / (volume.high - volume.low), 0.0, 1.0)
    return np.asarray(scaled * 255.0 + 0.5, dtype=np.uint8)


def tissue_share(volume: Volume, plane: str, index: int) -> float:
    """Share of a slice's pixels that are brighter than a tenth of the display range."""
    picture = _slice(volume, plane, index)
    return float((picture > volume.low + 0.1 * (volume.high - volume.low)).mean())


def _slice(volume: Volume, plane: str, index: int) -> NDArray[np.float64]:
    """One slice as a view; ``np.take`` would first copy the whole volume."""
    view: NDArray[np.float64] = np.moveaxis(volume.values, NORMAL_AXIS[plane], 0)[index]
    return view
