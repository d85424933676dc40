"""N-grams, on which ROUGE, BLEU and CIDEr rest."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

ORDERS = (1, 2, 3, 4)
"""Lengths of the n-grams that BLEU and CIDEr count."""

NGram = tuple[str, ...]


def ngrams(tokens: Sequence[str], order: int) -> list[NGram]:
    """Every run of ``order`` neighbouring tokens."""
    return list(zip(*(tokens[start:] for start in range(order)), strict=False))


def clipped_overlap(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Number of elements in common, each counted as often as it stands in both.

    Two texts share few n-grams, so that counting only those is faster than counting all of each.
    """
    return sum(min(first.count(shared), second.count(shared)) for shared in set(first).intersection(second))
