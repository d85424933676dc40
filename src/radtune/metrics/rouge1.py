"""ROUGE-1 F, per sample: clipped unigram overlap, by the ``rouge-score`` package.

Captions follow ImageCLEFmedical (normalised text, no stemming). Answers follow MedM (raw text, Porter stemming): there the
normalisation would make any two numbers equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rouge_score.rouge_scorer import RougeScorer

from radtune.config.models import Task
from radtune.metrics.contract import Resources, Result, Sample, versions
from radtune.metrics.preprocessing import NORMALISATION, normalise_caption


def rouge1(samples: Sequence[Sample], resources: Resources) -> Result:
    """ROUGE-1 F of each sample, in [0, 1]. Text without ASCII letters or digits scores 0."""
    signature = {
        "metric": "ROUGE-1 F",
        "caption": {"text": NORMALISATION, "stemmer": False},
        "question": {"text": "raw", "stemmer": True},
        "versions": versions("rouge-score"),
    }
    values = [rouge1_f(sample.prediction, sample.reference, sample.task) for sample in samples]
    return Result({"rouge1": values}, signature)


def rouge1_f(prediction: str, reference: str, task: Task = "caption") -> float:
    """ROUGE-1 F of one pair."""
    if task == "caption":
        prediction, reference = normalise_caption(prediction), normalise_caption(reference)
    return float(_scorer(use_stemmer=task == "question").score(reference, prediction)["rouge1"].fmeasure)


@cache
def _scorer(use_stemmer: bool) -> RougeScorer:
    return RougeScorer(["rouge1"], use_stemmer=use_stemmer)
