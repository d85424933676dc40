"""The evaluations of ImageCLEFmedical caption prediction by year, as settings.

The published code of an edition and the text that describes it differ, so they are variants of their own. Sources:
``taubsity/clef-caption-evaluation`` (commit ce13086) and ``taubsity/clef-caption-evaluation-2026`` (commit 9966c13); for
``imageclef2025-paper`` the text of Bioengineering 2025, 12(12), 1330. Text treatment and ROUGE-1 are the same in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from radtune.config.metrics import MetricSettings, VariantName

_FOUR = ("similarity", "bertscore", "rouge1", "bleurt")
_FACTUALITY = ("concept_f1", "alignscore")

VARIANTS: Final[Mapping[VariantName, Mapping[str, Any]]] = {
    "imageclef2024": {  # had no averages
        "bertscore_value": "f1",
        "bertscore_idf": False,
        "relevance": (),
        "factuality": (),
    },
    "imageclef2025-code": {
        "bertscore_value": "f1",
        "bertscore_idf": True,
        "bleurt_source": "hub:lucadiliello/BLEURT-20-D12@main",
        "concept_types": "all",
        "relevance": ("similarity", "bertscore", "rouge1"),
        "factuality": _FACTUALITY,
    },
    "imageclef2025-paper": {
        "bertscore_value": "recall",
        "bertscore_idf": True,
        "bleurt_source": "hub:lucadiliello/BLEURT-20@main",
        "concept_types": "medcon",
        "relevance": _FOUR,
        "factuality": _FACTUALITY,
    },
    "imageclef2026-code": {
        "bertscore_value": "f1",
        "bertscore_idf": True,
        "bleurt_source": "hub:lucadiliello/BLEURT-20-D12@main",
        "concept_types": "all",
        "relevance": _FOUR,
        "factuality": _FACTUALITY,
    },
}
"""What each variant sets, by the names of the fields of :class:`MetricSettings`."""


def with_variant(settings: MetricSettings) -> MetricSettings:
    """``settings`` with what their variant says in place of their own values; unchanged without a variant.

    A BLEURT checkpoint in a folder stays: it may be the variant's own, had by another way than from the hub.
    """
    if settings.variant is None:
        return settings
    chosen = dict(VARIANTS[settings.variant])
    if settings.bleurt_source.startswith("path:"):
        chosen.pop("bleurt_source", None)
    return settings.model_copy(update=chosen)
