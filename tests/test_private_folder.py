"""A folder that belongs to this user alone, or an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from radtune.errors import RadtuneError
from radtune.private_folder import private_folder


def test_nobody_else_can_enter(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "scratch", "images")
    assert folder.is_dir()
    assert folder.parent == tmp_path / f"scratch/radtune-{os.getuid()}"
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert private_folder(tmp_path / "scratch", "images") == folder


def test_a_link_that_another_user_may_have_put_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"radtune-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RadtuneError, match="not a folder of this user's"):
        private_folder(tmp_path, "images")


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        private_folder(tmp_path / "file", "images")
