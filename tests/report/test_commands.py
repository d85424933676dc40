"""The commands as a user types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def radtune(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "radtune", "report", *arguments], capture_output=True, text=True)


def test_table_prints_scores_verdict_and_where_the_report_is(run_folder: Path) -> None:
    done = radtune("table", "--run", str(run_folder))
    assert done.returncode == 0, done.stderr
    assert "soft_prompt_smollm2" in done.stdout
    assert "random_caption" in done.stdout
    flat = " ".join(done.stdout.split())
    assert "soft_prompt_smollm2 (pretrained) beats a caption drawn at random from the training split on ROUGE-1" in flat
    assert "is unavailable: the weights of MiniLM could not be fetched" in flat
    assert "Report: not built yet" in flat


def test_a_wrong_folder_is_one_clear_message(tmp_path: Path) -> None:
    done = radtune("table", "--run", str(tmp_path))
    assert done.returncode == 1
    assert "no artifact of a run here" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(run_folder: Path, tmp_path: Path) -> None:
    arguments = ["--run", str(run_folder), "--output", str(tmp_path / "index.html"), "--seed", "1"]
    done = radtune("build", *arguments, "--settings", '{"exampel_images": 3}')
    assert done.returncode == 1
    assert "exampel_images: unknown key" in done.stderr
    assert not list(tmp_path.iterdir())
