"""What the jobs of a cluster ask for, where no model's block says it. No result depends on these."""

from __future__ import annotations

from radtune.config.base import Settings


class JobResources(Settings):
    """What one kind of job asks for."""

    gpu: int = 0
    """GPUs on one node."""
    memory_mb: int = 8_000
    """Memory; at least 1,000, since Snakemake itself runs in the job."""
    minutes: int = 60
    """Time limit."""
    threads: int = 2
    """Processor cores."""


class JobSettings(Settings):
    """Jobs that belong to no model."""

    modality: JobResources = JobResources(gpu=1, memory_mb=16_000, minutes=240, threads=8)
    """Training and predictions of the modality classifier."""
    questions: JobResources = JobResources(gpu=1, memory_mb=32_000, minutes=1_440, threads=8)
    """The question writer."""
    metrics: JobResources = JobResources(gpu=1, memory_mb=16_000, minutes=240, threads=4)
    """Scoring one system."""
