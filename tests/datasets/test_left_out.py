from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from radtune.datasets.left_out import survey

FILES = ("CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "SC_rgb_small_odd.dcm", "rtplan.dcm", "examples_jpeg2k.dcm")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(str(get_testdata_file(name)), tmp_path / name)
    (tmp_path / "README").write_text("no image")
    return tmp_path


def test_every_image_that_is_not_used_has_one_reason(folder: Path) -> None:
    reviewed = {"MR_small.dcm": ("anatomy_unknown", "looked at")}
    found = {path.name: (reason, detail) for path, reason, detail in survey([folder], {folder / "CT_small.dcm"}, reviewed, 64)}
    assert found == {
        "MR_small.dcm": ("anatomy_unknown", "looked at"),
        "MR_small_RLE.dcm": ("same_picture", "another encoding, size or crop of MR_small.dcm"),
        "SC_rgb_small_odd.dcm": ("not_a_radiology_image", "modality OT: test pattern, segmentation or dose grid"),
        "examples_jpeg2k.dcm": ("not_reviewed", "nobody has looked at it yet"),
    }


def test_the_same_study_in_another_folder_is_the_same_picture(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.move(folder / "MR_small_RLE.dcm", other / "MR_small_RLE.dcm")
    found = {path.name: reason for path, reason, _ in survey([other], {other / "MR_small_RLE.dcm"}, {}, 64)}
    assert found == {}
    found = {path.name: reason for path, reason, _ in survey([folder], {other / "MR_small_RLE.dcm"}, {}, 100)}
    assert found["MR_small.dcm"] == "same_picture"


def test_small_images_are_told_by_their_shorter_side(folder: Path) -> None:
    found = {path.name: (reason, detail) for path, reason, detail in survey([folder], set(), {}, 128)}
    assert found["MR_small.dcm"] == ("too_small", "shorter side 64 pixels, at least 128 are wanted")
    assert found["CT_small.dcm"][0] == "not_reviewed"
