"""Settings of the ``metrics`` and ``benchmark`` rooms."""

from __future__ import annotations

from typing import Literal

from radtune.config.base import Settings

MetricName = Literal["rouge1", "bertscore", "concept_f1", "exact_match", "modality_accuracy"]


class MetricSettings(Settings):
    """What is measured."""

    metrics: tuple[MetricName, ...] = ("rouge1", "bertscore", "concept_f1", "exact_match", "modality_accuracy")
    """Metrics computed for every prediction they apply to."""
    bertscore_source: str = "hub:microsoft/deberta-xlarge-mnli@main"
    """Weights of BERTScore's encoder."""
    bertscore_sha256: str | None = None
    """SHA-256 of the weight file of a `package:` source."""
    bertscore_layer: int = 40
    """Hidden layer whose states are compared."""
    bertscore_idf: bool = False
    """Weigh tokens by their inverse document frequency in the references."""
    batch_size: int = 32
    """Texts a forward pass; scores do not depend on it."""
    threads: int = 2
    """Processor threads."""


class BenchmarkSettings(Settings):
    """How systems are compared."""

    confidence: float = 0.95
    """Level of the confidence intervals."""
    resamples: int = 2_000
    """Bootstrap and permutation resamples."""
