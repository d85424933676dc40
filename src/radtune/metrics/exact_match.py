"""Exact match of answers after SQuAD's normalisation."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from radtune.metrics.contract import Resources, Result, Sample

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact_match(samples: Sequence[Sample], resources: Resources) -> Result:
    """1 where the normalised answer equals the normalised reference, else 0."""
    signature = {"metric": "exact match", "text": "SQuAD: lower case; no ASCII punctuation, no articles, single spaces"}
    values: list[float | None] = [
        float(normalise_answer(sample.prediction) == normalise_answer(sample.reference)) for sample in samples
    ]
    return Result({"exact_match": values}, signature)


def normalise_answer(text: str) -> str:
    """Lower-case, delete ASCII punctuation and English articles, collapse white space (the SQuAD v1.1 evaluation script)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())
