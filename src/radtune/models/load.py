"""From a config entry to a model: pretrained, tiny, or a skeleton without weights."""

from __future__ import annotations

from pathlib import Path

import torch

from radtune.config.models import BuildSettings
from radtune.models.families import paligemma, smolvlm, visiongpt2
from radtune.models.family import FamilyModel

_LOAD = {"paligemma": paligemma.load, "smolvlm": smolvlm.load, "visiongpt2": visiongpt2.load}
_SKELETON = {"paligemma": paligemma.skeleton, "smolvlm": smolvlm.skeleton, "visiongpt2": visiongpt2.skeleton}


def load_model(build: BuildSettings, *, weights_cache: Path, seed: int, precision: str) -> FamilyModel:
    """The model that ``build`` describes, in evaluation mode, on the CPU.

    ``seed`` decides every weight that no source brings; the generators of torch are left as they were.
    ``precision`` (`float32` or `bfloat16`) is that of every parameter.
    Raises :class:`ConfigError` for parts or options the family does not have, :class:`WeightsError` if weights cannot be had.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _LOAD[build.family](build, weights_cache=weights_cache, precision=precision)


def load_skeleton(build: BuildSettings) -> FamilyModel:
    """The model at its published size on the meta device, to count parameters and match targets without a download.

    It has no tokenizer: it can be adapted, but neither trained nor asked.
    """
    return _SKELETON[build.family](build)
