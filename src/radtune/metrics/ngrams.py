"""Counts of n-grams, on which BLEU and CIDEr rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

ORDERS = (1, 2, 3, 4)
"""Lengths of the n-grams that BLEU and CIDEr count."""

NGram = tuple[str, ...]


def count_ngrams(tokens: Sequence[str], order: int) -> Counter[NGram]:
    """How often each run of ``order`` neighbouring tokens occurs."""
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))


def clipped_overlap(first: Counter[NGram], second: Counter[NGram]) -> int:
    """Number of n-grams in common, each counted as often as it stands in both."""
    return sum(min(first[gram], second[gram]) for gram in first.keys() & second.keys())
