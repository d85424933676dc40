"""What the jobs of a workflow find in their environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from radtune.network import HUB_OFFLINE, offline
from radtune.options import SCRATCH_VARIABLE, WEIGHTS_CACHE_VARIABLE


def export_to_jobs(source: Path, weights_cache: str, scratch: str | None = None, *, elsewhere: bool = False) -> None:
    """Let every job take radtune from ``source`` (whatever environment it runs in), the tools beside this interpreter, and the
    weights from ``weights_cache``, and copy what it reads often to ``scratch``, where variables are the job's. Snakemake and its
    cluster executors hand this process's variables on.

    ``elsewhere``: this process is a job of a cluster. It must not ask the network, since compute nodes seldom have one and would
    wait for it; whoever knows better sets ``HF_HUB_OFFLINE=0`` before the run.
    """
    for variable, value in (("PYTHONPATH", str(source)), ("PATH", str(Path(sys.executable).parent))):
        before = os.environ.get(variable)
        os.environ[variable] = os.pathsep.join([value, before]) if before else value
    os.environ[WEIGHTS_CACHE_VARIABLE] = weights_cache
    if scratch:
        os.environ[SCRATCH_VARIABLE] = scratch
    if elsewhere:
        os.environ.setdefault(HUB_OFFLINE, "1")


def barred_from_the_network(cluster: bool) -> str | None:
    """Why the jobs of a run may not ask the network, as the end of a sentence; None if they may."""
    if variable := offline():
        return f"{variable} forbids the network"
    if cluster and HUB_OFFLINE not in os.environ:
        return f"jobs of a cluster do not ask the network ({HUB_OFFLINE}=0 lets them)"
    return None
