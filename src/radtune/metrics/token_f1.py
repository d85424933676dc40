"""Overlap of the words of an answer and its reference, as LLaVA-Med evaluates open questions (its paper quotes the recall).

Words are normalised as by the evaluation script of the VQA data set, but for its table of contractions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from radtune.metrics.contract import Resources, Result, Sample, f1

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")
"""The script means to spare the points of numbers, and does: it only looks at what follows."""
_ARTICLES = frozenset({"a", "an", "the"})
_NUMBERS = {
    "none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10",
}  # fmt: skip


class TokenOverlap(NamedTuple):
    """Overlap of one pair, each value in [0, 1]."""

    token_precision: float
    token_recall: float
    token_f1: float


def token_f1(samples: Sequence[Sample], resources: Resources) -> Result:
    """Precision, recall and F1 of the words of each sample."""
    overlaps = [token_overlap(sample.prediction, sample.reference) for sample in samples]
    signature = {
        "metric": "precision, recall and F1 of words",
        "definition": "LLaVA-Med: a word of both texts is a hit as often as it stands in the prediction",
        "text": "VQA evaluation: lower case, no punctuation, no articles, number words as digits; contractions as they are",
    }
    return Result({name: [getattr(overlap, name) for overlap in overlaps] for name in TokenOverlap._fields}, signature)


def token_overlap(prediction: str, reference: str) -> TokenOverlap:
    """Overlap of one pair; 0 where either has no words.

    A word of both texts counts as often as the *prediction* has it, so that repeating a right word raises the values: this is
    LLaVA-Med's definition, kept for comparison with published values.
    """
    predicted, wanted = Counter(normalise_words(prediction)), Counter(normalise_words(reference))
    hits = sum(count for word, count in predicted.items() if word in wanted)
    if not hits:
        return TokenOverlap(0.0, 0.0, 0.0)
    missed = sum(count for word, count in wanted.items() if word not in predicted)
    precision, recall = hits / predicted.total(), hits / (hits + missed)
    return TokenOverlap(precision, recall, f1(precision, recall))


def normalise_words(text: str) -> list[str]:
    """Words of ``text`` after VQA's normalisation.

    All marks of one kind are deleted where one of them stands beside a space, or where the text has a comma within a number;
    else they become spaces: ``x-ray`` gives two words, ``x-ray - lateral`` gives ``xray lateral``.
    """
    cleaned = text.lower()
    comma_in_number = _COMMA_IN_NUMBER.search(cleaned) is not None
    for mark in _PUNCTUATION:
        deleted = comma_in_number or f"{mark} " in text or f" {mark}" in text
        cleaned = cleaned.replace(mark, "" if deleted else " ")
    words = _PERIOD.sub("", cleaned).split()
    return [_NUMBERS.get(word, word) for word in words if word not in _ARTICLES]
