"""Settings of the ``metrics`` and ``benchmark`` rooms."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from radtune.config.base import Settings

MetricName = Literal[
    "rouge", "bleu", "cider", "meteor", "bertscore", "concept_f1", "exact_match", "token_f1", "modality_accuracy"
]
CaptionText = Literal["normalised", "raw"]


class MetricSettings(Settings):
    """What is measured."""

    metrics: tuple[MetricName, ...] = (
        "rouge",
        "bleu",
        "cider",
        "meteor",
        "bertscore",
        "concept_f1",
        "exact_match",
        "token_f1",
        "modality_accuracy",
    )
    """Metrics computed for every prediction they apply to."""
    caption_text: CaptionText = "normalised"
    """Text that BLEU, CIDEr and METEOR are computed on, before its Penn Treebank tokens: as ImageCLEF normalises it, or raw."""
    meteor_source: str = "package:pycocoevalcap==1.2"
    """Where `meteor-1.5.jar` and its paraphrase table lie: a wheel or a folder, which may hold them at any depth."""
    bertscore_source: str = "hub:microsoft/deberta-xlarge-mnli@main"
    """Weights of BERTScore's encoder: a folder that `transformers` can load, with safetensors."""
    bertscore_folder: str = ""
    """Where the model's folder lies inside the source; empty for the source itself."""
    bertscore_sha256: str | None = None
    """SHA-256 of the model's weight file; required for a `package:` source."""
    bertscore_layer: int = Field(40, ge=1)
    """Hidden layer whose states are compared; the layers after it are not even loaded."""
    bertscore_idf: bool = False
    """Weigh tokens by their inverse document frequency in the reference captions of the evaluated split."""
    bertscore_value: Literal["precision", "recall", "f1"] = "f1"
    """Which of the three is reported (ImageCLEF's code takes F1, its text says recall)."""
    batch_size: int = Field(32, ge=1)
    """Most texts a forward pass; scores do not depend on it."""
    threads: int = Field(2, ge=1)
    """Processor threads."""


class BenchmarkSettings(Settings):
    """How systems are compared."""

    confidence: float = Field(0.95, gt=0.0, lt=1.0)
    """Level of the confidence intervals."""
    resamples: int = Field(2_000, ge=1)
    """Bootstrap and permutation resamples."""
