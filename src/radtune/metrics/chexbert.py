"""F1-CheXbert: do prediction and reference report the same observations, as the labeller CheXbert reads them?

The network is that of CheXbert (Smit et al. 2020): BERT, and one linear layer an observation on its first state.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from radtune.artifacts.digests import file_digest
from radtune.errors import WeightsError
from radtune.metrics.batches import equal_length_batches
from radtune.metrics.contract import Resources, Result, Sample, f1, is_empty, versions
from radtune.progress import progress
from radtune.weights.checkpoint_folder import load_tokenizer
from radtune.weights.fetch import fetch

OBSERVATIONS: Final = (
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema", "Consolidation", "Pneumonia",
    "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices", "No Finding",
)  # fmt: skip
"""In the order of the network's heads."""
FIVE: Final = ("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion")
"""Those of CheXpert's competition, on which the 5-class values are taken."""
GROUPS: Final[Mapping[int, tuple[int, ...]]] = {
    14: tuple(range(len(OBSERVATIONS))),
    5: tuple(OBSERVATIONS.index(name) for name in FIVE),
}

POSITIVE: Final = 1
UNCERTAIN: Final = 3
"""Classes of a head: blank, positive, negative, uncertain. That of No Finding has the first two only."""
TOKEN_LIMIT: Final = 512

Mentions = NDArray[np.bool_]
"""Texts x observations: which observations a text reports."""


@dataclass(frozen=True)
class CheXbert:
    """The labeller."""

    tokenizer: Any
    bert: Any
    heads: torch.nn.ModuleList

    @torch.inference_mode()
    def classify(self, texts: Sequence[str], batch_size: int) -> dict[str, tuple[int, ...]]:
        """Class of every observation in each distinct text. Nothing is padded."""
        tokens = {text: self._tokenise(text) for text in texts}
        classes: dict[tuple[int, ...], tuple[int, ...]] = {}
        for batch in progress(equal_length_batches(tokens.values(), len, batch_size), "CheXbert", unit="batch"):
            first = self.bert(torch.tensor(batch, device=self.bert.device)).last_hidden_state[:, 0]
            chosen = torch.stack([head(first).argmax(dim=-1) for head in self.heads], dim=1).tolist()
            classes |= {ids: tuple(row) for ids, row in zip(batch, chosen, strict=True)}
        return {text: classes[ids] for text, ids in tokens.items()}

    def _tokenise(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(" ".join(text.split()), truncation=True, max_length=TOKEN_LIMIT)["input_ids"])


def chexbert(samples: Sequence[Sample], resources: Resources) -> Result:
    """F1 over the observations that predictions and references report, over all 14 and over 5 of them, on raw text.

    The totals are micro F1 (counts pooled over samples and observations) and macro F1 (mean over the observations). Neither is
    a mean of samples' values; a sample's value under both names is the F1 of its own observations (example-based F1). Every
    undefined F1 is 0. An empty text reports nothing. Raises :class:`WeightsError` if the checkpoint cannot be had.
    """
    settings = resources.settings
    weights = fetch(settings.chexbert_source, resources.weights_cache, settings.chexbert_sha256)
    tokenizer = fetch(settings.chexbert_tokenizer, resources.weights_cache)
    torch.set_num_threads(settings.threads)
    labeller = load_chexbert(weights, tokenizer)
    texts = [text for sample in samples for text in (sample.prediction, sample.reference)]
    classes = labeller.classify([text for text in texts if not is_empty(text)], settings.batch_size)
    positive = {POSITIVE, UNCERTAIN} if settings.chexbert_uncertain == "positive" else {POSITIVE}

    def reported(texts: Sequence[str]) -> Mentions:
        nothing = (0,) * len(OBSERVATIONS)
        return np.array([[value in positive for value in classes.get(text, nothing)] for text in texts], dtype=np.bool_)

    predicted, true = reported(texts[::2]), reported(texts[1::2])
    values: dict[str, list[float]] = {}
    totals: dict[str, float] = {}
    for size, columns in GROUPS.items():
        of_samples = f1_of_counts(predicted[:, columns], true[:, columns], axis=1)
        of_observations = f1_of_counts(predicted[:, columns], true[:, columns], axis=0)
        pooled = f1_of_counts(predicted[:, columns].reshape(-1, 1), true[:, columns].reshape(-1, 1), axis=0)
        for name, total in ((f"chexbert_micro_{size}", pooled[0]), (f"chexbert_macro_{size}", float(np.mean(of_observations)))):
            values[name], totals[name] = of_samples, total
    signature = {
        "metric": "F1-CheXbert over 14 and 5 observations; totals: micro and macro F1; a sample: example-based F1",
        "observations": OBSERVATIONS,
        "five": FIVE,
        "uncertain": settings.chexbert_uncertain,
        "undefined F1": 0,
        "checkpoint": settings.chexbert_source,
        "sha256": {weights.name: file_digest(weights)},
        "tokenizer": settings.chexbert_tokenizer,
        "text": "raw, single spaces, cut at 512 tokens",
        "versions": versions("torch", "transformers", "tokenizers"),
    }
    return Result(values, signature, totals)


def f1_of_counts(predicted: Mentions, true: Mentions, axis: int) -> list[float]:
    """F1 along ``axis``: one a column for 0, one a row for 1; 0 where nothing is predicted or nothing is true."""
    hits = (predicted & true).sum(axis).tolist()
    found, wanted = predicted.sum(axis).tolist(), true.sum(axis).tolist()
    return [f1(hit / a, hit / b) if hit else 0.0 for hit, a, b in zip(hits, found, wanted, strict=True)]


@lru_cache(maxsize=1)  # the arms of a system are scored one after another
def load_chexbert(weights: Path, tokenizer: Path) -> CheXbert:
    """Load the published checkpoint: a pickled dict whose ``model_state_dict`` has names that begin with ``module.``.

    Nothing but tensors is unpickled. ``tokenizer`` is the folder of the BERT that it was trained from: its tokenizer and its
    sizes. Raises :class:`WeightsError` if the file is no such checkpoint, its sizes differ, or the tokenizer knows no words.
    """
    from transformers import BertConfig, BertModel

    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)["model_state_dict"]
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        reason = type(error).__name__ if isinstance(error, EOFError) else str(error).splitlines()[0]
        raise WeightsError(f"{weights}: no checkpoint of CheXbert: {reason}", "name the file chexbert.pth") from error
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    state.pop("bert.embeddings.position_ids", None)  # a buffer in the transformers of 2020, computed today
    config = BertConfig.from_pretrained(tokenizer, local_files_only=True)
    model = torch.nn.ModuleDict(
        {
            "bert": BertModel(config),
            "linear_heads": torch.nn.ModuleList(
                torch.nn.Linear(config.hidden_size, 2 if name == "No Finding" else 4) for name in OBSERVATIONS
            ),
        }
    )
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"{weights}: does not fit the BERT in {tokenizer}: {error}", "name the BERT that CheXbert was trained from"
        ) from error
    model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
    heads = model["linear_heads"]
    assert isinstance(heads, torch.nn.ModuleList)
    return CheXbert(load_tokenizer(tokenizer), model["bert"], heads)
