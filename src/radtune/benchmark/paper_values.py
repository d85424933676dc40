"""What the papers print for their systems, as printed, by the names of the published configuration.

Left out, because radtune configures no such system: other training data of the radiological VQA paper's table 1 (MedPix, and both
together), and its table 2, which is question marks. The counts of trained parameters stand in
:mod:`radtune.config.published_models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from radtune.config.models import Task

JOURNAL: Final = "Bioengineering 2025, 12(12), 1330"
CONFERENCE: Final = "ICMI 2025"
VQA: Final = "Adapting Lightweight Multimodal Language Models for Radiological Visual Question Answering"
REPORTS: Final = "arXiv 2312.01504"


@dataclass(frozen=True)
class PaperValue:
    """One printed number."""

    system: str
    arm: str
    task: Task
    metric: str
    """radtune's name of it: of the registry, an average, or of a metric that radtune has not (``medbertscore`` …)."""
    value: float
    source: str
    """Paper and table."""
    note: str = ""
    """What makes it doubtful or hard to compare; begins with :data:`WRONG` where the paper's own table contradicts it."""


WRONG: Final = "wrong in print"

COLUMNS: Final = (
    "similarity", "bertscore", "rouge1", "bleurt", "concept_f1", "alignscore", "relevance", "factuality", "overall",
)  # fmt: skip
"""Of the journal's tables 4 and 5."""

TABLE_4: Final[Mapping[str, tuple[float, ...]]] = {
    "llava16_mistral_7b": (0.870, 0.628, 0.251, 0.315, 0.154, 0.081, 0.516, 0.118, 0.317),
    "llava16_vicuna_7b": (0.830, 0.625, 0.245, 0.314, 0.142, 0.076, 0.504, 0.109, 0.306),
    "idefics_9b": (0.781, 0.621, 0.229, 0.296, 0.128, 0.070, 0.482, 0.099, 0.290),
    "llava15_7b": (0.720, 0.617, 0.218, 0.295, 0.108, 0.059, 0.462, 0.083, 0.273),
    "moondream2": (0.757, 0.586, 0.216, 0.303, 0.120, 0.066, 0.466, 0.093, 0.279),
    "qwen2_vl_2b": (0.570, 0.518, 0.160, 0.238, 0.074, 0.109, 0.372, 0.091, 0.232),
    "smolvlm_500m": (0.414, 0.536, 0.136, 0.252, 0.016, 0.060, 0.362, 0.038, 0.200),
    "qwen25_vl_3b": (0.449, 0.453, 0.124, 0.256, 0.048, 0.064, 0.320, 0.056, 0.188),
    "visiongpt2": (0.389, 0.546, 0.118, 0.247, 0.022, 0.035, 0.325, 0.028, 0.177),
    "cnn_transformer": (0.399, 0.414, 0.044, 0.277, 0.018, 0.030, 0.284, 0.024, 0.154),
}
"""The comparison of models, arm ``plain``."""

TABLE_5: Final[Mapping[str, tuple[float, ...]]] = {
    "smolvlm_500m": (0.418, 0.532, 0.144, 0.266, 0.031, 0.096, 0.365, 0.048, 0.207),
    "qwen2_vl_2b": (0.364, 0.456, 0.121, 0.311, 0.017, 0.086, 0.313, 0.052, 0.182),
    "qwen25_vl_3b": (0.502, 0.461, 0.122, 0.268, 0.032, 0.065, 0.351, 0.049, 0.200),
}
"""The predicted modality in the prompt, arm ``modality``; its rows without it repeat table 4."""

_OF_THREE: Final = f"{WRONG}: the mean of the row's similarity, BERTScore and ROUGE without BLEURT"
_FOLLOWS: Final = "the mean of relevance and factuality as printed, so it follows from the wrong one"
DOUBTFUL: Final[Mapping[tuple[str, str, str], str]] = {
    ("smolvlm_500m", "plain", "relevance"): f"{_OF_THREE}; the row gives 0.3345",
    ("smolvlm_500m", "plain", "overall"): f"{_FOLLOWS}; the row gives 0.186",
    ("smolvlm_500m", "modality", "relevance"): f"{_OF_THREE}; the row gives 0.340",
    ("smolvlm_500m", "modality", "factuality"): f"{WRONG}: the row gives 0.0635",
    ("smolvlm_500m", "modality", "overall"): f"{_FOLLOWS}; the row gives 0.202",
    ("qwen25_vl_3b", "modality", "relevance"): f"{WRONG}: the row gives 0.338",
    ("qwen25_vl_3b", "modality", "overall"): f"{_FOLLOWS}; the row gives 0.193",
}
"""Cells of tables 4 and 5 that are not what their rows give, in three rows. They are kept as printed."""

