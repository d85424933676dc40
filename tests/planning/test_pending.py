"""What a start would run, by a real dry-run of Snakemake on the project's own workflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from radtune.artifacts.layout import Layout
from radtune.config.load import load_config
from radtune.errors import RadtuneError
from radtune.planning.pending import PendingJobs, models_of, pending_jobs, pending_model
from radtune.planning.plan import ModelPlan, plan_model
from radtune.planning.table import pending_table
from radtune.training.checkpoints import Checkpoints
from radtune.training.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = """
run: pending
systems: [visiongpt2, smolvlm_500m]
images: {shards: 3}
models: {visiongpt2: {resources: {gpu: 2, train_minutes: 90}}}
"""


@pytest.fixture
def overlays(tmp_path: Path) -> list[Path]:
    (tmp_path / "overlay.yaml").write_text(OVERLAY)
    return [Path("workflow/runs/sample.yaml"), tmp_path / "overlay.yaml"]


@pytest.fixture
def plan(overlays: list[Path], tmp_path: Path) -> ModelPlan:
    return plan_model(load_config([ROOT / "config.yaml", *(ROOT / path for path in overlays)]), "visiongpt2", results=tmp_path)


def test_a_dry_run_is_counted(overlays: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    jobs = pending_jobs(overlays)
    assert jobs.rules["standardise_images"] == 3
    assert jobs.rules["predict_visiongpt2"] == 2
    assert jobs.rules["train_visiongpt2"] == 1
    assert "all" not in jobs.rules
    assert jobs.gpu_jobs == 3  # training and two arms
    assert jobs.cpu_jobs == sum(jobs.rules.values()) - 3
    config = load_config([ROOT / "config.yaml", *overlays])
    assert jobs.requested_gpu_hours == (2 * 90 + 2 * config.models["visiongpt2"].resources.predict_minutes) / 60
    assert models_of(jobs, ["paligemma_3b", "smolvlm_500m", "visiongpt2"]) == ["smolvlm_500m", "visiongpt2"]


def test_a_configuration_that_snakemake_refuses_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "wrong.yaml").write_text("seeed: 1\n")
    with pytest.raises(RadtuneError, match="seeed: unknown key"):
        pending_jobs([tmp_path / "wrong.yaml"])


def test_only_what_is_pending_costs(overlays: list[Path], plan: ModelPlan, tmp_path: Path) -> None:
    config = load_config([ROOT / "config.yaml", *(ROOT / path for path in overlays)])
    both = PendingJobs({"train_visiongpt2": 1, "predict_visiongpt2": 2}, 3, 0, 5.0)
    found = pending_model(both, plan, config, tmp_path)
    assert found.training_hours == plan.training_hours > 0
    assert found.prediction_hours == plan.prediction_hours > 0
    one_arm = pending_model(PendingJobs({"predict_visiongpt2": 1}, 1, 0, 1.0), plan, config, tmp_path)
    assert one_arm.training_hours == one_arm.training_jobs == one_arm.peak_gib == 0
    assert one_arm.prediction_hours == plan.prediction_hours / 2
    checkpoints = Layout(tmp_path / config.run).checkpoints("visiongpt2")
    Checkpoints(checkpoints, "f" * 64).save(Progress(step=plan.training_steps // 4), {"w": torch.ones(1)}, {})
    resumed = pending_model(both, plan, config, tmp_path)
    assert resumed.first_step == plan.training_steps // 4
    assert resumed.training_hours == pytest.approx(0.75 * plan.training_hours, rel=0.01)


def test_a_model_without_a_gpu_has_no_gpu_hours(overlays: list[Path], plan: ModelPlan, tmp_path: Path) -> None:
    config = load_config([ROOT / "config.yaml", ROOT / overlays[0]])
    found = pending_model(PendingJobs({"train_visiongpt2": 1}, 0, 1, 0.0), plan, config, tmp_path)
    assert (found.training_hours, found.prediction_hours) == (0, 0)


def test_table(plan: ModelPlan, overlays: list[Path], tmp_path: Path) -> None:
    config = load_config([ROOT / "config.yaml", *(ROOT / path for path in overlays)])
    jobs = PendingJobs({"read_captions": 1, "standardise_images": 3, "train_visiongpt2": 1}, 1, 4, 3.0)
    text = pending_table([pending_model(jobs, plan, config, tmp_path)], jobs, ["Hours: a device."])
    assert f"from step 0 of {plan.training_steps:,}" in text
    assert "1 jobs with a GPU, 4 without" in text
    assert "read_captions, standardise_images (3 jobs)" in text
    assert max(map(len, text.splitlines())) <= 120
    assert pending_table([], PendingJobs({}, 0, 0, 0.0), []) == "Nothing to be done."


def test_command(overlays: list[Path]) -> None:
    configs = [argument for path in ("config.yaml", *map(str, overlays)) for argument in ("--config", path)]
    command = [sys.executable, "-m", "radtune", "plan", "--pending", "--format", "json", *configs]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert {model["model"] for model in printed["models"]} == {"visiongpt2", "smolvlm_500m"}
    assert printed["jobs"]["gpu_jobs"] == 3
