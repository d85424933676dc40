"""The configuration of a network as the settings of a model describe it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radtune.config.models import BuildSettings
from radtune.weights.source import parse_source


def published(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` over it, key by key.

    A block of the changes (or all of them) that names a `model_type` is another network's and replaces the block it meets.
    """
    if "model_type" in changes:
        return dict(changes)
    result = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = published(result[key], value) if nested else value
    return result


def local_checkpoint(build: BuildSettings, part: str) -> Path | None:
    """Folder of the part's `path:` source if it holds a `config.json`, which then says more than any setting; else None."""
    source = parse_source(build.sources[part])
    folder = Path(source.name).expanduser()
    return folder if source.scheme == "path" and (folder / "config.json").is_file() else None
