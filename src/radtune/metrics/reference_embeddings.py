"""Reference captions are embedded once: every system of a run, and every later run, is scored against the same vectors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from radtune.artifacts.code_digest import code_digest
from radtune.metrics.kept_tensors import Tensors, kept
from radtune.metrics.token_encoder import Embedded, Encoder


def embed_references(
    encoder: Encoder, references: Iterable[str], batch_size: int, cache: Path, identity: Mapping[str, Any]
) -> dict[str, Embedded]:
    """Embed each distinct reference, or read the vectors that :func:`kept` has below ``cache`` for exactly these references.

    ``identity`` says what the vectors depend on besides the texts (checkpoint, layer, versions). The encoder's code, the device,
    the threads and ``batch_size`` are added, so that stored and newly made vectors agree to the last bit.
    """
    texts = sorted(set(references))
    conditions = {
        **identity,
        "code": code_digest("radtune.metrics.token_encoder"),
        "batch_size": batch_size,
        "device": encoder.model.device.type,
        "threads": torch.get_num_threads(),
    }

    def embed() -> Tensors:
        """Token ids and vectors of all texts end to end, and each text's number of tokens."""
        made = dict(encoder.embed(texts, batch_size))
        embedded = [made[text] for text in texts]
        return {
            "lengths": torch.tensor([len(text.ids) for text in embedded]),
            "ids": torch.tensor([token for text in embedded for token in text.ids]),
            "vectors": torch.cat([text.vectors for text in embedded]) if embedded else torch.empty(0),
        }

    tensors = kept(cache, conditions, json.dumps(texts), embed)
    lengths = tensors["lengths"].tolist()
    ids, vectors = (torch.split(tensors[name], lengths) for name in ("ids", "vectors"))
    return {text: Embedded(tuple(own.tolist()), rows) for text, own, rows in zip(texts, ids, vectors, strict=True)}
