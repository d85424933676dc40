"""What only your cluster knows: its accounts and partitions, its limits, its scratch disks. Nothing here changes a result."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from radtune.config.base import Settings


class JobClass(Settings):
    """Where jobs of one class go."""

    partition: str | None = None
    """Partition; null for the cluster's default."""
    qos: str | None = None
    """Quality of service."""
    constraint: str | None = None
    """Features that a node must have, such as `a100`."""


class SiteSettings(Settings):
    """One cluster."""

    account: str | None = None
    """Account that jobs are charged to."""
    cpu: JobClass = JobClass()
    """Jobs without a GPU."""
    gpu: JobClass = JobClass()
    """Jobs with GPUs."""
    gpu_request: Literal["gpus", "gres"] = "gpus"
    """How GPUs are asked for: `--gpus=2`, or `--gres=gpu:2` where a cluster takes nothing else."""
    maximum_minutes: int | None = Field(None, ge=1)
    """Longest time limit that the partitions allow; longer requests are cut to it. A training goes on in its next slot."""
    maximum_memory_mb: int | None = Field(None, ge=1_000)
    """Memory of the largest node; larger requests are cut to it."""
    scratch: str | None = None
    """Node-local folder to which training and inference copy their image shards first, such as `$TMPDIR` (variables are those of
    the job); null reads them where they are."""
