"""What the jobs of a workflow find in their environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from radtune.options import WEIGHTS_CACHE_VARIABLE


def export_to_jobs(source: Path, weights_cache: str) -> None:
    """Let every job take radtune from ``source`` (whatever environment it runs in), the tools beside this interpreter, and the
    weights from ``weights_cache``. Snakemake and its cluster executors hand this process's variables on."""
    for variable, value in (("PYTHONPATH", str(source)), ("PATH", str(Path(sys.executable).parent))):
        before = os.environ.get(variable)
        os.environ[variable] = os.pathsep.join([value, before]) if before else value
    os.environ[WEIGHTS_CACHE_VARIABLE] = weights_cache
