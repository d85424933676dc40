from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from radtune.datasets.volumes import cut, read_volume, slice_indices, tissue_share
from radtune.errors import DataError


def saved(folder: Path, codes: str = "RAS", sides: tuple[float, float, float] = (1, 1, 1)) -> Path:
    """A volume with one bright voxel at the right, front and top, stored with its axes along ``codes``."""
    values = np.zeros((20, 24, 28), dtype=np.float32)
    values[18, 22, 26] = 100
    affine = np.diag([*sides, 1.0])
    affine[:3, 3] = (-10, -12, -14)
    image = nib.Nifti1Image(values, affine)
    path = folder / "volume.nii.gz"
    start, end = nib.orientations.io_orientation(affine), nib.orientations.axcodes2ornt(codes)
    nib.save(image.as_reoriented(nib.orientations.ornt_transform(start, end)), path)
    return path


def bright(volume_path: Path, plane: str, index: int) -> tuple[int, int]:
    """Row and column of the brightest pixel."""
    volume = read_volume(volume_path)
    picture = np.asarray(cut(volume, plane, index), dtype=int)
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    return int(row), int(column)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "LAS", "ASR", "PIR"])
def test_right_is_on_the_left_front_or_head_at_the_top_however_the_file_is_stored(tmp_path: Path, codes: str) -> None:
    path = saved(tmp_path, codes)
    assert bright(path, "axial", 26) == (1, 1)  # front at the top, right on the left
    assert bright(path, "coronal", 22) == (1, 1)  # head at the top, right on the left
    assert bright(path, "sagittal", 18) == (1, 1)  # head at the top, front on the left


def test_shapes_are_height_by_width(tmp_path: Path) -> None:
    volume = read_volume(saved(tmp_path))
    assert [cut(volume, plane, 3).shape for plane in ("axial", "coronal", "sagittal")] == [(24, 20), (28, 20), (28, 24)]


def test_places_are_multiples_of_the_spacing_in_millimetres(tmp_path: Path) -> None:
    volume = read_volume(saved(tmp_path))
    assert slice_indices(volume, "axial", 4.0) == [(2, -12.0), (6, -8.0), (10, -4.0), (14, 0.0), (18, 4.0), (22, 8.0), (26, 12.0)]


def test_pixels_that_are_not_square_are_refused(tmp_path: Path) -> None:
    volume = read_volume(saved(tmp_path, sides=(1, 1, 5)))
    assert cut(volume, "axial", 3).shape == (24, 20)
    with pytest.raises(DataError, match="coronal pixels"):
        cut(volume, "coronal", 3)


def test_tilt_and_tissue(tmp_path: Path) -> None:
    angle = np.radians(9)
    affine = np.eye(4)
    affine[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    values = np.zeros((10, 10, 10), dtype=np.float32)
    values[:5] = 1
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "tilted.nii")
    volume = read_volume(tmp_path / "tilted.nii")
    assert volume.tilt == pytest.approx(9)
    assert tissue_share(volume, "axial", 0) == 0.5
    assert tissue_share(volume, "sagittal", 9) == 0.0


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "volume.nii.gz"
    path.write_bytes(b"no volume")
    with pytest.raises(DataError, match="not a readable NIfTI volume"):
        read_volume(path)
