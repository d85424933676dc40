"""Jobs find radtune, the tools and the weights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from radtune.network import OFFLINE_VARIABLES
from radtune.workflow.environment import barred_from_the_network, export_to_jobs

ROOT = Path(__file__).resolve().parents[2]


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


def test_a_job_of_a_cluster_fails_at_once_and_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake as its executor starts it in a SLURM job, without the SLURM, and with an empty cache of weights."""
    for variable in OFFLINE_VARIABLES:
        monkeypatch.delenv(variable)
    shutil.copy(ROOT / "config.yaml", tmp_path)
    configuration = ["--configfile", str(ROOT / "workflow/runs/sample.yaml"), "--config", f"weights_cache={tmp_path / 'empty'}"]
    as_a_job = ["--mode", "remote", "--no-hooks", "--allowed-rules", "make_sample", "--cores", "1", "--directory", str(tmp_path)]
    command = [
        sys.executable,
        "-m",
        "snakemake",
        *configuration,
        *as_a_job,
        "--",
        "results/sample/datasets/sample_sources.parquet",
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    log = (tmp_path / "results/sample/logs/make_sample.log").read_text()
    assert done.returncode == 1
    assert "HF_HUB_OFFLINE forbids the network" in log, done.stdout[-3000:]
    assert "run `radtune prefetch` with the run's configuration" in log
    assert not (tmp_path / "empty").exists()
