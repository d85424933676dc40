"""Tensors that are computed once and kept in a file: vectors of references, and of images.

A file is called after everything that its tensors depend on, is written whole, and may be deleted at any time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from radtune.artifacts.digests import canonical_json, text_digest
from radtune.artifacts.io import atomic_path

Tensors = dict[str, torch.Tensor]


def kept(folder: Path, conditions: dict[str, Any], content: str, make: Callable[[], Tensors]) -> Tensors:
    """The tensors in ``<folder>/<digest of conditions>/<digest of content>.safetensors``, made and kept there if they are not.

    ``conditions`` (fit for JSON) and ``content`` say what the tensors depend on. Of several jobs that need one file, one makes it
    and the others wait. A damaged file is made again. Nothing is kept in a folder that cannot be written.
    """
    path = folder / text_digest(canonical_json(conditions)) / f"{text_digest(content)}.safetensors"
    if (stored := _load(path)) is not None:
        return stored
    if not _writable(path.parent):
        return make()
    with FileLock(path.with_suffix(".lock")):
        if (stored := _load(path)) is not None:
            return stored
        made = make()
        with atomic_path(path) as temporary:
            save_file(made, temporary)
        return made


def _writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, which is made where it is absent."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _load(path: Path) -> Tensors | None:
    """What is kept in ``path``, or None where there is no such file or it is damaged."""
    try:
        return load_file(path)
    except (FileNotFoundError, NotADirectoryError, SafetensorError):
        return None
