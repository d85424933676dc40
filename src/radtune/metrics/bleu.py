"""BLEU-1 to BLEU-4 (Papineni et al. 2002) as COCO's evaluation computes them (``pycocoevalcap`` 1.2).

Unlike other BLEUs: the scale is 0 to 1; instead of smoothing, tiny constants keep the quotients defined; each sample has its own
value, and the total is computed from the summed counts of all samples, not from their values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from radtune.metrics.caption_tokens import Tokens, describe_text, tokenise_pairs
from radtune.metrics.contract import Resources, Result, Sample
from radtune.metrics.ngrams import ORDERS, clipped_overlap, ngrams

NAMES = ("bleu1", "bleu2", "bleu3", "bleu4")

_TINY = 1e-15
_SMALL = 1e-9
"""Constants of ``pycocoevalcap``: the one is added to numerators, the other to denominators."""


@dataclass(frozen=True)
class Counts:
    """What BLEU is computed from, of one pair or summed over many."""

    correct: tuple[int, ...]
    """N-grams of the candidate that the reference has too, clipped, by order."""
    guessed: tuple[int, ...]
    """N-grams of the candidate, by order."""
    candidate_length: int
    reference_length: int


def bleu(samples: Sequence[Sample], resources: Resources) -> Result:
    """BLEU-1 to -4 of each sample; as totals, those of the corpus."""
    text = resources.settings.caption_text
    counts = [count_matches(candidate, reference) for candidate, reference in tokenise_pairs(samples, text)]
    scores = [bleu_scores(of_sample) for of_sample in counts]
    signature = {
        "metric": "BLEU-1 to BLEU-4, scale 0 to 1",
        "definition": "pycocoevalcap 1.2: one reference; no smoothing; totals from the summed counts",
        "text": describe_text(text),
    }
    values = {name: [of_sample[order] for of_sample in scores] for order, name in enumerate(NAMES)}
    return Result(values, signature, dict(zip(NAMES, bleu_scores(_summed(counts)), strict=True)))


def count_matches(candidate: Tokens, reference: Tokens) -> Counts:
    """Count the n-grams of one pair."""
    return Counts(
        tuple(clipped_overlap(ngrams(candidate, order), ngrams(reference, order)) for order in ORDERS),
        tuple(max(0, len(candidate) - order + 1) for order in ORDERS),
        len(candidate),
        len(reference),
    )


def bleu_scores(counts: Counts) -> list[float]:
    """BLEU-1 to -4: geometric means of the precisions, times ``exp(1 - reference / candidate)`` for too short a candidate."""
    ratio = (counts.candidate_length + _TINY) / (counts.reference_length + _SMALL)
    brevity_penalty = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    scores: list[float] = []
    product = 1.0
    for order, correct, guessed in zip(ORDERS, counts.correct, counts.guessed, strict=True):
        product *= (correct + _TINY) / (guessed + _SMALL)
        scores.append(product ** (1 / order) * brevity_penalty)
    return scores


def _summed(counts: Sequence[Counts]) -> Counts:
    return Counts(
        tuple(sum(of_order) for of_order in zip(*(of_sample.correct for of_sample in counts), strict=True)),
        tuple(sum(of_order) for of_order in zip(*(of_sample.guessed for of_sample in counts), strict=True)),
        sum(of_sample.candidate_length for of_sample in counts),
        sum(of_sample.reference_length for of_sample in counts),
    )