STRATEGIES: Final[Mapping[str, Mapping[str, float]]] = {
    "llava16_mistral_7b_extended": {
        "similarity": 0.786, "bertscore": 0.623, "rouge1": 0.238, "bleurt": 0.308, "concept_f1": 0.129, "alignscore": 0.069,
    },
    "llava16_mistral_7b_hybrid": {
        "similarity": 0.827, "bertscore": 0.625, "rouge1": 0.244, "bleurt": 0.313, "concept_f1": 0.140, "alignscore": 0.070,
    },
    "llava16_vicuna_7b_hybrid": {"similarity": 0.728, "concept_f1": 0.107, "alignscore": 0.059},
}  # fmt: skip
"""Section 3.1 of the journal, arm ``plain``; the rest of its figures 6 and 7 is not printed as numbers."""

TABLE_I: Final[Mapping[str, tuple[float, float]]] = {
    "clipscore": (0.821262, 0.685257),
    "medbertscore": (0.632664, 0.556308),
    "bertscore": (0.628059, 0.545773),
    "refclipscore": (0.815534, 0.692432),
    "clinical_bleurt": (0.455942, 0.450116),
    "bleurt": (0.317385, 0.244725),
    "cider": (0.245029, 0.028805),
    "rouge1": (0.250801, 0.118446),
    "bleu1": (0.209298, 0.102386),
    "meteor": (0.092682, 0.035134),
}
"""The conference paper's scores of LLaVA-1.6-Mistral and of VisionGPT-2 on the test set of ImageCLEFmedical Caption 2024."""
_TABLE_I_SYSTEMS: Final = ("llava16_mistral_7b", "visiongpt2")

_DEVIATION: Final = "standard deviation over answers: {}"
TABLE_1: Final[Mapping[str, tuple[float, str]]] = {
    "rouge1": (0.325, _DEVIATION.format(0.132)),
    "rouge2": (0.179, _DEVIATION.format(0.124)),
    "rougeL": (0.278, _DEVIATION.format(0.120)),
    "bleu4": (0.059, _DEVIATION.format(0.090)),
    "judged_accuracy": (0.315, "63 of 200 answers, judged by ChatGPT with a template that is not printed"),
}
"""PaliGemma trained on ROCO v2.0, answers to questions, table 1 of the VQA paper: its rouge-s, -m and -l, BLEU and accuracy."""

ABSTRACT: Final[Mapping[str, tuple[float, str]]] = {
    "bleu4": (0.069, "printed as 6.9"),
    "rougeL": (0.235, "printed as 23.5; by the field's convention with beta 1.2"),
    "chexbert_macro_14": (0.320, "printed as 32.0, without saying whether macro or micro"),
}
"""Reports of MIMIC-CXR by the two-stage training with OpenLLaMA-7B."""


def _printed() -> tuple[PaperValue, ...]:
    values: list[PaperValue] = []
    for table, arm, number in ((TABLE_4, "plain", 4), (TABLE_5, "modality", 5)):
        values += [
            PaperValue(
                system, arm, "caption", metric, value, f"{JOURNAL}, table {number}", DOUBTFUL.get((system, arm, metric), "")
            )
            for system, row in table.items()
            for metric, value in zip(COLUMNS, row, strict=True)
        ]
    values += [
        PaperValue(system, "plain", "caption", metric, value, f"{JOURNAL}, section 3.1")
        for system, row in STRATEGIES.items()
        for metric, value in row.items()
    ]
    for metric, row in TABLE_I.items():
        for system, value in zip(_TABLE_I_SYSTEMS, row, strict=True):
            note = "the abstract says 0.816" if (system, metric) == ("llava16_mistral_7b", "clipscore") else ""
            values.append(PaperValue(system, "plain", "caption", metric, value, f"{CONFERENCE}, table I", note))
    values += [
        PaperValue("paligemma_3b", "plain", "question", metric, value, f"{VQA}, table 1", note)
        for metric, (value, note) in TABLE_1.items()
    ]
    values += [
        PaperValue("soft_prompt_openllama_7b", "plain", "caption", metric, value, f"{REPORTS}, abstract", note)
        for metric, (value, note) in ABSTRACT.items()
    ]
    return tuple(values)


PAPER_VALUES: Final = _printed()
"""Every printed value, in the order of the tables."""
