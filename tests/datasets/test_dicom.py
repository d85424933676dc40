"""DICOM reading, on real files of the wheels and on small data sets written here with pydicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from radtune.datasets import dicom
from radtune.datasets.catalogue import PYDICOM_DATA
from radtune.errors import DataError
from radtune.weights.fetch import fetch


@pytest.fixture(scope="module")
def files(weights_cache: Path) -> Path:
    return fetch(PYDICOM_DATA.source, weights_cache) / "data_store/data"


def written(pixels: np.ndarray[Any, Any], **elements: Any) -> Dataset:
    """A data set with 16-bit grey pixels and the given elements."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.PixelData = pixels.astype("<i2").tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


def test_rescale_gives_hounsfield_units() -> None:
    dataset = dcmread(get_testdata_file("CT_small.dcm"))
    values = dicom.read_frame(dataset)
    assert np.array_equal(values, dataset.pixel_array.astype(float) - 1024)
    assert 100 < np.median(values[20:60, 45:80]) < 600  # the vertebral body


def test_window_maps_its_ends_to_black_and_white() -> None:
    values = np.array([[-100.0, -0.5, 39.5, 79.5, 200.0]])
    assert dicom.window(values, 40, 80).tolist() == [[0, 0, 128, 255, 255]]


def test_default_window_is_the_headers_first_else_percentiles() -> None:
    pixels = np.arange(10_000).reshape(100, 100)
    shown, how = dicom.default_window(pixels, written(pixels, WindowCenter=[500, 1], WindowWidth=[100, 2]))
    assert (how["window_centre"], how["window_width"], how["window_from"]) == (500, 100, "header")
    assert shown[0, 0] == 0
    assert shown[-1, -1] == 255
    _, how = dicom.default_window(pixels, written(pixels))
    assert how["window_from"] == "percentiles"
    assert how["window_centre"] == pytest.approx(4999.5)


def test_voi_lut_sequence_is_applied(files: Path) -> None:
    dataset = dcmread(files / "vlut_04.dcm")
    shown, how = dicom.default_window(dicom.read_frame(dataset), dataset)
    assert how == {"voi_lut": 0}
    assert shown.min() < 10
    assert shown.max() > 245


def test_palette_becomes_rgb_of_eight_bits(files: Path) -> None:
    shown = dicom.read_frame(dcmread(files / "gdcm-US-ALOKA-16.dcm"))
    assert (shown.shape, shown.dtype) == ((480, 640, 3), np.uint8)
    assert shown.max() > 200


def test_ybr_of_a_cine_is_converted(files: Path) -> None:
    dataset = dcmread(files / "color3d_jpeg_baseline.dcm")
    first, last = dicom.read_frame(dataset, 0), dicom.read_frame(dataset, 119)
    assert np.median(first) <= 1  # the chroma of black would be 128
    assert not np.array_equal(first, last)


def test_supplemental_palette_colours_the_map_and_blackens_what_is_below(files: Path) -> None:
    dataset = dcmread(files / "eCT_Supplemental.dcm")
    shown = dicom.read_frame(dataset, 0)
    stored = dataset.pixel_array[0]
    assert not shown[stored < 1024].any()
    blue = shown[stored == 1024 + 20].astype(int)
    assert len({tuple(colour) for colour in blue}) == 1
    assert blue[0].any()


@pytest.mark.parametrize(
    ("cosines", "expected_plane", "expected_flips"),
    [
        ([1, 0, 0, 0, 1, 0], "axial", (False, False)),
        ([1, 0, 0, 0, -1, 0], "axial", (True, False)),
        ([-1, 0, 0, 0, 1, 0], "axial", (False, True)),
        ([1, 0, 0, 0, 0, -1], "coronal", (False, False)),
        ([1, 0, 0, 0, 0, 1], "coronal", (True, False)),
        ([0, 1, 0, 0, 0, -1], "sagittal", (False, False)),
        ([0, -1, 0, 0, 0, 1], "sagittal", (True, True)),
    ],
)
def test_plane_and_flips(cosines: list[float], expected_plane: str, expected_flips: tuple[bool, bool]) -> None:
    dataset = written(np.zeros((4, 4)), ImageOrientationPatient=cosines)
    assert dicom.plane(dataset) == (expected_plane, 0.0)
    assert dicom.flips(dataset) == expected_flips


def test_tilt_is_the_gantrys() -> None:
    dataset = dcmread(get_testdata_file("J2K_pixelrep_mismatch.dcm"))
    plane, tilt = dicom.plane(dataset) or ("", 0.0)
    assert plane == "axial"
    assert tilt == pytest.approx(abs(float(dataset.GantryDetectorTilt)), abs=0.1)


def test_a_mirrored_radiograph_is_turned_by_its_patient_orientation(files: Path) -> None:
    assert dicom.flips(dcmread(files / "RG3_UNCR.dcm", stop_before_pixels=True)) == (False, True)
    assert dicom.flips(dcmread(files / "RG1_UNCR.dcm", stop_before_pixels=True)) == (False, False)


def test_without_orientation_nothing_is_claimed_or_turned(files: Path) -> None:
    dataset = dcmread(files / "US1_UNCR.dcm", stop_before_pixels=True)
    assert dicom.plane(dataset) is None
    assert dicom.flips(dataset) == (False, False)


def test_ultrasound_region_is_read_from_the_header(files: Path) -> None:
    dataset = dcmread(files / "color3d_jpeg_baseline.dcm", stop_before_pixels=True)
    assert dicom.ultrasound_region(dataset) == (84, 31, 596, 415)


def test_what_is_no_dicom_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "text.dcm"
    path.write_text("not DICOM")
    with pytest.raises(DataError, match="not a readable DICOM file"):
        dicom.read_header_and_pixels(path)
