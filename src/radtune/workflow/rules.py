"""What the rule files need beyond wiring: repeated options and requests for resources."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import radtune.report


def repeated(option: str, values: Iterable[object]) -> list[str]:
    """``--option=value`` for each value, to be quoted one by one into a command."""
    return [f"{option}={value}" for value in values]


def python_on(gpus: int) -> str:
    """The beginning of a command that runs a module: on GPUs of its own (:mod:`radtune.workflow.gpu_lease`), and where there are
    several under `torchrun`, with one process a GPU.

    After SIGTERM `torchrun` would kill its processes within 30 seconds; they get 100 to end their step and save.
    """
    if not gpus:
        return "exec python -m"
    leased = f"exec python -m radtune.workflow.gpu_lease --gpus {gpus} -- python -m"
    if gpus == 1:
        return leased
    return (
        f"{leased} torch.distributed.run --standalone --nproc-per-node {gpus} --shutdown-timeout 100 --local-ranks-filter 0 -m --"
    )


def asking(sentence: str, gpu: int = 0) -> str:
    """A rule's message: what it does, and what its job asks for, so that a dry-run shows the cost of each job."""
    gpus = f"{gpu} GPU, " if gpu else ""
    return f"{sentence} [{gpus}cores: {{threads}}, {{resources.mem_mb}} MB, {{resources.runtime}} min]"


def report_files() -> list[Path]:
    """Templates and styles of the report."""
    room = Path(radtune.report.__file__).parent
    # Relative, so that a project that is moved with its results has nothing to build again.
    return sorted(Path(os.path.relpath(path)) for folder in ("templates", "static") for path in (room / folder).iterdir())
