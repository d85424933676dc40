"""The file of an adapter: every trained tensor by name, and how they were trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from radtune.artifacts.digests import canonical_json
from radtune.artifacts.io import atomic_path
from radtune.config.base import validated
from radtune.config.models import TrainStep
from radtune.errors import ArtifactError

METADATA_KEY = "radtune"
"""The one metadata entry. One, because safetensors writes several in an order that differs from process to process."""


@dataclass(frozen=True)
class AdapterMetadata:
    """How an adapter was made."""

    fingerprint: str
    """Of the training (:func:`radtune.training.checkpoints.fingerprint`)."""
    seed: int
    settings: TrainStep


def write_adapter(path: Path, tensors: Mapping[str, Tensor], metadata: AdapterMetadata) -> None:
    """Write an adapter whole or not at all; the same tensors and metadata give the same bytes. Raises :class:`ArtifactError`."""
    text = canonical_json(
        {
            "fingerprint": metadata.fingerprint,
            "seed": metadata.seed,
            "settings": metadata.settings.model_dump(mode="json"),
        }
    )
    with atomic_path(path) as temporary:
        try:
            save_file(dict(tensors), temporary, metadata={METADATA_KEY: text})
        except SafetensorError as error:  # its way to report a full disk
            raise OSError(str(error)) from error


def read_adapter_metadata(path: Path) -> AdapterMetadata:
    """What an adapter says about itself; tensors are not read. Raises :class:`ArtifactError` if ``path`` is no adapter."""
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {})[METADATA_KEY]
    except FileNotFoundError:
        raise ArtifactError(f"{path}: missing", "train the model, or correct the path") from None
    except (SafetensorError, KeyError, OSError) as error:
        raise ArtifactError(f"{path}: not an adapter that radtune wrote: {error}", "train the model again") from error
    values = orjson.loads(text)
    return AdapterMetadata(values["fingerprint"], values["seed"], validated(TrainStep, values["settings"], where=str(path)))
