"""Traces of work: of a real Snakemake that is killed, of radtune's own commands, of a lock, of a private SLURM."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from radtune.training.folder_lock import locked
from radtune.workflow.traces import (
    QueuedJob,
    holder,
    last_words,
    queue,
    running_here,
    scheduler_verdicts,
    seconds_taken,
    unfinished,
)
from workflow.slurm_cluster import SNAKEMAKE, SlurmCluster, wait_for

LONG = "a_name_that_is_long_enough_to_be_spread_over_folders_" * 4
SNAKEFILE = f"""
rule slow:
    output: "results/r/{LONG}.txt"
    log: "results/r/logs/slow.log"
    resources: mem_mb=1000, runtime=5
    shell: "echo begun > {{log}}; sleep $SLOW; touch {{output}}"
"""


def start_snakemake(folder: Path, slow: float, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    (folder / "Snakefile").write_text(SNAKEFILE)
    return subprocess.Popen(
        [sys.executable, "-c", SNAKEMAKE, "--cores", "1", "--rerun-incomplete", *arguments],
        cwd=folder, env=os.environ | {"SLOW": str(slow)} | variables, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_a_killed_snakemake_leaves_marks_and_a_finished_one_times(tmp_path: Path) -> None:
    output, log = tmp_path / f"results/r/{LONG}.txt", tmp_path / "results/r/logs/slow.log"
    assert unfinished(tmp_path) == set()
    killed = start_snakemake(tmp_path, 60)
    wait_for(log.exists, 60)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert unfinished(tmp_path) == {output}
    assert seconds_taken(tmp_path, output) is None
    start_snakemake(tmp_path, 0, "--unlock").communicate()
    again = start_snakemake(tmp_path, 1.5)
    printed, _ = again.communicate(timeout=60)
    assert again.returncode == 0, printed
    assert unfinished(tmp_path) == set()
    seconds = seconds_taken(tmp_path, output)
    assert seconds is not None
    assert seconds >= 1.5


def test_commands_at_work_are_found_by_their_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")  # what reads it waits
    log = tmp_path / "results/r/logs/train_visiongpt2.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "radtune", "--log", "results/r/logs/train_visiongpt2.log", "preflight", "--config", "config.yaml"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(log.exists, 60)
        assert running_here(tmp_path / "results/r/logs") == {log: process.pid}
        assert running_here(tmp_path / "results/other/logs") == {}
    finally:
        process.kill()
        process.wait()
    assert running_here(tmp_path / "results/r/logs") == {}


def test_holder_of_a_lock(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    assert holder(folder) is None
    with locked(folder):
        found = holder(folder)
        assert found is not None
        assert found.startswith(f"process {os.getpid()} on ")
    assert holder(folder) is None


def test_holder_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from radtune.training.folder_lock import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "checkpoints")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert holder(tmp_path / "checkpoints") is not None
        process.kill()
    assert holder(tmp_path / "checkpoints") is None


OUT_OF_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"
SAVED = "asked to stop: saved at step 5; the same command goes on from here"


@pytest.mark.parametrize(
    ("printed", "telling", "last"),
    [
        ("train: 10%|#  | 1/10\rtrain: 20%|##  | 2/10", None, None),
        ("reading\nerror: x.csv: no column `ID`\n  What to do: add it", "error: x.csv: no column `ID`", "What to do: add it"),
        (f"Traceback (most recent call last):\n  File …\n{OUT_OF_MEMORY}", OUT_OF_MEMORY, OUT_OF_MEMORY),
        (f"train: 50%|## |\n{SAVED}", SAVED, SAVED),
        ("loading\ntrain: 50%|##", None, "loading"),
    ],
)
def test_last_words(tmp_path: Path, printed: str, telling: str | None, last: str | None) -> None:
    (tmp_path / "a.log").write_text(f"$ radtune --log a.log train --error: x\n{printed}\n")
    assert last_words(tmp_path / "a.log") == (telling, last)
    assert last_words(tmp_path / "absent.log") == (None, None)


def test_jobs_of_a_scheduler(cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output, log = tmp_path / f"results/r/{LONG}.txt", tmp_path / "results/r/logs/slow.log"
    quick = ("--slurm-init-seconds-before-status-checks", "1", "--max-status-checks-per-second", "5")
    slurm = (
        "--executor",
        "slurm",
        "--jobs",
        "1",
        "--slurm-status-command",
        "squeue",
        "--default-resources",
        "slurm_partition=cpu",
    )
    snakemake = start_snakemake(tmp_path, 120, *slurm, *quick, **cluster.environment)
    try:
        wait_for(log.exists, 90)
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
        assert unfinished(tmp_path) == {output}
        found = queue(tmp_path)
        assert found is not None
        assert list(found) == ["rule_slow"]
        job = found["rule_slow"]
        assert job.state == "RUNNING"
        assert job.place in cluster.nodes
        cluster.command("scancel", job.number)
        printed, _ = snakemake.communicate(timeout=120)
        assert snakemake.returncode == 1, printed
        assert scheduler_verdicts(tmp_path) == {log: "CANCELLED"}, printed
        waiting = ("--begin", "now+1hour", "--comment", "rule_later", "--output", "/dev/null", "--chdir", str(tmp_path))
        number = cluster.command("sbatch", *waiting, "--wrap", "true").split()[-1]
        assert queue(tmp_path) == {"rule_later": QueuedJob(number, "PENDING", "(BeginTime)")}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(snakemake.pid, signal.SIGKILL)


def test_a_scheduler_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".snakemake").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert queue(tmp_path) is None
    script = tmp_path / "squeue"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    assert queue(tmp_path) is None
