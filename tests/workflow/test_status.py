"""``radtune status`` on a real run: complete, cut short in several ways, and not begun."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from radtune.errors import DataError
from radtune.training.checkpoints import Checkpoints
from radtune.training.progress import Progress
from radtune.workflow.gpu_hours import GpuHours
from radtune.workflow.status import JobStatus, RunStatus, planned_hours, run_status
from workflow.slurm_cluster import wait_for

# The fixture `finished_run` is a Clone (conftest.py), which importlib mode does not let tests import by name.
Clone = Any


@pytest.fixture
def run(finished_run: Clone, tmp_path: Path) -> Path:
    """A copy of the complete run, with what Snakemake noted."""
    for part in ("results", ".snakemake"):
        shutil.copytree(finished_run.folder / part, tmp_path / part)
    return tmp_path / "results/reduced"


def job(status: RunStatus, rule: str) -> JobStatus:
    (found,) = (job for job in status.jobs if job.rule == rule)
    return found


def remove_training(run: Path) -> None:
    for path in (run / "training/visiongpt2").glob("*.*"):
        path.unlink()


def mark_as_begun(run: Path, output: str) -> None:
    """As Snakemake does before a job."""
    marks = run.parents[1] / ".snakemake/incomplete"
    marks.mkdir(exist_ok=True)
    (marks / base64.urlsafe_b64encode(f"results/reduced/{output}".encode()).decode()).write_text('{"external_jobid": null}')


def test_a_complete_run(run: Path) -> None:
    status = run_status(run)
    assert status.states == {"done": len(status.jobs)}
    assert len(status.jobs) > 25
    assert status.gpu_hours == GpuHours()
    training = job(status, "train_visiongpt2").amount
    assert training is not None
    assert (training.done, training.of, training.unit, training.epoch) == (4, 4, "steps", 2.0)
    predictions = [one.amount for one in status.jobs if one.rule == "predict_visiongpt2"]
    assert [(amount.done, amount.of) for amount in predictions if amount] == [(10, 10), (10, 10)]


def test_the_command_needs_no_torch_and_writes_nothing(run: Path) -> None:
    def listing() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in run.parents[1].rglob("*")}

    before = listing()
    check = "import sys; from radtune.cli import main\ntry: main()\nfinally: sys.exit(9 if 'torch' in sys.modules else 0)"
    command = [sys.executable, "-c", check, "status", "results/reduced", "--json"]
    done = subprocess.run(
        command,
        cwd=run.parents[1],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert listing() == before
    printed = json.loads(done.stdout)
    assert printed["run"] == "results/reduced"
    assert printed["states"] == {"done": len(printed["jobs"])}


def test_a_run_that_is_not_begun(run: Path) -> None:
    config = (run / "config.yaml").read_text()
    shutil.rmtree(run)
    with pytest.raises(DataError, match=r"config\.yaml: missing"):
        run_status(run)
    run.mkdir()
    (run / "config.yaml").write_text(config)
    shutil.rmtree(run.parents[1] / ".snakemake")
    status = run_status(run)
    assert status.states == {"pending": len(status.jobs)}
    assert status.scheduler == "not needed"


def test_a_training_that_was_killed(run: Path) -> None:
    remove_training(run)
    mark_as_begun(run, "training/visiongpt2/adapter.safetensors")
    Checkpoints(run / "training/visiongpt2/checkpoints", "f" * 64).save(Progress(step=3, seconds=60.0), {"w": torch.ones(1)}, {})
    (run / "logs/train_visiongpt2.log").write_text("$ radtune train\nloading\ntrain:  75%|####\r")
    found = job(run_status(run), "train_visiongpt2")
    assert (found.state, found.detail) == ("stopped", "ended without saying why, after: loading")
    assert found.amount is not None
    assert (found.amount.done, found.amount.of) == (3, 4)


def test_a_step_that_failed_tells_why(run: Path) -> None:
    remove_training(run)
    (run / "logs/train_visiongpt2.log").write_text(
        "$ radtune train\ntrain: 1%|\nerror: the loss is not a number\n  What to do: …\n"
    )
    found = job(run_status(run), "train_visiongpt2")
    assert (found.state, found.detail) == ("failed", "error: the loss is not a number")
    assert found.log == "results/reduced/logs/train_visiongpt2.log"


def test_a_training_that_saved_and_ended(run: Path) -> None:
    remove_training(run)
    text = "asked to stop: saved at step 3; the same command goes on from here"
    (run / "logs/train_visiongpt2.log").write_text(f"$ radtune train\n{text}\n")
    found = job(run_status(run), "train_visiongpt2")
    assert (found.state, found.detail) == ("stopped", text)


def test_made_but_not_noted(run: Path) -> None:
    mark_as_begun(run, "training/visiongpt2/adapter.safetensors")
    found = job(run_status(run), "train_visiongpt2")
    assert (found.state, found.detail) == ("stopped", "made, but Snakemake ended before it took note")


def test_a_step_at_work(run: Path) -> None:
    os.mkfifo(run.parents[1] / "waits.yaml")  # what reads it waits
    log = run / "logs/train_visiongpt2.log"
    log.unlink()
    command = ["--log", "results/reduced/logs/train_visiongpt2.log", "preflight", "--config", "waits.yaml"]
    with subprocess.Popen([sys.executable, "-m", "radtune", *command], cwd=run.parents[1]) as process:
        try:
            wait_for(log.exists, 60)
            found = job(run_status(run), "train_visiongpt2")
            assert (found.state, found.detail) == ("running", f"process {process.pid} here")
        finally:
            process.kill()


def test_results_behind_a_link(run: Path, tmp_path: Path) -> None:
    (tmp_path / "results").rename(tmp_path / "scratch")
    (tmp_path / "results").symlink_to("scratch")
    mark_as_begun(run, "report/index.html")
    status = run_status(run)
    assert job(status, "build_report").state == "stopped"
    assert status.states["done"] == len(status.jobs) - 1


def test_a_damaged_artifact_stops_nothing(run: Path) -> None:
    (run / "inference/visiongpt2/plain.parquet").write_bytes(b"no parquet")
    damaged = [one for one in run_status(run).jobs if "unreadable" in one.detail]
    assert [(one.rule, one.step) for one in damaged] == [("predict_visiongpt2", "predict plain")]


def test_a_configuration_of_another_version(run: Path) -> None:
    (run / "config.yaml").write_text((run / "config.yaml").read_text() + "\nunheard_of: 1\n")
    with pytest.raises(DataError, match="unheard_of"):
        run_status(run)


def test_hours_are_planned_for_models_on_a_gpu(run: Path) -> None:
    assert planned_hours(run) == {}
    path = run / "config.yaml"
    text = path.read_text()
    at = text.index("\n  visiongpt2:", text.index("\nmodels:"))
    path.write_text(text[:at] + text[at:].replace("gpu: 0", "gpu: 1", 1))
    planned = planned_hours(run)
    assert set(planned) == {"visiongpt2"}
    assert planned["visiongpt2"].predictions == 2
    remove_training(run)
    (run / "logs/train_visiongpt2.log").unlink()
    assert run_status(run).gpu_hours.unplanned == 1
    assert run_status(run, planned).gpu_hours.left == planned["visiongpt2"].training > 0
