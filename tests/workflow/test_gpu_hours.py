"""GPU hours, from the logs and footers that say on which device a step ran."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from radtune.artifacts.io import write
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.artifacts.provenance import provenance
from radtune.config.inference import BaselineSettings
from radtune.workflow.amounts import Amount
from radtune.workflow.gpu_hours import GpuHours, PlannedHours, gpu_hours
from radtune.workflow.jobs import Job

PLANNED = {"m": PlannedHours(training=40.0, prediction=6.0, predictions=4)}
HOUR = 3600.0


@pytest.fixture
def train(tmp_path: Path) -> Job:
    folder = tmp_path / "results/r/training/m"
    return Job("train_m", "train", "m", (folder / "adapter.safetensors", folder / "log.parquet"), tmp_path / "log", 2, "train")


@pytest.fixture
def predict(tmp_path: Path) -> Job:
    output = tmp_path / "results/r/inference/m/plain.parquet"
    return Job("predict_m", "predict plain", "m", (output,), tmp_path / "log", 1, "predict")


def noted(tmp_path: Path, output: Path, seconds: float) -> None:
    """What Snakemake notes about a job that is done, where it does."""
    name = base64.urlsafe_b64encode(str(output.relative_to(tmp_path)).encode()).decode()
    (tmp_path / ".snakemake/metadata").mkdir(parents=True)
    (tmp_path / ".snakemake/metadata" / name).write_text(json.dumps({"starttime": 1e9, "endtime": 1e9 + seconds}))


@pytest.mark.parametrize(("device", "spent"), [("cuda", 6.0), ("cpu", 0.0)])
def test_a_finished_training_tells_device_processes_and_time(tmp_path: Path, train: Job, device: str, spent: float) -> None:
    notes = {"device": device, "processes": 2, "steps": 9, "total_steps": 10}
    write(train.outputs[1], TRAINING_LOG, [], provenance("tests", BaselineSettings(), 0, {}, notes=notes))
    assert gpu_hours(train, True, Amount(9, 10, "steps", 1.0, 3 * HOUR), {}, tmp_path) == GpuHours(spent=spent)


def test_a_training_under_way_goes_on_as_fast_as_it_was(tmp_path: Path, train: Job) -> None:
    amount = Amount(25, 100, "steps", 1.0, 2 * HOUR)
    assert gpu_hours(train, False, amount, PLANNED, tmp_path) == GpuHours(spent=4.0, left=12.0)


def test_what_is_not_begun_is_as_planned(tmp_path: Path, train: Job, predict: Job) -> None:
    assert gpu_hours(train, False, Amount(0, 100, "steps"), PLANNED, tmp_path) == GpuHours(left=40.0)
    assert gpu_hours(predict, False, Amount(25, 100, "rows"), PLANNED, tmp_path) == GpuHours(left=6 / 4 * 0.75)
    assert gpu_hours(train, False, Amount(0, None, "steps"), {}, tmp_path) == GpuHours(unplanned=1)


def test_finished_predictions_took_what_snakemake_noted(tmp_path: Path, predict: Job) -> None:
    write(predict.outputs[0], PREDICTIONS, [], provenance("tests", BaselineSettings(), 0, {}, notes={"device": "cuda"}))
    amount = Amount(5, 5, "rows")
    assert gpu_hours(predict, True, amount, {}, tmp_path) == GpuHours(unknown=1)
    noted(tmp_path, predict.outputs[0], 1.5 * HOUR)
    assert gpu_hours(predict, True, amount, {}, tmp_path) == GpuHours(spent=1.5)


def test_predictions_on_a_processor_cost_nothing_whatever_was_asked_for(tmp_path: Path, predict: Job) -> None:
    write(predict.outputs[0], PREDICTIONS, [], provenance("tests", BaselineSettings(), 0, {}, notes={"device": "cpu"}))
    noted(tmp_path, predict.outputs[0], HOUR)
    assert gpu_hours(predict, True, Amount(5, 5, "rows"), {}, tmp_path) == GpuHours()


def test_hours_add_up() -> None:
    assert GpuHours(1, 1, 2, 0) + GpuHours(0.5, 0, 1, 3) == GpuHours(1.5, 1, 3, 3)
