"""Leases of devices that do not exist, by processes that do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from radtune.workflow.gpu_lease import devices

Start = Callable[..., "subprocess.Popen[str]"]

SHOW = "import os; print(os.environ.get('CUDA_VISIBLE_DEVICES'), flush=True)"
HOLD = f"{SHOW}; input()"
"""Say which devices are visible, and keep them until standard input is closed."""

USE = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
used = [folder / name.replace("/", "_") for name in os.environ['CUDA_VISIBLE_DEVICES'].split(',')]
for path in used:
    path.mkdir()  # fails if another process uses the device
time.sleep(0.05)
for path in used:
    path.rmdir()
print(len(used))
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command under a lease; the environment has no variable of GPUs or of SLURM but those given."""
    started: list[subprocess.Popen[str]] = []

    def start(gpus: int, *command: str, **variables: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA", "RADTUNE", "SLURM"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "radtune.workflow.gpu_lease", "--gpus", str(gpus), "--", *command],
            env=kept | {"RADTUNE_GPU_LOCKS": str(tmp_path / "locks")} | variables,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end_of(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    printed, said = process.communicate(timeout=60)
    return process.returncode, printed.strip(), said


def test_no_device_is_used_twice(start: Start, tmp_path: Path) -> None:
    """Twelve processes that want one, two or three of three devices."""
    used = tmp_path / "used"
    used.mkdir()
    wanted = [1, 2, 3] * 4
    processes = [start(count, *python(USE), str(used), RADTUNE_GPUS="0,1,GPU-5f/2") for count in wanted]
    ends = [end_of(process) for process in processes]
    assert [(code, printed) for code, printed, _ in ends] == [(0, str(count)) for count in wanted]
    assert list(used.iterdir()) == []


def test_the_command_takes_the_place_of_the_lease_and_ends_with_its_own_code(start: Start) -> None:
    process = start(1, *python("import os, sys; print(os.getpid()); sys.exit(75)"), RADTUNE_GPUS="7")
    assert end_of(process)[:2] == (75, str(process.pid))


def test_a_killed_job_frees_its_device(start: Start) -> None:
    killed = start(1, *python(HOLD), RADTUNE_GPUS="3")
    assert first_line(killed) == "3"
    waiting = start(1, *python(SHOW), RADTUNE_GPUS="3")
    assert waiting.stderr is not None
    assert waiting.stderr.readline() == "gpu_lease: waiting for 1 of the GPUs 3\n"
    assert waiting.poll() is None
    killed.send_signal(signal.SIGKILL)
    assert end_of(waiting)[:2] == (0, "3")


def test_a_job_takes_all_of_its_devices_or_none(start: Start) -> None:
    """One of two devices is taken; who wants both must leave the other alone, and is served before whoever comes later."""
    one = start(1, *python(HOLD), RADTUNE_GPUS="0,1")
    assert first_line(one) == "0"
    both = start(2, *python(HOLD), RADTUNE_GPUS="0,1")
    assert both.stderr is not None
    assert "waiting for 2" in both.stderr.readline()
    late = start(1, *python(SHOW), RADTUNE_GPUS="0,1")
    assert late.stderr is not None
    assert late.stderr.readline().endswith("behind another job\n")
    one.communicate("\n", timeout=60)
    assert first_line(both) == "0,1"
    assert late.poll() is None
    both.communicate("\n", timeout=60)
    assert end_of(late)[:2] == (0, "0")


def test_a_child_that_is_given_the_descriptors_keeps_the_lease(start: Start) -> None:
    """As the question writer does with its server, which must be gone before another job gets the device."""
    child = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); input()'], close_fds=False)"
    parent = start(1, *python(child), RADTUNE_GPUS="0")
    assert first_line(parent) == "1"
    parent.wait(timeout=60)
    waiting = start(1, *python(SHOW), RADTUNE_GPUS="0")
    assert waiting.stderr is not None
    assert "waiting" in waiting.stderr.readline()
    assert parent.stdin is not None
    parent.stdin.close()
    assert end_of(waiting)[:2] == (0, "0")


def test_more_than_there_are_is_an_error_at_once(start: Start) -> None:
    code, _, said = end_of(start(3, *python(SHOW), RADTUNE_GPUS="0,1,1"))
    assert code == 1
    assert "3 GPUs are asked for, and 2 found" in said
    assert "Traceback" not in said


def test_a_command_that_is_not_there_is_an_error(start: Start) -> None:
    code, _, said = end_of(start(1, "no-such-program", RADTUNE_GPUS="0"))
    assert code == 1
    assert "no-such-program" in said


def test_a_schedulers_assignment_is_left_alone(start: Start) -> None:
    """Two jobs of a cluster may see the same number and mean different devices. Lists for this machine do not count there."""
    jobs = [start(1, *python(HOLD), SLURM_JOB_ID=job, CUDA_VISIBLE_DEVICES="0", RADTUNE_GPUS="5") for job in ("11", "12")]
    assert [first_line(job) for job in jobs] == ["0", "0"]
    unassigned = start(1, *python(SHOW), SLURM_JOB_ID="13")
    assert end_of(unassigned)[:2] == (0, "None")


def test_jobs_of_one_allocation_share_its_devices(start: Start) -> None:
    jobs = [start(1, *python(HOLD), SLURM_JOB_ID="11", CUDA_VISIBLE_DEVICES="0,1") for _ in range(2)]
    assert sorted(first_line(job) for job in jobs) == ["0", "1"]


def test_which_devices_there_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RADTUNE_GPUS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '0\\n1\\n2\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert devices() == ["0", "1", "2"]
    program.write_text("#!/bin/sh\necho 'no driver'\nexit 9\n")
    assert devices() == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 3")
    assert devices() == ["2", "3"]
    monkeypatch.setenv("RADTUNE_GPUS", "GPU-8a7b")
    assert devices() == ["GPU-8a7b"]
    monkeypatch.setenv("RADTUNE_GPUS", "-1")
    assert devices() == []


SNAKEFILE = """
from radtune.workflow.rules import python_on

rule all:
    input: expand("{job}.txt", job=range(4))

rule use:
    output: "{job}.txt"
    resources: gpu=1
    shell: python_on(1) + " use used > {output}"
"""


def test_jobs_of_a_snakemake_run_get_devices_of_their_own(tmp_path: Path) -> None:
    """Four jobs at once on two devices, also without the limit that keeps Snakemake from starting more than two."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "use.py").write_text(USE.replace("0.05", "1.0"))
    (tmp_path / "used").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA", "SLURM"))} | {
        "RADTUNE_GPUS": "4,5",
        "RADTUNE_GPU_LOCKS": str(tmp_path / "locks"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    result = subprocess.run(
        ["snakemake", "--cores", "4"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    assert sorted(path.read_text() for path in tmp_path.glob("?.txt")) == ["1\n"] * 4
    assert sorted(path.name for path in (tmp_path / "locks").iterdir()) == ["4.lock", "5.lock", "door.lock"]
