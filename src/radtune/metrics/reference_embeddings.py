"""Reference captions are embedded once: every system of a run, and every later run, is scored against the same vectors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from radtune.artifacts.code_digest import code_digest
from radtune.artifacts.digests import canonical_json, text_digest
from radtune.artifacts.io import atomic_path
from radtune.metrics.token_encoder import Embedded, Encoder


def embed_references(
    encoder: Encoder, references: Iterable[str], batch_size: int, cache: Path, identity: Mapping[str, Any]
) -> dict[str, Embedded]:
    """Embed each distinct reference, or read the vectors that were stored for exactly these references.

    ``identity`` says what the vectors depend on besides the texts (checkpoint, layer, versions). The encoder's code, the device,
    the threads and ``batch_size`` are added, so that stored and newly made vectors agree to the last bit. A file lies at
    ``<cache>/<digest of all that>/<digest of the texts>.safetensors``, is written whole, and may be deleted at any time.
    Of several jobs that need one file, one makes it and the others wait. Nothing is kept in a cache that is read-only.
    """
    texts = sorted(set(references))
    conditions = {
        **identity,
        "code": code_digest("radtune.metrics.token_encoder"),
        "batch_size": batch_size,
        "device": encoder.model.device.type,
        "threads": torch.get_num_threads(),
    }
    path = cache / text_digest(canonical_json(conditions)) / f"{text_digest(json.dumps(texts))}.safetensors"
    if (stored := _load(path, texts)) is not None:
        return stored
    if not _writable(path.parent):
        return dict(encoder.embed(texts, batch_size))
    with FileLock(path.with_suffix(".lock")):
        if (stored := _load(path, texts)) is not None:
            return stored
        made = dict(encoder.embed(texts, batch_size))
        _save(path, [made[text] for text in texts])
        return made


def _writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, which is made where it is absent."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _save(path: Path, embedded: Sequence[Embedded]) -> None:
    """Write token ids and vectors of all texts end to end, and each text's number of tokens."""
    tensors = {
        "lengths": torch.tensor([len(text.ids) for text in embedded]),
        "ids": torch.tensor([token for text in embedded for token in text.ids]),
        "vectors": torch.cat([text.vectors for text in embedded]) if embedded else torch.empty(0),
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)


def _load(path: Path, texts: Sequence[str]) -> dict[str, Embedded] | None:
    """What :func:`_save` wrote for ``texts``, or None where there is no such file or it is damaged."""
    try:
        tensors = load_file(path)
    except (FileNotFoundError, SafetensorError):
        return None
    lengths = tensors["lengths"].tolist()
    ids, vectors = (torch.split(tensors[name], lengths) for name in ("ids", "vectors"))
    return {text: Embedded(tuple(own.tolist()), rows) for text, own, rows in zip(texts, ids, vectors, strict=True)}
