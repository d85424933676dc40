"""The engine's share: starting a rule's command, finding nothing to do, planning the published run.

The peer of the last two is a workflow of as many trivial rules in the same Snakemake: what the engine costs by itself. A plan of
some 5,000 jobs (112 models, 20 shards of predictions, both arms) is told with its peak memory.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from benchmarks.measure import Comparison, Counted, NotMeasured, compare, run_for_memory

ROOT = Path(__file__).resolve().parents[1]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


MANY_MODELS, MANY_SHARDS = 112, 20
"""Models and shards of predictions that make some 5,000 jobs."""


def benchmarks() -> Iterator[Comparison | Counted | NotMeasured]:
    """Every comparison of this module."""
    yield compare(
        "start-up of a rule's command",
        lambda: _run([sys.executable, "-m", "radtune", "images", "standardise", "--help"], ROOT),
        "importing typer, pydantic and pyarrow",
        lambda: _run([sys.executable, "-c", "import typer, pydantic, pyarrow.parquet"], ROOT),
    )
    with tempfile.TemporaryDirectory() as folder:
        overlay = _many_models(Path(folder))
        many = [*SNAKEMAKE, "--profile", "slurm", "-n", "--quiet", "rules", "--configfile", str(overlay)]
        printed, taken, gigabytes = run_for_memory(many, ROOT)
        yield Counted(f"planning {_total(printed):,} jobs", f"{taken:.1f} s, {1e3 * gigabytes:,.0f} MB")
        published = [*SNAKEMAKE, "--profile", "slurm", "-n", "--quiet", "all"]
        jobs = _planned_jobs([*SNAKEMAKE, "--profile", "slurm", "-n"])
        trivial = _trivial_workflow(Path(folder), jobs)
        yield compare(
            f"planning the published run ({jobs} jobs)",
            lambda: _run(published, ROOT),
            "as many trivial rules",
            lambda: _run([*SNAKEMAKE, "-n", "--quiet", "all"], trivial),
        )
        sample = [*SNAKEMAKE, "--configfile", "workflow/runs/sample.yaml", "--cores", "2", "--quiet", "all"]
        if _planned_jobs([*sample[:-2], "-n"]):
            yield NotMeasured("nothing to be done (sample run)", "the sample run is not complete: make run")
            return
        _run([*SNAKEMAKE, "--cores", "2", "--quiet", "all"], trivial)
        yield compare(
            "nothing to be done (sample run)",
            lambda: _run(sample, ROOT),
            "as many trivial rules",
            lambda: _run([*SNAKEMAKE, "--cores", "2", "--quiet", "all"], trivial),
        )


def _run(command: list[str], folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"})
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {result.returncode}\n{result.stderr[-2000:]}")
    return result.stdout + result.stderr


def _planned_jobs(command: list[str]) -> int:
    """Number of jobs that a dry-run lists; 0 for nothing to be done."""
    return _total(_run(command, ROOT))


def _total(printed: str) -> int:
    found = re.search(r"^total\s+(\d+)", printed, flags=re.MULTILINE)
    return int(found[1]) if found else 0


def _many_models(folder: Path) -> Path:
    """An overlay with every published recipe several times over, in many shards."""
    recipes = list(yaml.safe_load((ROOT / "config.yaml").read_text())["models"].values())
    generation = {"shards": MANY_SHARDS, "arms": ["plain", "modality"]}
    models = {
        f"model_{number:03d}": recipe | {"generation": recipe["generation"] | generation}
        for number, recipe in ((number, recipes[number % len(recipes)]) for number in range(MANY_MODELS))
    }
    path = folder / "many.yaml"
    path.write_text(yaml.safe_dump({"run": "many", "systems": list(models), "models": models}))
    return path


def _trivial_workflow(folder: Path, jobs: int) -> Path:
    """A chain-free workflow of ``jobs`` rules that each touch one file."""
    rules = [f'rule r{index}:\n    output: "{index}.txt"\n    shell: "touch {{output}}"\n' for index in range(jobs - 1)]
    targets = ", ".join(f'"{index}.txt"' for index in range(jobs - 1))
    (folder / "Snakefile").write_text(f"rule all:\n    input: [{targets}]\n\n" + "\n".join(rules))
    return folder
