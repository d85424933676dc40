"""Finished batches of a prediction that is under way, so that a kill costs one batch.

They lie beside the output, in ``.<output>.partial/<fingerprint>/``, and are removed once the output is written.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from radtune.artifacts.io import atomic_path

if TYPE_CHECKING:
    from radtune.models.family import Generated


def partial_folder(output: Path) -> Path:
    """Where the unfinished work for ``output`` lies; no workflow declares it, so none deletes it."""
    return output.with_name(f".{output.name}.partial")


def save_batch(folder: Path, number: int, generated: Sequence[Generated]) -> None:
    """Keep one batch, whole or not at all."""
    with atomic_path(_path(folder, number)) as temporary:
        temporary.write_bytes(orjson.dumps([asdict(one) for one in generated]))


def load_batch(folder: Path, number: int) -> list[Generated] | None:
    """A kept batch, or None."""
    from radtune.models.family import Generated  # here, so that the rows can be counted where there is no torch

    path = _path(folder, number)
    return [Generated(**one) for one in orjson.loads(path.read_bytes())] if path.exists() else None


def rows_kept(output: Path) -> int:
    """Rows of the batches that are finished for ``output``, of the fingerprint at work last; they may vanish meanwhile."""
    newest = max(partial_folder(output).glob("*/batch-*.json"), key=_modified, default=None)
    if newest is None:
        return 0
    rows = 0
    for path in newest.parent.glob("batch-*.json"):
        with contextlib.suppress(FileNotFoundError):
            rows += len(orjson.loads(path.read_bytes()))
    return rows


def remove(output: Path) -> None:
    """Remove the unfinished work for ``output``, whatever its fingerprint."""
    shutil.rmtree(partial_folder(output), ignore_errors=True)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _path(folder: Path, number: int) -> Path:
    return folder / f"batch-{number:06d}.json"
