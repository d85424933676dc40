"""Resumable states of a training, whole or absent, in a folder that only the same training will ever use.

``checkpoints/<fingerprint>/step-00000200/`` holds `trained.safetensors` (what training changed), `optimizer.pt`
(optimiser, schedule, float32 masters) and `progress.json`. A state is written under a temporary name, synced and
renamed, so that a kill leaves either all of it or none. The newest state and the one with the best validation loss are
kept.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from radtune.artifacts.digests import canonical_json, text_digest
from radtune.artifacts.provenance import record_input
from radtune.config.base import Settings
from radtune.errors import ArtifactError
from radtune.training.progress import PROGRESS, Progress, read_progress, saved_steps, state_folder

TRAINED, OPTIMIZER = "trained.safetensors", "optimizer.pt"


def fingerprint(settings: Settings, seed: int, code: str, inputs: list[Path]) -> str:
    """SHA-256 over everything a result depends on: settings, seed, code digest and the content of the inputs, in order.

    A state is resumed only under the same fingerprint; a changed recipe starts anew.
    """
    digests = [record_input(path).digest for path in inputs]
    return text_digest(canonical_json({"settings": settings.canonical(), "seed": seed, "code": code, "inputs": digests}))


class Checkpoints:
    """The states of one training below one folder."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder / fingerprint

    def state_folder(self, step: int) -> Path:
        """Where the state after ``step`` optimiser steps lies."""
        return state_folder(self.folder, step)

    def save(self, progress: Progress, trained: Mapping[str, Tensor], optimizer: Mapping[str, Any]) -> None:
        """Write the state whole or not at all, then remove all but it and the best one. Raises :class:`ArtifactError`
        if it cannot."""
        target = self.state_folder(progress.step)
        if target.exists():  # just resumed from it; the same step of the same training is the same state
            return
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            save_file(dict(trained), temporary / TRAINED)
            torch.save(dict(optimizer), temporary / OPTIMIZER)
            (temporary / PROGRESS).write_bytes(orjson.dumps(asdict(progress)))
            for path in (*temporary.iterdir(), temporary):
                _sync(path)
            temporary.rename(target)
            _sync(self.folder)
        except (OSError, SafetensorError, RuntimeError) as error:  # the last two are how safetensors and torch report a full disk
            shutil.rmtree(temporary, ignore_errors=True)
            raise ArtifactError(f"{target}: cannot be written: {error}", "free disk space or correct the permissions") from error
        for step in saved_steps(self.folder):
            if step not in (progress.step, progress.best_step):
                shutil.rmtree(self.state_folder(step))

    def latest(self) -> Progress | None:
        """The newest whole state's progress, or None if there is none."""
        steps = saved_steps(self.folder)
        return read_progress(self.folder, steps[-1]) if steps else None

    def trained_path(self, step: int) -> Path:
        """The trained tensors of the state after ``step`` steps."""
        return self.state_folder(step) / TRAINED

    def optimizer_state(self, step: int) -> dict[str, Any]:
        """What :meth:`save` was given as ``optimizer``."""
        state: dict[str, Any] = torch.load(self.state_folder(step) / OPTIMIZER, map_location="cpu", weights_only=True)
        return state


def remove_all(folder: Path) -> None:
    """Remove every state below ``folder``, those of other fingerprints too: the training they were for is done or has changed."""
    for path in folder.iterdir():
        if path.is_dir() and re.fullmatch(r"[0-9a-f]{64}", path.name):
            shutil.rmtree(path)


def _sync(path: Path) -> None:
    """Make what is written at ``path`` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
