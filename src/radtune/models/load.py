"""From a config entry to a model: pretrained, tiny, or a skeleton without weights.

Families are loaded by name, so that a step that names its family's module in its code digest reruns when that family changes and
not when another does.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

import torch

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError
from radtune.models.family import FamilyModel

OPTIONS = {
    "architecture": ({},),
    "attention": ("auto", "sdpa"),
    "quantisation": ("none",),
    "vision_backbone": (BuildSettings.model_fields["vision_backbone"].default,),
}
"""Settings of a build that not every family follows, each with the values that ask nothing of it. Networks of our own compute
attention by torch's own function, which is what `sdpa` means."""


def family_class(build: BuildSettings) -> type[FamilyModel]:
    """The class of the family that ``build`` names: what its module calls ``FAMILY``."""
    return cast(type[FamilyModel], import_module(f"radtune.models.families.{build.family}").FAMILY)


def _checked_family(build: BuildSettings) -> type[FamilyModel]:
    """The class of the family. Raises :class:`ConfigError` for a setting that it would ignore."""
    family = family_class(build)
    for option, harmless in OPTIONS.items():
        value = getattr(build, option)
        if option not in family.options_taken and value not in harmless:
            raise ConfigError(f"build.{option}: {build.family} does not follow it (value {value!r})", "leave it out")
    return family


def load_model(build: BuildSettings, *, weights_cache: Path, seed: int, precision: str) -> FamilyModel:
    """The model that ``build`` describes, in evaluation mode, on the CPU.

    ``seed`` decides every weight that no source brings; the generators of torch are left as they were.
    ``precision`` (`float32` or `bfloat16`) is that of every parameter but batch normalisation's, which stay float32.
    Raises :class:`ConfigError` for parts, options or settings that the family does not have, :class:`WeightsError` if weights
    cannot be had.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _checked_family(build).load(build, weights_cache=weights_cache, precision=precision)


def load_skeleton(build: BuildSettings) -> FamilyModel:
    """The model at its size on the meta device, to count parameters and match targets without a download.

    The size is that of a `tiny:` source, of the `config.json` in the folder of a `path:` source, or else the family's published
    one with `build.architecture` over it. It has no tokenizer: it can be adapted, but neither trained nor asked.
    """
    return _checked_family(build).skeleton(build)
