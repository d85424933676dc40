"""The pretrained parts a model is put together from, and the precision it runs in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError, WeightsError
from radtune.weights.fetch import fetch
from radtune.weights.source import parse_source

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}

PICKLED = (".pth", ".pt", ".tar", ".bin", ".ckpt")
"""Endings of files that `torch.save` wrote."""


def check_parts(build: BuildSettings, parts: Sequence[str]) -> None:
    """Raise :class:`ConfigError` unless `build.sources` names exactly ``parts``."""
    if set(build.sources) != set(parts):
        raise ConfigError(
            f"build.sources: {build.family} takes {', '.join(parts)}, not {', '.join(sorted(build.sources)) or 'nothing'}",
            "name a source for each of them, and no other",
        )


def is_tiny(build: BuildSettings, part: str) -> bool:
    """Whether the part is built small and random instead of being fetched."""
    return parse_source(build.sources[part]).scheme == "tiny"


def fetch_part(build: BuildSettings, part: str, weights_cache: Path) -> Path:
    """File or folder of a part's weights, downloaded at first use and proved."""
    return fetch(build.sources[part], weights_cache, build.sha256.get(part))


def safetensors_file(path: Path) -> Path:
    """``path`` itself if it is a file, else the one safetensors file of a checkpoint folder."""
    if path.is_file():
        return path
    file = path / "model.safetensors"
    if not file.is_file():
        raise WeightsError(f"{path}: no model.safetensors in it", "name a checkpoint that holds its weights as safetensors")
    return file


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a checkpoint by name: a safetensors file, a folder that holds `model.safetensors`, or a pickled state dictionary
    (also as the entry `state_dict` of a training's checkpoint) that torch's restricted unpickler accepts.

    Raises :class:`WeightsError` for anything else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = path if path.suffix in PICKLED else safetensors_file(path)
    try:
        if file.suffix not in PICKLED:
            return load_file(file)
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, UnpicklingError, RuntimeError, ValueError, EOFError) as error:
        raise WeightsError(
            f"{file}: not a checkpoint of tensors alone: {str(error).splitlines()[0]}",
            "name a safetensors file, or a state dictionary that torch.load(…, weights_only=True) reads",
        ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise WeightsError(f"{file}: holds no state dictionary", "name a checkpoint of tensors by name")
    return state


def set_precision(network: nn.Module, precision: str) -> None:
    """Convert the parameters, in place.

    Batch normalisation stays in float32, as in mixed-precision training, and so do all buffers: rotary frequencies would lose
    positions in bfloat16.
    """
    for module in network.modules():
        if not isinstance(module, nn.modules.batchnorm._BatchNorm):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(PRECISIONS[precision])
