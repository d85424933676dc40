"""What the published evaluators of ImageCLEFmedical caption prediction do with empty captions and unreadable images.

radtune gives such a caption 0 and such an image no value. The evaluators (``taubsity/clef-caption-evaluation``, commit ce13086,
and ``…-2026``, commit 9966c13) reward some and stop at others. To compare with a published number, this module gives the rewards
as values, and a metric whose evaluator stops is unavailable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from radtune.config.metrics import MetricName, VariantName
from radtune.errors import UnavailableError
from radtune.metrics.contract import Resources, Result, Sample, evaluate, is_empty
from radtune.metrics.registry import METRICS

PUBLISHED: Final[frozenset[VariantName]] = frozenset({"imageclef2025-code", "imageclef2026-code"})
"""Variants whose evaluators are public."""

REWARDED: Final[frozenset[MetricName]] = frozenset({"bertscore", "concept_f1", "alignscore"})
"""Metrics that give 1 where caption and reference are both empty. ROUGE does too, and then cannot take the mean."""


def evaluate_as_published(name: MetricName, samples: Sequence[Sample], resources: Resources) -> Result:
    """As :func:`radtune.metrics.score.evaluate_metric`, with the rewards of the evaluator that the settings' variant names.

    Only a text without any character counts as empty there. Raises :class:`UnavailableError` where that evaluator stops.
    """
    # BLEURT has its say of an empty caption, and so has the similarity of 2025; the others give 0 by themselves.
    result = evaluate(METRICS[name].load(), samples, resources, empty_is_zero=False)
    both_empty = [not sample.prediction and not sample.reference for sample in samples]
    if name == "rouge":
        _stop_at(samples, both_empty, "gives a list where it needs a number: caption and reference are empty")
    if name == "alignscore":
        no_claim = [is_empty(sample.prediction) and not both for sample, both in zip(samples, both_empty, strict=True)]
        _stop_at(samples, no_claim, "finds no sentence: the caption is empty")
    if name == "similarity":
        return _similarity(result, samples, both_empty, resources.settings.variant)
    if name in REWARDED:
        return _with(result, both_empty, 1.0)
    return result


def _similarity(result: Result, samples: Sequence[Sample], both_empty: Sequence[bool], variant: VariantName | None) -> Result:
    """2025: whatever fails scores 1. 2026: an unreadable image stops it, and an empty caption scores 0."""
    unreadable = [value is None for value in result.values["similarity"]]
    if variant == "imageclef2025-code":
        return _with(result, [image or both for image, both in zip(unreadable, both_empty, strict=True)], 1.0)
    _stop_at(samples, unreadable, "cannot encode the image")
    return _with(result, [not sample.prediction for sample in samples], 0.0)


def _with(result: Result, chosen: Sequence[bool], value: float) -> Result:
    """``result`` with ``value`` for the chosen samples."""
    values = {
        name: [value if reward else own for own, reward in zip(of_name, chosen, strict=True)]
        for name, of_name in result.values.items()
    }
    return replace(result, values=values)


def _stop_at(samples: Sequence[Sample], chosen: Sequence[bool], why: str) -> None:
    found = [sample.item_id for sample, stops in zip(samples, chosen, strict=True) if stops]
    if found:
        raise UnavailableError(
            f"the published evaluator stops at {len(found)} caption(s), the first of {found[0]}: it {why}",
            "leave --strict-official out, and they count as 0",
        )
