"""Load a configuration from YAML files, as Snakemake does: later files win, key by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radtune.config.base import read_yaml, validated
from radtune.config.run import RadtuneConfig
from radtune.errors import ConfigError


def load_config(files: Sequence[Path]) -> RadtuneConfig:
    """Merge ``files`` and check the result. Raises :class:`ConfigError` that names every wrong key."""
    merged: dict[str, Any] = {}
    for path in files:
        values = read_yaml(path)
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: holds {type(values).__name__}, expected keys and values")
        merged = merge(merged, values)
    return validated(RadtuneConfig, merged, where=" + ".join(map(str, files)))


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``overlay`` over it: mappings key by key, all else replaced."""
    result = dict(base)
    for key, value in overlay.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result
