"""BLEURT (Sellam et al. 2020): a regression of human ratings, with the checkpoints of ``bleurt-pytorch``.

BLEURT-20 and its distilled versions are RemBERT encoders with one output, so ``transformers`` runs them; only the names of the
tensors differ. Texts are encoded as by Google's ``bleurt/encoding.py``. Values lie roughly in [0, 1] but are not clipped, and
equal texts do not give exactly 1. Checkpoints are not comparable with each other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch

from radtune.artifacts.digests import file_digest
from radtune.errors import WeightsError
from radtune.metrics.batches import equal_length_batches
from radtune.metrics.contract import Resources, Result, Sample, versions
from radtune.metrics.preprocessing import NORMALISATION, normalise_caption
from radtune.models.parts import read_tensors
from radtune.progress import progress
from radtune.weights.fetch import fetch, prove

LIMIT: Final = 512
"""Longest pair in tokens that BLEURT was trained on."""
_SAME_NAME: Final = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "max_position_embeddings", "type_vocab_size", "layer_norm_eps",
)  # fmt: skip
"""Keys of ``config.json`` that mean the same to RemBERT."""


class Encoded(NamedTuple):
    """One pair as the model sees it."""

    ids: tuple[int, ...]
    segments: tuple[int, ...]
    """0 for the reference and the marks up to its end, 1 for the candidate and its end."""


@dataclass(frozen=True)
class Regressor:
    """A BLEURT checkpoint."""

    tokenizer: Any
    """A ``sentencepiece.SentencePieceProcessor``."""
    model: Any
    begin: int
    end: int
    limit: int
    """Longest pair in tokens, the three marks included."""

    def encode(self, reference: str, candidate: str) -> Encoded:
        """``[CLS] reference [SEP] candidate [SEP]``, cut to the limit."""
        first, second = truncated(self.tokenizer.encode(reference), self.tokenizer.encode(candidate), self.limit - 3)
        ids = (self.begin, *first, self.end, *second, self.end)
        return Encoded(ids, (0,) * (len(first) + 2) + (1,) * (len(second) + 1))

    @torch.inference_mode()
    def rate(self, batch: Sequence[Encoded]) -> list[float]:
        """One value a pair, of pairs that are equally long."""
        ids, segments = (torch.tensor(rows, device=self.model.device) for rows in zip(*batch, strict=True))
        return [float(value) for value in self.model(ids, token_type_ids=segments).logits[:, 0].cpu()]


def bleurt(samples: Sequence[Sample], resources: Resources) -> Result:
    """BLEURT of each caption against its reference, on normalised text. Raises :class:`WeightsError` without its checkpoint."""
    settings = resources.settings
    return evaluate_checkpoint("bleurt", settings.bleurt_source, settings.bleurt_sha256, samples, resources)


def evaluate_checkpoint(name: str, source: str, sha256: str | None, samples: Sequence[Sample], resources: Resources) -> Result:
    """Score with the checkpoint ``source`` and report as ``name``. Raises :class:`WeightsError` if it cannot be had."""
    folder, weights = checkpoint(source, sha256, resources.weights_cache)
    torch.set_num_threads(resources.settings.threads)
    regressor = load_regressor(folder, weights)
    pairs = [(normalise_caption(sample.prediction), normalise_caption(sample.reference)) for sample in samples]
    signature = {
        "metric": "BLEURT, not clipped",
        "text": NORMALISATION,
        "checkpoint": source,
        "sha256": {file.name: file_digest(file) for file in (folder / "config.json", folder / "spm.model", weights)},
        "token_limit": regressor.limit,
        "versions": versions("torch", "transformers", "sentencepiece"),
    }
    return Result({name: score_pairs(regressor, pairs, resources.settings.batch_size)}, signature)


def checkpoint(source: str, sha256: str | None, cache: Path) -> tuple[Path, Path]:
    """The checkpoint's folder and its weight file, which the hub's copies hold as a pickle only.

    Raises :class:`WeightsError` if a file is missing, or differs from ``sha256``.
    """
    folder = fetch(source, cache)
    for name in ("config.json", "spm.model"):
        if not (folder / name).is_file():
            raise WeightsError(f"{source}: no {name} in {folder}", "name a BLEURT-20 checkpoint in the format of bleurt-pytorch")
    weights = folder / "model.safetensors"
    if not weights.is_file():
        return folder, fetch(f"{source}/pytorch_model.bin", cache, sha256)
    if sha256 is not None:
        prove(weights, sha256, source)
    return folder, weights


@lru_cache(maxsize=1)  # the arms of a system are scored one after another
def load_regressor(folder: Path, weights: Path) -> Regressor:
    """Load a checkpoint in float32. Raises :class:`WeightsError` if it is none of the BLEURT-20 kind."""
    from huggingface_hub.errors import StrictDataclassError
    from sentencepiece import SentencePieceProcessor
    from transformers import RemBertConfig, RemBertForSequenceClassification

    try:
        tokenizer = SentencePieceProcessor(model_file=str(folder / "spm.model"))
        begin, end = tokenizer.piece_to_id("[CLS]"), tokenizer.piece_to_id("[SEP]")
        if tokenizer.unk_id() in (begin, end):
            raise ValueError("spm.model lacks [CLS] or [SEP]")
        written = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        shared = {key: written[key] for key in _SAME_NAME}
        config = RemBertConfig(**shared, input_embedding_size=written["embedding_size"], bos_token_id=begin, eos_token_id=end)
        config.num_labels = 1
        model: Any = RemBertForSequenceClassification(config)
        model.load_state_dict(_rembert_names(read_tensors(weights)))
    except (OSError, KeyError, ValueError, RuntimeError, StrictDataclassError) as error:
        raise WeightsError(
            f"{folder}: not a BLEURT-20 checkpoint: {error}",
            "name BLEURT-20 or one of its distilled versions; the older WordPiece checkpoints (bleurt-base-128 …) are not read",
        ) from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Regressor(tokenizer, model.eval().to(device), begin, end, min(LIMIT, config.max_position_embeddings))


def score_pairs(regressor: Regressor, pairs: Sequence[tuple[str, str]], batch_size: int) -> list[float]:
    """Value of each (candidate, reference) pair. Equal pairs are rated once."""
    encoded = [regressor.encode(reference, candidate) for candidate, reference in pairs]
    values: dict[Encoded, float] = {}
    for batch in progress(equal_length_batches(encoded, lambda pair: len(pair.ids), batch_size), "BLEURT", unit="batch"):
        values.update(zip(batch, regressor.rate(batch), strict=True))
    return [values[pair] for pair in encoded]


def truncated(reference: Sequence[int], candidate: Sequence[int], limit: int) -> tuple[list[int], list[int]]:
    """Both without their last tokens: one by one from the longer, from the candidate on a tie, until they fit together."""
    first, second = list(reference), list(candidate)
    while len(first) + len(second) > limit:
        (first if len(first) > len(second) else second).pop()
    return first, second


def _rembert_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors under RemBERT's names, without the position ids that older libraries stored."""
    return {
        name.replace("bleurt.", "rembert.", 1).replace("embedding_projection", "embedding_hidden_mapping_in"): tensor
        for name, tensor in tensors.items()
        if not name.endswith("position_ids")
    }
