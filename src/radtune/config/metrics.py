"""Settings of the ``metrics`` and ``benchmark`` rooms."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from radtune.config.base import Settings

MetricName = Literal[
    "rouge", "bleu", "cider", "meteor", "bertscore", "concept_f1", "similarity", "clipscore", "chexbert", "exact_match",
    "token_f1", "modality_accuracy", "bleurt", "clinical_bleurt", "alignscore", "medbertscore", "judged_accuracy",
]  # fmt: skip
VariantName = Literal["imageclef2024", "imageclef2025-code", "imageclef2025-paper", "imageclef2026-code"]
RelevanceMetric = Literal["similarity", "bertscore", "rouge1", "bleurt"]
FactualityMetric = Literal["concept_f1", "alignscore"]
ConceptTypes = Literal["all", "medcon"]
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
        "similarity",
        "clipscore",
        "bleurt",
        "alignscore",
        "exact_match",
        "token_f1",
        "modality_accuracy",
    )
    """Metrics computed for every prediction they apply to."""
    variant: VariantName | None = None
    """An edition of ImageCLEFmedical to score as: it decides `bertscore_value`, `bertscore_idf`, `bleurt_source` (unless that
    is a `path:`), `concept_types`, `relevance` and `factuality`, whatever they say."""
    relevance: tuple[RelevanceMetric, ...] = ("similarity", "bertscore", "rouge1", "bleurt")
    """Metrics whose mean is the relevance of a caption, null where one of them is; empty to leave it out."""
    factuality: tuple[FactualityMetric, ...] = ("concept_f1", "alignscore")
    """Metrics whose mean is the factuality; empty to leave it out. Overall is the mean of relevance and factuality."""
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
    """Whether the headline value `bertscore` weighs tokens by their inverse document frequency in the reference captions."""
    bertscore_value: Literal["precision", "recall", "f1"] = "f1"
    """Which of the three the headline value is: ImageCLEF's code takes F1, its text says recall. All six are computed."""
    bleurt_source: str = "hub:lucadiliello/BLEURT-20-D12@main"
    """BLEURT's checkpoint as `bleurt-pytorch` publishes it: `config.json`, `spm.model`, and `pytorch_model.bin` or
    `model.safetensors`."""
    bleurt_sha256: str | None = None
    """SHA-256 of its weight file."""
    clinical_bleurt_source: str = ""
    """A ClinicalBLEURT checkpoint in the same format; empty if you have none, since no copy is public."""
    clinical_bleurt_sha256: str | None = None
    """SHA-256 of its weight file."""
    alignscore_source: str = "hub:yzha/AlignScore@main/AlignScore-base.ckpt"
    """AlignScore's checkpoint file."""
    alignscore_sha256: str | None = None
    """SHA-256 of the checkpoint file."""
    alignscore_encoder: str = "hub:FacebookAI/roberta-base@main"
    """The RoBERTa that the checkpoint was trained from: only its `config.json`, `vocab.json` and `merges.txt` are read."""
    concept_types: ConceptTypes = "all"
    """Semantic types that UMLS concept F1 counts: all, as ImageCLEF's code does, or MEDCON's 66, as its text says. The concept
    table or model pack must then have types."""
    concept_pack_source: str = ""
    """Your own MedCAT 2 model pack (a folder or a .zip) for concept F1; empty to build one from the concept table."""
    concept_pack_sha256: str | None = None
    """SHA-256 of the pack's .zip."""
    similarity_encoder: Literal["medimageinsight", "clip"] = "medimageinsight"
    """What encodes image and caption: ImageCLEF's MedImageInsight, or a CLIP in its place."""
    similarity_source: str = "hub:lion-ai/MedImageInsights@c3a1ea9b7cb791fdd810a3ee2540ec2e8aa9af4f"
    """MedImageInsight's repository or a copy of it, with the folder `2024.09.27`; of a CLIP, a folder that `transformers` can
    load, with `model.safetensors`."""
    similarity_sha256: str | None = None
    """SHA-256 of its weight file."""
    clipscore_source: str = "hub:openai/clip-vit-base-patch32@c237dc49a33fc61debc9276459120b7eac67e7ef"
    """The CLIP of CLIPScore and RefCLIPScore, as above; this commit of the published ViT-B/32 has safetensors."""
    clipscore_sha256: str | None = None
    """SHA-256 of its weight file."""
    chexbert_source: str = "hub:StanfordAIMI/RRG_scorers@main/chexbert.pth"
    """CheXbert's checkpoint file; commercial use needs a licence."""
    chexbert_sha256: str | None = None
    """SHA-256 of the checkpoint file."""
    chexbert_tokenizer: str = "hub:google-bert/bert-base-uncased@main"
    """The BERT that CheXbert was trained from: only its tokenizer and `config.json` are read."""
    chexbert_uncertain: Literal["positive", "negative"] = "positive"
    """Whether an observation that a text calls possible counts as reported."""
    batch_size: int = Field(32, ge=1)
    """Most texts or images a forward pass; scores do not depend on it."""
    threads: int = Field(2, ge=1)
    """Processor threads."""


class BenchmarkSettings(Settings):
    """How systems are compared."""

    confidence: float = Field(0.95, gt=0.0, lt=1.0)
    """Level of the confidence intervals."""
    resamples: int = Field(2_000, ge=1)
    """Bootstrap and permutation resamples."""
    caption_lengths: tuple[int, ...] = ()
    """Ascending upper bounds, in words and inclusive, of the slices by caption length; empty for the terciles of the test set."""

    @field_validator("caption_lengths")
    @classmethod
    def _ascending(cls, bounds: tuple[int, ...]) -> tuple[int, ...]:
        if list(bounds) != sorted({bound for bound in bounds if bound > 0}):
            raise ValueError("not ascending numbers of words")
        return bounds
