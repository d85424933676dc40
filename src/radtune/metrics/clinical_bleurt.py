"""ClinicalBLEURT (Ben Abacha et al. 2023): BLEURT-20 fine-tuned on ratings of clinical notes.

Its authors' checkpoint has no licence and no public copy in a readable format, so the user names one.
"""

from __future__ import annotations

from collections.abc import Sequence

from radtune.errors import WeightsError
from radtune.metrics.bleurt import evaluate_checkpoint
from radtune.metrics.contract import Resources, Result, Sample


def clinical_bleurt(samples: Sequence[Sample], resources: Resources) -> Result:
    """As BLEURT, with the user's checkpoint. Raises :class:`WeightsError` if none is named or it cannot be had."""
    settings = resources.settings
    if not settings.clinical_bleurt_source:
        raise WeightsError(
            "ClinicalBLEURT has no public checkpoint, and the configuration names none",
            "set metrics.clinical_bleurt_source to a copy in the format of bleurt-pytorch",
        )
    return evaluate_checkpoint(
        "clinical_bleurt", settings.clinical_bleurt_source, settings.clinical_bleurt_sha256, samples, resources
    )
