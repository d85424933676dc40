"""Where the jobs of a model ask a cluster for less than the plan says they need."""

from __future__ import annotations

from radtune.config.models import GenerationSettings, ResourceSettings

RETRIES = 5
"""How often a failed job is started again: `retries` of slurm/config.yaml. A training that hits its limit goes on in the next
attempt, so it has its time limit this many times, and once more."""


def shortfalls(
    resources: ResourceSettings,
    generation: GenerationSettings,
    *,
    peak_gib: float,
    training_hours: float,
    prediction_hours: float,
    retries: int = RETRIES,
) -> list[str]:
    """What falls short, a sentence each; nothing if the requests cover the plan.

    ``peak_gib`` is that of one device; ``training_hours`` and ``prediction_hours`` are GPU hours, the latter of all arms and
    shards, which are jobs of their own. The memory that a job asks for is the machine's: weights and optimiser states pass
    through it when they are loaded and saved, and without a GPU all is there. So it is held to the planned peak.
    """
    attempts = 1 + retries
    wanted_mb = 1024 * peak_gib * max(resources.gpu, 1)
    found = []
    if resources.train_memory_mb < wanted_mb:
        found.append(f"train_memory_mb {resources.train_memory_mb:,}, planned peak {wanted_mb:,.0f} MB")
    for key, minutes, hours in (
        ("train_minutes", resources.train_minutes, training_hours / max(resources.gpu, 1)),
        ("predict_minutes", resources.predict_minutes, prediction_hours / (len(generation.arms) * generation.shards)),
    ):
        if minutes * attempts < 60 * hours:
            found.append(
                f"{key} {minutes:,} in {attempts} attempts make {minutes * attempts / 60:,.1f} h, planned {hours:,.1f} h"
            )
    return found
