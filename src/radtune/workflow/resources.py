"""What jobs ask of a cluster: from the run's configuration, by the attempt, and within what the site allows."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radtune.config.base import read_yaml, validated
from radtune.config.site import SiteSettings

SITE_VARIABLE = "RADTUNE_SITE"
"""Environment variable that names another site file."""

LEAST_MEMORY_MB = 1_000
"""Snakemake itself runs in each SLURM job, twice, with 130 MB each (measured with 9.27)."""

SECONDS_TO_SAVE = 120
"""How long before its limit a job that can be resumed is told to save."""

MOST_TIMES_AS_MUCH = 2
"""A job that fails again and again asks for no more than so many times what it asked for at first: a larger request may wait
for a node that the cluster does not have."""

Scaled = Callable[[Any, int], int]


def read_site(folder: Path) -> SiteSettings:
    """The site file: ``slurm/site.yaml`` below ``folder``, or the one that ``RADTUNE_SITE`` names; defaults where there is none.

    Raises :class:`radtune.errors.ConfigError` that names every wrong key.
    """
    named = os.environ.get(SITE_VARIABLE)
    path = Path(named) if named else folder / "slurm/site.yaml"
    if not named and not path.is_file():
        return SiteSettings()
    return validated(SiteSettings, read_yaml(path) or {}, where=str(path))


def asked_for(site: SiteSettings, memory_mb: int, minutes: int, gpus: int = 0, *, resumes: bool = False) -> dict[str, Any]:
    """Resources of one rule.

    A job that failed asks for twice the memory and time in its further attempts: it may have hit either limit. One that
    ``resumes`` asks for the same time, since it goes on where it stopped, and is sent TERM ``SECONDS_TO_SAVE`` before its limit.
    Several GPUs are asked for on one node: SLURM may else spread them, and the job's own step then cannot start.
    """
    resources: dict[str, Any] = {
        "mem_mb": _scaled(max(memory_mb, LEAST_MEMORY_MB), site.maximum_memory_mb),
        "runtime": _scaled(minutes, site.maximum_minutes, grows=not resumes),
    }
    if resumes:
        # To the job's own processes (no B:), so that it reaches the trainer and not the shell around it.
        resources["slurm_extra"] = f"--signal=TERM@{SECONDS_TO_SAVE}"
    if gpus:
        resources |= {"nodes": 1} | ({"gpu": gpus} if site.gpu_request == "gpus" else {"gres": f"gpu:{gpus}"})
    where = site.gpu if gpus else site.cpu
    named = {
        "slurm_account": site.account,
        "slurm_partition": where.partition,
        "qos": where.qos,
        "constraint": where.constraint,
    }
    return resources | {name: value for name, value in named.items() if value is not None}


def _scaled(amount: int, limit: int | None, grows: bool = True) -> Scaled:
    def scaled(wildcards: Any, attempt: int) -> int:
        wanted = amount * min(attempt, MOST_TIMES_AS_MUCH) if grows else amount
        return wanted if limit is None else min(wanted, limit)

    return scaled
