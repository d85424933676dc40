"""The workflow on a real SLURM of two virtual nodes: what its jobs ask for, and what each fault costs a training.

Every fault strikes a training that has saved a state and is far from done. Afterwards the outputs must be those of a training
that nothing disturbed, and no saved state may be lost. Each test prints what the fault cost (`pytest -rP`).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workflow.slurm_cluster import SNAKEMAKE, Job, SlurmCluster, is_told, processes_of, wait_for

# The fixture `finished_run` is a Clone (conftest.py), which importlib mode does not let tests import by name.
Clone = Any

LIMIT = 240
"""Seconds that any one step of a test may take, on a machine with more to do than this."""

SITE = "cpu: {partition: cpu}\ngpu: {partition: gpu}\n"

REDUCED = ("workflow/runs/sample.yaml", "tests/workflow/reduced.yaml")
ON_GPU = "models: {visiongpt2: {resources: {gpu: 1}}}\n"

INTERVAL = 4
LONGER = f"models: {{visiongpt2: {{training: {{epochs: 60, evaluations: 3, checkpoint_steps: {INTERVAL}}}}}}}\n"
"""A training of some ten seconds."""

SCORES = "results/reduced/metrics/visiongpt2/scores.parquet"
OUTPUTS = [
    f"results/reduced/training/visiongpt2/{name}"
    for name in ("adapter.safetensors", "training_log.parquet", "trained_modules.parquet")
]

QUICK = ("--slurm-init-seconds-before-status-checks", "1", "--max-status-checks-per-second", "5", "--latency-wait", "10")


def snakemake(clone: Clone, cluster: SlurmCluster, *arguments: str) -> subprocess.Popen[str]:
    """Start Snakemake with the project's own profile; what it prints goes to `snakemake.txt` in the clone."""
    site = clone.folder / "site.yaml"
    site.write_text(SITE)
    environment = os.environ | cluster.environment | {"PYTHONPATH": str(clone.folder / "src"), "RADTUNE_SITE": str(site)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a job starts Python three times
    (clone.folder / "on_gpu.yaml").write_text(ON_GPU)
    overlays = [path for path in (*REDUCED, "longer.yaml", "on_gpu.yaml") if (clone.folder / path).exists()]
    with (clone.folder / "snakemake.txt").open("a") as printed:
        return subprocess.Popen(
            [sys.executable, "-c", SNAKEMAKE, "--profile", "slurm", *QUICK, "--configfile", *overlays, *arguments],
            cwd=clone.folder, env=environment, stdout=printed, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip


def unlock(clone: Clone, cluster: SlurmCluster) -> None:
    """What Snakemake asks for after it was killed."""
    assert snakemake(clone, cluster, "--unlock").wait(LIMIT) == 0


@pytest.mark.timeout(1800)  # the local run that it is compared with may have to be made first
def test_a_run_on_a_cluster_gives_what_a_local_run_gives(finished_run: Clone, cluster: SlurmCluster, tmp_path: Path) -> None:
    clone = type(finished_run)(tmp_path / "clone")
    assert snakemake(clone, cluster, "--", SCORES).wait(600) == 0, (clone.folder / "snakemake.txt").read_text()[-6000:]

    expected = finished_run.digests()
    made = clone.digests()
    assert "metrics/visiongpt2/scores.parquet" in made
    assert made == {path: expected[path] for path in made}

    jobs = cluster.jobs()
    assert 10 <= len(jobs) <= 20
    assert {job.state for job in jobs} == {"COMPLETED"}
    on_gpu = {job.rule for job in jobs if job.gpus == 1}
    assert on_gpu == {"train_visiongpt2", "predict_visiongpt2"}
    for job in jobs:
        assert job.partition == ("gpu" if job.rule in on_gpu else "cpu"), job
        assert job.gpus == (job.rule in on_gpu), job
        assert job.memory_mb >= 1000, job
        assert 20 <= job.minutes <= 240, job
        assert job.fields["Requeue"] == "1", "a node failure must not cost a retry"
    (training,) = (job for job in jobs if job.rule == "train_visiongpt2")
    assert (training.memory_mb, training.minutes) == (5000, 60)


@pytest.fixture(scope="module")
def undisturbed(finished_run: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which a longer training than that of the reduced run is done, on this machine and without a fault."""
    clone = type(finished_run)(tmp_path_factory.mktemp("undisturbed"))
    for part in ("results", ".snakemake"):
        shutil.copytree(finished_run.folder / part, clone.folder / part)
    (clone.folder / "longer.yaml").write_text(LONGER)
    clone.command(".venv/bin/snakemake", "--cores", "1", "--configfile", *REDUCED, "longer.yaml", "--", *OUTPUTS)
    return clone


def content(clone: Clone, output: str) -> str | bytes:
    """What must be equal of an output: the digest of a table's content (wall times are no part of it), the bytes of weights."""
    path = clone.folder / output
    return str(clone.footer(path)["content_digest"]) if path.suffix == ".parquet" else bytes(path.read_bytes())


class Training:
    """The training of one clone on the cluster, its inputs there and nothing of it done."""

    def __init__(self, undisturbed: Clone, cluster: SlurmCluster, folder: Path) -> None:
        self.undisturbed, self.cluster = undisturbed, cluster
        self.clone = type(undisturbed)(folder)
        for part in ("results", ".snakemake"):
            shutil.copytree(undisturbed.folder / part, self.clone.folder / part)
        shutil.rmtree(self.folder)
        (self.clone.folder / "longer.yaml").write_text(LONGER)
        self.log.unlink()
        self.earlier_jobs = {job.job_id for job in cluster.jobs()}
        self.struck: tuple[int, float] = (0, 0.0)
        self.lost: list[tuple[int, float]] = []
        """For each fault: steps at most, and seconds until the training went on."""

    @property
    def folder(self) -> Path:
        return Path(self.clone.run / "training/visiongpt2")

    @property
    def log(self) -> Path:
        return Path(self.clone.run / "logs/train_visiongpt2.log")

    @property
    def jobs(self) -> list[Job]:
        return [job for job in self.cluster.jobs() if job.job_id not in self.earlier_jobs and job.rule == "train_visiongpt2"]

    def start(self) -> None:
        self.process = snakemake(self.clone, self.cluster, "--", *OUTPUTS)

    def saved_step(self) -> int:
        """Step of the newest saved state; 0 if there is none."""
        found = self.folder.glob("checkpoints/*/step-*")
        return max((int(path.name.removeprefix("step-")) for path in found), default=0)

    def log_text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Wait for an event; fail once Snakemake has ended without it."""

        def decided() -> bool:
            ended = self.process.poll() is not None
            return happened() or ended

        wait_for(decided, LIMIT, self.explain)
        assert happened(), self.explain()

    def strike_point(self) -> Job:
        """Wait until the training has saved a state beyond the one it began from; its job. The fault is to strike now."""
        began_from = self.resumed_step() or 0
        self.wait_until(lambda: self.saved_step() > began_from and any(job.state == "RUNNING" for job in self.jobs))
        self.log.rename(self.log.with_suffix(".before"))  # the next attempt's log is a new one
        self.struck = (self.saved_step(), time.monotonic())
        return self.jobs[-1]

    def resumed_step(self) -> int | None:
        """The step after which the training in the log went on; None if it says nothing of that."""
        found = re.search(r"resuming after step (\d+) of", self.log_text())
        return int(found[1]) if found else None

    def goes_on(self) -> None:
        """Wait until the training goes on, from the newest state that there was, and note what the fault cost."""
        self.wait_until(lambda: self.resumed_step() is not None)
        at, when = self.struck
        resumed = self.resumed_step()
        assert resumed is not None
        assert resumed >= at, "a saved state was lost"
        # A state that lies between two intervals was saved on request, so nothing after it was done.
        self.lost.append((0 if resumed % INTERVAL else INTERVAL - 1, time.monotonic() - when))

    def ends_as_undisturbed(self) -> None:
        """Wait for Snakemake to succeed; then compare."""
        assert self.process.wait(LIMIT) == 0, self.explain()
        for output in OUTPUTS:
            assert content(self.clone, output) == content(self.undisturbed, output), output
        assert self.saved_step() == 0, "states outlived the training"
        for steps, seconds in self.lost:
            print(f"{f'at most {steps}' if steps else 'no'} steps lost (a state every {INTERVAL}); went on after {seconds:.0f} s")  # noqa: T201

    def explain(self) -> str:
        """What is known when something did not happen."""
        printed = (self.clone.folder / "snakemake.txt").read_text()[-3000:]
        jobs = [(job.job_id, job.state, job.node) for job in self.jobs]
        return f"{printed}\n{self.log_text()[-2000:]}\n{jobs}\nsaved: {self.saved_step()}"

    def trainer(self, job: Job) -> int:
        """Process id of the trainer in a job."""
        for pid in processes_of([job.job_id]):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if words[1:3] == [b"-m", b"radtune"]:
                    return pid
        raise AssertionError(self.explain())


@pytest.fixture
def training(undisturbed: Clone, cluster: SlurmCluster, tmp_path: Path) -> Iterator[Training]:
    """A training that has begun."""
    training = Training(undisturbed, cluster, tmp_path / "clone")
    training.start()
    yield training
    if training.process.poll() is None:
        training.process.kill()
        training.process.wait()
    for job in training.jobs:
        cluster.command("scancel", str(job.job_id), check=False)


def test_a_cancelled_job(training: Training) -> None:
    job = training.strike_point()
    training.cluster.command("scancel", str(job.job_id))
    training.goes_on()
    training.ends_as_undisturbed()
    assert [job.state for job in training.jobs] == ["CANCELLED", "COMPLETED"]


def test_a_requeued_job(training: Training) -> None:
    job = training.strike_point()
    training.cluster.command("scontrol", "requeue", str(job.job_id))
    training.goes_on()
    training.ends_as_undisturbed()
    (job,) = training.jobs
    assert (job.state, job.fields["Restarts"]) == ("COMPLETED", "1")


def test_a_preempted_job(training: Training) -> None:
    training.strike_point()
    everything = ("--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null")
    training.cluster.command("sbatch", *everything, "--wrap=sleep 3")
    training.goes_on()
    training.ends_as_undisturbed()
    (job,) = training.jobs
    assert (job.state, job.fields["Restarts"]) == ("COMPLETED", "1")


def test_a_node_without_power(training: Training) -> None:
    struck = training.strike_point()
    training.cluster.cut_power(struck.node)
    try:
        training.goes_on()
        training.ends_as_undisturbed()
        (job,) = training.jobs
        assert (job.state, job.fields["Restarts"]) == ("COMPLETED", "1")
        assert job.node != struck.node
    finally:
        training.cluster.start_node(struck.node)
        wait_for(lambda: training.cluster.node_states() == {"idle"}, LIMIT)


def test_a_time_limit_reached_twice(training: Training) -> None:
    """Once the job is told to save ahead of its limit (`--signal`), once the limit is reached before anybody was told.

    SLURM counts limits in minutes and looks at them every half a minute, so the limit is moved to where the training is, and
    the trainer is held still until SLURM has looked.
    """
    for seconds_left in (60, 0):
        job = training.strike_point()
        trainer = training.trainer(job)
        os.kill(trainer, signal.SIGSTOP)
        end = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + seconds_left))
        training.cluster.command("scontrol", "update", f"JobId={job.job_id}", f"EndTime={end}")
        training.wait_until(lambda pid=trainer: is_told(pid, signal.SIGTERM))
        with contextlib.suppress(ProcessLookupError):  # SLURM may have woken it, and it is done
            os.kill(trainer, signal.SIGCONT)
        training.goes_on()
    training.ends_as_undisturbed()
    assert len(training.jobs) == 3


def test_a_full_disk(undisturbed: Clone, cluster: SlurmCluster, tmp_path: Path) -> None:
    training = Training(undisturbed, cluster, tmp_path / "clone")
    checkpoints = training.folder / "checkpoints"
    checkpoints.mkdir(parents=True)
    adapter = (undisturbed.folder / OUTPUTS[0]).stat().st_size
    # A state holds the parameters four times (trained, masters, two moments), so this has room for one and not for two.
    mount = ("mount", "-t", "tmpfs", "-o", f"size={6 * adapter}", "none", str(checkpoints))
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system can be mounted by root only")
    try:
        training.start()
        training.strike_point()
        training.wait_until(lambda: training.jobs[0].state == "FAILED")
        subprocess.run(("mount", "-o", "remount,size=1G", str(checkpoints)), check=True)
        training.goes_on()
        training.ends_as_undisturbed()
        said = training.log.with_suffix(".before").read_text()
        assert re.search(r"error: .*step-\d+: cannot be written: .*\n.*free disk space", said)
    finally:
        subprocess.run(("umount", "--lazy", str(checkpoints)), check=True)


def test_a_killed_snakemake_started_again_beside_its_own_job(training: Training) -> None:
    first = training.strike_point()
    trainer = training.trainer(first)
    os.kill(trainer, signal.SIGSTOP)
    training.process.kill()
    training.process.wait()
    unlock(training.clone, training.cluster)
    training.start()
    training.wait_until(lambda: f"in use by process {trainer} on" in training.log_text())
    os.kill(trainer, signal.SIGCONT)
    training.ends_as_undisturbed()
    assert "made by the process that was waited for" in training.log_text()
    assert [job.state for job in training.jobs] == ["COMPLETED", "COMPLETED"]


def test_an_interrupted_snakemake_started_again(training: Training) -> None:
    training.strike_point()
    training.process.send_signal(signal.SIGINT)
    assert training.process.wait(LIMIT) != 0
    training.start()
    training.goes_on()
    training.ends_as_undisturbed()
    assert [job.state for job in training.jobs] == ["CANCELLED", "COMPLETED"]
