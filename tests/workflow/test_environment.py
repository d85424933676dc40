"""Jobs find radtune, the tools and the weights."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from radtune.network import OFFLINE_VARIABLES
from radtune.workflow.environment import barred_from_the_network, export_to_jobs


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test does to these variables is undone after it."""
    for variable in ("PYTHONPATH", "PATH", "RADTUNE_WEIGHTS_CACHE", "RADTUNE_SCRATCH", *OFFLINE_VARIABLES):
        monkeypatch.setenv(variable, os.environ.get(variable, ""))


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


def test_scratch_is_handed_on_as_it_is_written() -> None:
    export_to_jobs(Path("/source"), "cache", "$TMPDIR/images")
    assert os.environ["RADTUNE_SCRATCH"] == "$TMPDIR/images"
    export_to_jobs(Path("/source"), "cache")
    assert os.environ["RADTUNE_SCRATCH"] == "$TMPDIR/images", "what the user set stays"


def test_jobs_of_a_cluster_do_not_ask_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in OFFLINE_VARIABLES:
        monkeypatch.delenv(variable)
    export_to_jobs(Path("/source"), "cache")
    assert "HF_HUB_OFFLINE" not in os.environ
    assert barred_from_the_network(cluster=False) is None
    assert barred_from_the_network(cluster=True) == "jobs of a cluster do not ask the network (HF_HUB_OFFLINE=0 lets them)"
    export_to_jobs(Path("/source"), "cache", elsewhere=True)
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert barred_from_the_network(cluster=False) == "HF_HUB_OFFLINE forbids the network"


def test_who_knows_better_lets_jobs_ask_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RADTUNE_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    export_to_jobs(Path("/source"), "cache", elsewhere=True)
    assert os.environ["HF_HUB_OFFLINE"] == "0"
    assert barred_from_the_network(cluster=True) is None
