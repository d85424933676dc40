"""The metrics by name. Each is imported only when asked for, so that one metric does not need another's libraries.

The loaders import by statement, not by a module's name in a string: so the code digest of the scoring step covers them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from radtune.config.metrics import MetricName
from radtune.config.models import Task
from radtune.metrics.contract import Metric


@dataclass(frozen=True)
class Entry:
    """A metric that is not yet imported."""

    tasks: frozenset[Task]
    """Tasks whose predictions it applies to."""
    names: tuple[str, ...]
    """Names of the values it gives."""
    load: Callable[[], Metric]


def _load_rouge() -> Metric:
    from radtune.metrics.rouge import rouge

    return rouge


def _load_bleu() -> Metric:
    from radtune.metrics.bleu import bleu

    return bleu


def _load_cider() -> Metric:
    from radtune.metrics.cider import cider

    return cider


def _load_meteor() -> Metric:
    from radtune.metrics.meteor import meteor

    return meteor


def _load_token_f1() -> Metric:
    from radtune.metrics.token_f1 import token_f1

    return token_f1


def _load_bertscore() -> Metric:
    from radtune.metrics.bertscore import bertscore

    return bertscore


def _load_concept_f1() -> Metric:
    from radtune.metrics.concept_f1 import concept_f1

    return concept_f1


def _load_bleurt() -> Metric:
    from radtune.metrics.bleurt import bleurt

    return bleurt


def _load_clinical_bleurt() -> Metric:
    from radtune.metrics.clinical_bleurt import clinical_bleurt

    return clinical_bleurt


def _load_alignscore() -> Metric:
    from radtune.metrics.alignscore import alignscore

    return alignscore


def _load_exact_match() -> Metric:
    from radtune.metrics.exact_match import exact_match

    return exact_match


def _load_modality_accuracy() -> Metric:
    from radtune.metrics.modality_accuracy import modality_accuracy

    return modality_accuracy


def _load_similarity() -> Metric:
    from radtune.metrics.similarity import similarity

    return similarity


def _load_clipscore() -> Metric:
    from radtune.metrics.clipscore import clipscore

    return clipscore


def _load_medbertscore() -> Metric:
    from radtune.metrics.medbertscore import medbertscore

    return medbertscore


def _load_judged_accuracy() -> Metric:
    from radtune.metrics.judged_accuracy import judged_accuracy

    return judged_accuracy


def _load_chexbert() -> Metric:
    from radtune.metrics.chexbert import chexbert

    return chexbert


METRICS: Final[Mapping[MetricName, Entry]] = {
    "rouge": Entry(frozenset({"caption", "question"}), ("rouge1", "rouge2", "rougeL"), _load_rouge),
    "bleu": Entry(frozenset({"caption"}), ("bleu1", "bleu2", "bleu3", "bleu4"), _load_bleu),
    "cider": Entry(frozenset({"caption"}), ("cider",), _load_cider),
    "meteor": Entry(frozenset({"caption"}), ("meteor",), _load_meteor),
    "bertscore": Entry(
        frozenset({"caption"}),
        (
            "bertscore",
            "bertscore_precision",
            "bertscore_recall",
            "bertscore_f1",
            "bertscore_precision_idf",
            "bertscore_recall_idf",
            "bertscore_f1_idf",
        ),
        _load_bertscore,
    ),
    "medbertscore": Entry(
        frozenset({"caption"}), ("medbertscore", "medbertscore_precision", "medbertscore_recall"), _load_medbertscore
    ),
    "concept_f1": Entry(frozenset({"caption"}), ("concept_f1",), _load_concept_f1),
    "similarity": Entry(frozenset({"caption"}), ("similarity",), _load_similarity),
    "clipscore": Entry(frozenset({"caption"}), ("clipscore", "refclipscore"), _load_clipscore),
    "chexbert": Entry(
        frozenset({"caption"}),
        ("chexbert_micro_14", "chexbert_macro_14", "chexbert_micro_5", "chexbert_macro_5"),
        _load_chexbert,
    ),
    "bleurt": Entry(frozenset({"caption"}), ("bleurt",), _load_bleurt),
    "clinical_bleurt": Entry(frozenset({"caption"}), ("clinical_bleurt",), _load_clinical_bleurt),
    "alignscore": Entry(frozenset({"caption"}), ("alignscore",), _load_alignscore),
    "exact_match": Entry(frozenset({"question"}), ("exact_match",), _load_exact_match),
    "token_f1": Entry(frozenset({"question"}), ("token_precision", "token_recall", "token_f1"), _load_token_f1),
    "judged_accuracy": Entry(frozenset({"question"}), ("judged_accuracy",), _load_judged_accuracy),
    "modality_accuracy": Entry(frozenset({"caption"}), ("modality_accuracy",), _load_modality_accuracy),
}
"""Every metric that the configuration may name."""
