"""Jobs find radtune, the tools and the weights."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from radtune.workflow.environment import export_to_jobs


def test_variables_are_put_before_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/before")
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("RADTUNE_WEIGHTS_CACHE", "old")
    export_to_jobs(Path("/source"), "cache")
    assert os.environ["PYTHONPATH"] == "/source:/before"
    assert os.environ["PATH"] == f"{Path(sys.executable).parent}:/bin"
    assert os.environ["RADTUNE_WEIGHTS_CACHE"] == "cache"
    monkeypatch.delenv("PYTHONPATH")
    export_to_jobs(Path("/source"), "cache")
    assert os.environ["PYTHONPATH"] == "/source"
