"""A pretrained encoder of texts, token by token: the part of BERTScore that costs time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from radtune.errors import ConfigError
from radtune.metrics.batches import equal_length_batches
from radtune.weights.checkpoint_folder import check_complete, load_tokenizer, reading

UNLIMITED = 1_000_000
"""``transformers`` gives 1e30 as the length limit of a tokenizer that has none; anything above this means the same."""


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

    @property
    def vocabulary(self) -> int:
        """One more than the largest token id."""
        size: int = self.model.config.vocab_size
        return size

    def tokenise(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of each text, with begin and end."""
        if not texts:
            return []
        stripped = [text.strip() for text in texts]
        encoded = self.tokenizer(stripped, padding=False, truncation=self.limit is not None, max_length=self.limit)
        return [tuple(ids) for ids in encoded["input_ids"]]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """First and one past the last character of ``text`` that each token stands for; begin and end of the text have none."""
        leading = len(text) - len(text.lstrip())
        encoded = self.tokenizer(
            text.strip(), truncation=self.limit is not None, max_length=self.limit, return_offsets_mapping=True
        )
        return [(start + leading, end + leading) for start, end in encoded["offset_mapping"]]

    @torch.inference_mode()
    def embed(self, texts: Iterable[str], batch_size: int) -> Iterator[tuple[str, Embedded]]:
        """Embed each distinct text once. A batch holds texts of equal length, so nothing is padded and nothing depends on it."""
        distinct = sorted(set(texts))
        tokenised = zip(distinct, self.tokenise(distinct), strict=True)
        for batch in equal_length_batches(tokenised, lambda item: len(item[1]), batch_size):
            states = self.model(torch.tensor([ids for _, ids in batch], device=self.model.device)).last_hidden_state
            vectors = torch.nn.functional.normalize(states, dim=-1).cpu()
            for (text, ids), text_vectors in zip(batch, vectors, strict=True):
                yield text, Embedded(ids, text_vectors)


@lru_cache(maxsize=1)  # the arms of a system are scored one after another
def load_encoder(folder: Path, layer: int) -> Encoder:
    """Load the tokenizer and the first ``layer`` layers in float32.

    Raises :class:`ConfigError` if there are fewer, and :class:`WeightsError` if ``folder`` does not hold all that is needed.
    """
    from transformers import AutoConfig, AutoModel

    with reading(folder):
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    if layer > config.num_hidden_layers:
        raise ConfigError(f"metrics.bertscore_layer: {layer}, but {folder} has {config.num_hidden_layers} layers")
    with reading(folder):
        tokenizer = load_tokenizer(folder)
        model, found = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            num_hidden_layers=layer,  # the last hidden state is then that of the wanted layer, and later layers cost nothing
            output_loading_info=True,
        )
    # Some networks have a pooler, which takes no part, and which checkpoints for other tasks lack.
    check_complete(folder, [name for name in found["missing_keys"] if not name.startswith("pooler.")])
    limit = min(tokenizer.model_max_length, UNLIMITED)
    if getattr(config, "position_biased_input", True):  # False for DeBERTa, whose positions are relative only
        limit = min(limit, config.max_position_embeddings)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Encoder(tokenizer, model.eval().to(device), None if limit == UNLIMITED else limit)
