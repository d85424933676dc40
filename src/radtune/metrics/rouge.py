"""ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004) as the F measures of ``rouge-score`` 0.1.2, without its table per pair.

Captions follow ImageCLEFmedical (normalised text, no stemming). Answers follow MedM (raw text, Porter stemming): there the
normalisation would make any two numbers equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from typing import NamedTuple

from radtune.config.models import Task
from radtune.metrics.contract import Resources, Result, Sample, f1, versions
from radtune.metrics.ngrams import clipped_overlap, ngrams
from radtune.metrics.preprocessing import NORMALISATION, normalise_caption

_TOKEN = re.compile(r"[a-z0-9]+")
_LONGEST_UNSTEMMED = 3
"""``rouge-score`` stems no word of up to three letters."""


class Rouge(NamedTuple):
    """F measures of one pair, each in [0, 1]."""

    rouge1: float
    rouge2: float
    rougeL: float


def rouge(samples: Sequence[Sample], resources: Resources) -> Result:
    """ROUGE-1, -2 and -L F of each sample. Text without ASCII letters or digits scores 0."""
    tokens = cache(_task_tokens)  # each distinct text once: references recur
    scores = [rouge_f(tokens(sample.prediction, sample.task), tokens(sample.reference, sample.task)) for sample in samples]
    signature = {
        "metric": "ROUGE-1, ROUGE-2, ROUGE-L: F",
        "tokens": "of rouge-score 0.1.2: lower case, runs of ASCII letters and digits",
        "caption": {"text": NORMALISATION, "stemmer": False},
        "question": {"text": "raw", "stemmer": True},
        "versions": versions("nltk"),
    }
    return Result({name: [getattr(score, name) for score in scores] for name in Rouge._fields}, signature)


def rouge_f(prediction: Sequence[str], reference: Sequence[str]) -> Rouge:
    """F measures of one pair of token sequences."""
    return Rouge(
        _f(clipped_overlap(prediction, reference), len(prediction), len(reference)),
        _f(clipped_overlap(ngrams(prediction, 2), ngrams(reference, 2)), len(prediction) - 1, len(reference) - 1),
        _f(longest_common_subsequence(prediction, reference), len(prediction), len(reference)),
    )


def tokenise(text: str, *, stem: bool) -> tuple[str, ...]:
    """Tokens of ``text`` as ``rouge-score`` makes them: lower case, runs of ASCII letters and digits, Porter stems if asked."""
    words = _TOKEN.findall(text.lower())
    if not stem:
        return tuple(words)
    stemmed = _stemmer()
    return tuple(token for word in words if (token := stemmed(word) if len(word) > _LONGEST_UNSTEMMED else word))


def longest_common_subsequence(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence, by the bit-parallel algorithm of Hyyrö (2004).

    Bit i of ``row`` is 0 where the table of the textbook algorithm grows by one at element i of ``first``.
    """
    shared = set(first).intersection(second)
    kept = [token for token in first if token in shared]
    positions = dict.fromkeys(shared, 0)
    for index, token in enumerate(kept):
        positions[token] |= 1 << index
    row = everywhere = (1 << len(kept)) - 1
    for token in second:
        if token in shared:
            matched = row & positions[token]
            row = row + matched | row - matched  # carries leave through the top, above the bits that count
    return len(kept) - (row & everywhere).bit_count()


def _task_tokens(text: str, task: Task) -> tuple[str, ...]:
    return tokenise(normalise_caption(text), stem=False) if task == "caption" else tokenise(text, stem=True)


def _f(common: int, predicted: int, reference: int) -> float:
    return f1(common / predicted, common / reference) if common else 0.0


@cache
def _stemmer() -> Callable[[str], str]:
    """Porter's stemmer in NLTK's variant, which ``rouge-score`` uses; every word is stemmed once."""
    from nltk.stem.porter import PorterStemmer

    stem: Callable[[str], str] = PorterStemmer().stem
    return cache(stem)
