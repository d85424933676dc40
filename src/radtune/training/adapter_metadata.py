"""What an adapter file says about the training that made it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson
from safetensors import SafetensorError, safe_open

from radtune.config.base import validated
from radtune.config.models import TrainStep
from radtune.errors import ArtifactError

METADATA_KEY = "radtune"
"""The one metadata entry of an adapter: canonical JSON."""


@dataclass(frozen=True)
class AdapterMetadata:
    """How an adapter was made."""

    fingerprint: str
    seed: int
    settings: TrainStep


def read_adapter_metadata(path: Path) -> AdapterMetadata:
    """Read it. Raises :class:`ArtifactError` if ``path`` is no adapter."""
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {})[METADATA_KEY]
    except FileNotFoundError:
        raise ArtifactError(f"{path}: missing", "train the model, or correct the path") from None
    except (SafetensorError, KeyError, OSError) as error:
        raise ArtifactError(f"{path}: not an adapter that radtune wrote: {error}", "train the model again") from error
    values = orjson.loads(text)
    return AdapterMetadata(values["fingerprint"], values["seed"], validated(TrainStep, values["settings"], where=str(path)))
