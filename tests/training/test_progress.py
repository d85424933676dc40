"""How far a training is, read without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from radtune.config.models import TrainingSettings
from radtune.training.checkpoints import Checkpoints
from radtune.training.progress import Progress, newest_progress, saved_steps, steps_per_epoch


def test_newest_state_counts_whatever_its_fingerprint(tmp_path: Path) -> None:
    assert newest_progress(tmp_path) is None
    for fingerprint, steps in (("a" * 64, (2, 9)), ("b" * 64, (3,))):
        for step in steps:
            Checkpoints(tmp_path, fingerprint).save(Progress(step=step, seconds=1.5 * step), {"w": torch.ones(2)}, {})
    assert newest_progress(tmp_path) == Progress(step=3, seconds=4.5)
    assert saved_steps(tmp_path / ("a" * 64)) == [9]
    assert saved_steps(tmp_path / "absent") == []


def test_a_half_written_state_is_none(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64) / ".step-00000004.tmp").mkdir(parents=True)
    assert newest_progress(tmp_path) is None


@pytest.mark.parametrize(("rows", "steps"), [(1, 1), (8, 1), (9, 2), (16, 2), (17, 3)])
def test_the_last_step_of_an_epoch_may_be_short(rows: int, steps: int) -> None:
    assert steps_per_epoch(rows, TrainingSettings(mix="captions", batch_size=4, accumulation=2)) == steps


def test_no_torch_is_needed() -> None:
    check = "import sys, radtune.training.progress, radtune.inference.partial; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
