"""CIDEr (Vedantam et al. 2015) as COCO's evaluation computes it (``pycocoevalcap`` 1.2).

It is the form CIDEr-D, without stemming: clipped counts, and a penalty for a difference in length. N-grams are weighed by how
rare they are in the references *of the evaluated items*, so values of different test sets, or of a part of one, cannot be
compared.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from radtune.metrics.caption_tokens import Tokens, describe_text, tokenise_pairs
from radtune.metrics.contract import Resources, Result, Sample
from radtune.metrics.ngrams import ORDERS, NGram, ngrams

SIGMA = 6.0
"""Standard deviation of the length penalty."""
SCALE = 10.0
"""A caption equal to its reference scores 10."""


def cider(samples: Sequence[Sample], resources: Resources) -> Result:
    """CIDEr of each sample, in [0, 10]. A test set of one item scores 0: nothing is rare in it."""
    text = resources.settings.caption_text
    pairs = tokenise_pairs(samples, text)
    references = {sample.item_id: reference for sample, (_, reference) in zip(samples, pairs, strict=True)}
    signature = {
        "metric": "CIDEr-D, scale 0 to 10",
        "definition": "pycocoevalcap 1.2: no stemming, sigma 6, one reference",
        "document_frequencies": {"of": "references of the evaluated items", "items": len(references)},
        "text": describe_text(text),
    }
    return Result({"cider": score_pairs(pairs, list(references.values()))}, signature)


def score_pairs(pairs: Sequence[tuple[Tokens, Tokens]], references: Sequence[Tokens]) -> list[float]:
    """CIDEr of each (candidate, reference) pair, with document frequencies counted over ``references``."""
    sums = [0.0] * len(pairs)
    for order in ORDERS:  # one after another: the table of one order is all that has to be held
        rarity = Rarity(references, order)
        for index, (candidate, reference) in enumerate(pairs):
            sums[index] += rarity.similarity(Counter(ngrams(candidate, order)), Counter(ngrams(reference, order)))
    return [
        SCALE / len(ORDERS) * total * _length_penalty(candidate, reference)
        for total, (candidate, reference) in zip(sums, pairs, strict=True)
    ]


class Rarity:
    """Inverse document frequencies of the n-grams of one order."""

    def __init__(self, documents: Sequence[Tokens], order: int) -> None:
        self._log_documents = math.log(len(documents))
        self._frequencies = Counter(gram for document in documents for gram in set(ngrams(document, order)))

    def weigh(self, counts: Counter[NGram]) -> dict[NGram, float]:
        """Count times ``ln(N) - ln(df)`` of each n-gram; one that no document has counts as if one had it."""
        return {gram: count * (self._log_documents - math.log(max(1, self._frequencies[gram]))) for gram, count in counts.items()}

    def similarity(self, candidate: Counter[NGram], reference: Counter[NGram]) -> float:
        """Cosine of the two weighed vectors, the candidate's entries cut at the reference's; 0 where either has no weight."""
        ours, theirs = self.weigh(candidate), self.weigh(reference)
        norms = _norm(ours.values()) * _norm(theirs.values())
        return sum(min(ours[gram], theirs[gram]) * theirs[gram] for gram in ours if gram in theirs) / norms if norms else 0.0


def _norm(values: Iterable[float]) -> float:
    return math.sqrt(sum(value * value for value in values))


def _length_penalty(candidate: Tokens, reference: Tokens) -> float:
    """Gaussian of the difference in length, which is counted in bigrams."""
    difference = max(0, len(candidate) - 1) - max(0, len(reference) - 1)
    return math.exp(-(difference**2) / (2 * SIGMA**2))
