"""A copy of the project in which workflows really run, so that tests may edit its source."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from workflow.slurm_cluster import SlurmCluster, missing_programs

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "Makefile", "pyproject.toml", "config.yaml", "workflow", "profiles", "slurm", "envs", "src")
REDUCED = "tests/workflow/reduced.yaml"


class Clone:
    """A copy of the project's tracked parts, with the same environment and cache of weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before: dict[Path, str] = {}
        """What edited files held at first."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            source, target = ROOT / part, folder / part
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy2(source, target)
        (folder / REDUCED).parent.mkdir(parents=True)
        shutil.copy2(ROOT / REDUCED, folder / REDUCED)
        (ROOT / "resources/weights").mkdir(parents=True, exist_ok=True)
        (folder / "resources").symlink_to(ROOT / "resources")
        (folder / ".venv").symlink_to(ROOT / ".venv")

    @property
    def run(self) -> Path:
        """Folder of the reduced run."""
        return self.folder / "results/reduced"

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """Run Snakemake on the reduced configuration; what it printed."""
        return self.command(
            ".venv/bin/snakemake", "--configfile", "workflow/runs/sample.yaml", REDUCED, "--cores", "2", *arguments, check=check
        )

    def command(self, *command: str, check: bool = True) -> str:
        """Run a command in the clone; what it printed."""
        environment = os.environ | {"PYTHONPATH": str(self.folder / "src"), "COLUMNS": "200"}
        result = subprocess.run(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert not check or result.returncode == 0, result.stdout[-6000:]
        return f"{result.stdout}\nexit code {result.returncode}"

    def planned(self, *arguments: str) -> set[str]:
        """Names of the rules that a dry-run would run."""
        printed = self.snakemake("-n", *arguments)
        lines = printed.partition("Job stats:")[2].splitlines()[3:]
        names = set()
        for line in lines:
            if not line.strip() or line.startswith("total"):
                break
            names.add(line.split()[0])
        return names - {"all"}

    def digests(self) -> dict[str, str]:
        """Content digest of every artifact of the run."""
        return {
            str(path.relative_to(self.run)): self.footer(path)["content_digest"] for path in sorted(self.run.rglob("*.parquet"))
        }

    def footer(self, path: Path) -> dict[str, str]:
        """The provenance footer of an artifact."""
        return dict(json.loads(pq.read_metadata(path).metadata[b"radtune"]))

    def edit(self, file: str, old: str, new: str) -> Callable[[], None]:
        """Replace text in a source file of the clone; returns what undoes it."""
        path = self.folder / file
        before = path.read_text()
        assert old in before, f"{file} no longer contains {old!r}"
        self.before.setdefault(path, before)
        path.write_text(before.replace(old, new, 1))
        return lambda: path.write_text(before) and None

    def undo_all(self) -> None:
        """Undo every edit, also those of a test that failed before it could."""
        for path, text in self.before.items():
            path.write_text(text)
        self.before.clear()


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    """A private SLURM, started and stopped here."""
    if missing := missing_programs():
        pytest.skip(f"SLURM is not installed (Debian: slurmctld slurmd slurm-client munge); missing: {', '.join(missing)}")
    # Not below pytest's own folder, which others cannot enter: munge refuses that.
    with tempfile.TemporaryDirectory(prefix="radtune-slurm-") as folder:
        cluster = SlurmCluster(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the reduced run is complete."""
    clone = Clone(tmp_path_factory.mktemp("finished"))
    clone.snakemake()
    return clone


@pytest.fixture
def finished(finished_run: Clone) -> Iterator[Clone]:
    """The same, with nothing edited before and after."""
    yield finished_run
    finished_run.undo_all()
